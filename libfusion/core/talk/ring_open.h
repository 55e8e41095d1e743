/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening and closing a ring: it gets an owner, and loses the owner. */
#ifndef FUSION_CORE_RING_OPEN_H
#define FUSION_CORE_RING_OPEN_H

#include "libfusion/core/talk/ring.h"

/*
 * Have the word at @link, which is 0 or a ring's index + 1, name a ring for
 * @owner.  That is the ring that the word names already, or a free one with
 * that number of cells and cursors.  If there is none, one is made.
 *
 *   0           the word names ring *ret_index; call ring_opened(), too
 *   -ENOSPC     all rings are in use
 *   -ENOMEM     the arena cannot grow
 *   -EIO        the word or the table of rings makes no sense
 *   -ETIMEDOUT  the table's lock was not free in time (only with v->patience_ns)
 */
int ring_open(struct view *v, struct thread_rec *me, uint32_t owner,
	      uint32_t cells, uint32_t n_cursors, uint32_t *link,
	      uint32_t *ret_index);
/* After ring_open(): the owner was still there when the word named the ring, or
 * the ring is closed again.  Killed before this, recovery closes the queue of a
 * member that has gone. */
void ring_opened(struct thread_rec *me);

/* Tell whether thread @t, which lives or is dead, has a ring that it opens, and
 * which nobody has closed. */
bool ring_has_opened(const struct view *v, const struct thread_rec *t);

/*
 * Close the ring that thread @t opens, if @t still has the ring, and unlink the
 * ring.  Thread @t is the caller, or dead.
 *
 * Close the queue @index if it is still that of member @owner.  The caller has
 * the life lock.
 *
 * Both drop the records of a queue, free their blocks, and wake the threads
 * that wait for room.  Both are idempotent.  The caller makes sure that nobody
 * consumes from the ring any more.
 *
 *   0           also if the ring was somebody else's
 *   -EINVAL, -EIO  as ring_map()
 *   -ETIMEDOUT  a lock of the heap was not free in time: call it once more
 */
int ring_take_back(struct view *v, struct thread_rec *me, struct thread_rec *t);
int ring_close_queue(struct view *v, struct thread_rec *me, uint32_t index,
		     uint32_t owner);
/* Close a reactor's ring, in which nobody listens any more, if it is still
 * @owner's.  Any number of threads may do so at once. */
void ring_give_up(struct ring *r, uint32_t owner);

#endif
