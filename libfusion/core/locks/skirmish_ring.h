/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Skirmish: rings of waiters, which are deadlocks. */
#ifndef FUSION_CORE_SKIRMISH_RING_H
#define FUSION_CORE_SKIRMISH_RING_H

#include "libfusion/core/locks/skirmish.h"

/* Say whether @me's wait is one of a ring of waits.  *ret_n, unless NULL, is
 * the number of threads in the ring. */
bool skirmish_in_ring(const struct view *v, const struct thread_rec *me,
		      uint32_t *ret_n);
/*
 * Find the thread that holds the lock for which the thread of @t waits: its
 * record, checked, and *ret_index is the index of the lock.  NULL: @t waits for
 * no lock, or nobody holds that lock.
 */
const struct thread_rec *skirmish_blocker(const struct view *v,
					  const struct thread_rec *t,
					  uint32_t *ret_index);

#endif
