/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Producers: put records into a ring. */
#ifndef FUSION_CORE_RING_PRODUCE_H
#define FUSION_CORE_RING_PRODUCE_H

#include "libfusion/core/talk/ring.h"

/*
 * Claim cells for one record; they follow each other.
 *
 *   0          write the record at *ret_pos, then call ring_commit().  If
 *              *ret_slept, the consumer sleeps at that position: then call
 *              ring_wake(), too
 *   -EAGAIN    the ring is full
 *   -EMSGSIZE  a ring of this size never has so much room
 *   -EIO       a header makes no sense
 */
int ring_claim(struct view *v, struct thread_rec *me, struct ring *r,
	       uint32_t cells, uint64_t *ret_pos, bool *ret_slept);
/* Commit the record at @pos.  The block in thread_rec.msg_block, if any,
 * belongs to the record from now on. */
void ring_commit(struct view *v, struct thread_rec *me, struct ring *r,
		 uint64_t pos, uint32_t cells);
/* Clear the announcement, after ring_commit() and the wake that was owed. */
void ring_finish(struct thread_rec *me);
/* Wake the consumer that sleeps at @pos. */
void ring_wake(const struct ring *r, uint64_t pos);

#endif
