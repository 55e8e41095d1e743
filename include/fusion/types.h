/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Types and constants that all of Fusion's headers share.
 *
 * Errors: functions that return int return 0 (or a documented positive value)
 * on success and a negative errno on failure; fusion_strerror(r) in
 * fusion/error.h explains it.  What a function gives back comes through its
 * last parameters and is written on success only.
 *
 * Functions of the program that the library calls need not return.  Such a
 * function may throw a C++ exception through the library, longjmp() out of it,
 * or end its thread, wherever the header of its type says "may not return".
 * Then
 *
 *  - what the function was called for has failed or is over: entering fails
 *    with -ECANCELED for those who wait for it, an exit does not take place, a
 *    caller gets -ECANCELED, an object is gone, a message, an event or a fall
 *    has been delivered.  Reactions behind the one that did not return do not
 *    get that message.
 *  - the library holds nothing for the function any more, and the arena is as
 *    usable as before, for this process and for the others.  After an
 *    exception that is so when the exception is caught.  After a longjmp() it
 *    is so when the same thread next enters or exits an arena, dispatches,
 *    sends, calls or detaches, or when the thread ends; until then others may
 *    wait.  A few bytes of private memory may be lost.
 *  - what the program itself has locked or counted stays so.
 *
 * On a thread of the library's nobody catches an exception: the process ends.
 * A function that runs on another stack (makecontext()) may throw, but may not
 * jump.
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
