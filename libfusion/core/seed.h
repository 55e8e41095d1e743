/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Seeded bugs: build variants that the crash harness must find
 *
 * `if (SEED_BUG(3)) ...` breaks the protocol on purpose in the build made with
 * -DFUSION_SEED_BUG=3 and is nothing in every other build.  tests/crash lists
 * them and fails when one goes unnoticed: that is how we know that a clean run
 * means something.
 *
 *    1  heap: run allocation is not undone
 *    2  heap: run free is not redone
 *    3  heap: span intent announced after its stores
 *    4  heap: slab published with a stale map
 *    5  heap: malloc_to without its announcement
 *   10  field: add announces only after it has taken the entry
 *   11  field: recovery of remove frees the entry but leaves it in its chain
 *   12  member: a slot is freed before what it held is recovered
 */
#ifndef FUSION_CORE_SEED_H
#define FUSION_CORE_SEED_H

#ifdef FUSION_SEED_BUG
#define SEED_BUG(n) ((n) == FUSION_SEED_BUG)
#else
#define SEED_BUG(n) 0
#endif

#endif
