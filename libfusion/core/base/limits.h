/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Limits that decide which branches run
 *
 * -DFUSION_SMALL_LIMITS makes them tiny, so that the crash harness reaches in
 * a short script what otherwise takes a long one: refills, overflows, growth.
 * They are private to a process: builds with different limits share arenas.
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
/* Nobody looks again by himself: a wake that is lost shows. */
#define SUSPECT_FIRST_NS (1LL << 60)
#define SUSPECT_LAST_NS (1LL << 60)
#define BURY_NS (1LL << 60)
#define HEIR_AFTER_NS (1LL << 60)
#define HEIR_NAP_NS (1LL << 60)
#else
#define SUSPECT_FIRST_NS 100000000LL /* a waiter's first probe of the owner */
#define SUSPECT_LAST_NS 1000000000LL /* and the longest pause between two */
#define BURY_NS 2000000LL	     /* a recoverer's wait for the life lock */
#define HEIR_AFTER_NS 1000000LL	     /* a wait this long is handed the lock */
#define HEIR_NAP_NS 16000000LL /* longest pause of who cannot be heir yet */
#endif

#endif
