/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seeded bugs: build variants that the crash harness must find
 *
 * `if (SEED_BUG(3)) ...` breaks the protocol on purpose in the build made with
 * -DFUSION_SEED_BUG=3 and is nothing in every other build.  tests/crash lists
 * them and fails when one goes unnoticed: that is how we know that a clean run
 * means something.
 *
 *  1  run allocation is not undone          10  field add announced too late
 *  2  run free is not redone                11  field linked before its commit
 *  3  span intent announced after stores    12  field add is not redone
 *  4  slab published with a stale map
 *  5  malloc_to without its announcement
 *  6  span lock freed before the intent is finished
 */
#ifndef FUSION_CORE_SEED_H
#define FUSION_CORE_SEED_H

#ifdef FUSION_SEED_BUG
#define SEED_BUG(n) ((n) == FUSION_SEED_BUG)
#else
#define SEED_BUG(n) 0
#endif

#endif
