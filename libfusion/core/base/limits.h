/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits that decide which branches run
 *
 * -DFUSION_SMALL_LIMITS makes the limits tiny, so that a short script of the
 * crash harness reaches refills, overflows and growth.  Limits are private to a
 * process: builds with different limits can share an arena.
 *
 * -DFUSION_NO_PROBE makes the times endless: no waiter then looks again without
 * a wake, so a test notices a lost one.
 */
#ifndef FUSION_CORE_LIMITS_H
#define FUSION_CORE_LIMITS_H

#ifdef FUSION_SMALL_LIMITS
#define LIMIT_MAGAZINE 2   /* blocks kept back per bin and thread */
#define LIMIT_KEEP_SLABS 1 /* slabs a bin keeps though empty */
#define LIMIT_GROW_SPANS 2 /* 64 KiB spans reserved at a time */
#else
#define LIMIT_MAGAZINE 40
#define LIMIT_KEEP_SLABS 2
#define LIMIT_GROW_SPANS 32 /* 2 MiB */
#endif

#ifdef FUSION_NO_PROBE
#define SUSPECT_FIRST_NS (1LL << 60)
#define SUSPECT_LAST_NS (1LL << 60)
#define BURY_NS (1LL << 60)
#define HEIR_AFTER_NS (1LL << 60)
#define HEIR_NAP_NS (1LL << 60)
#else
#define SUSPECT_FIRST_NS \
	100000000LL /* before a waiter first probes the owner */
#define SUSPECT_LAST_NS 1000000000LL /* longest pause between two probes */
#define BURY_NS 2000000LL	     /* a recoverer's wait for the life lock */
#define HEIR_AFTER_NS 1000000LL	     /* a wait this long is handed the lock */
#define HEIR_NAP_NS 16000000LL /* longest sleep of a waiter that is no heir */
#endif

#endif
