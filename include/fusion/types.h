/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Types and constants that all of Fusion's headers share.
 *
 * Errors: functions that return int return 0 (or a documented positive value)
 * on success and a negative errno on failure; fusion_strerror(r) in
 * fusion/error.h explains it.  What a function gives back comes through its
 * last parameters and is written on success only.
 */
#ifndef FUSION_TYPES_H
#define FUSION_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#define FUSION_BEGIN_DECLS extern "C" {
#define FUSION_END_DECLS }
#else
#define FUSION_BEGIN_DECLS
#define FUSION_END_DECLS
#endif

#define FUSION_API __attribute__((visibility("default")))

/** Id of a member or a primitive: counts up, never reused in an arena. */
typedef uint32_t fusion_id_t;

/** A time-out that never comes.  Others are in nanoseconds; 0 does not wait. */
#define FUSION_FOREVER ((int64_t)-1)

/** All other members, where a member's id is asked for. */
#define FUSION_ALL ((fusion_id_t)0)

#endif
