/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages: records in the queue of a member
 *
 * A queue is a ring (ring.h) with one consumer, the member's dispatcher.  The
 * first thread that needs the queue makes it, sender or receiver.  Payload of
 * more than RING_INLINE bytes travels as a block: thread_rec.msg_block has the
 * block until the record is committed.  From then on the record has it, until
 * its handler takes it or it is freed.
 */
#ifndef FUSION_CORE_MESSAGE_H
#define FUSION_CORE_MESSAGE_H

#include "libfusion/core/base/wait.h"
#include "libfusion/core/talk/ring.h"

/* A wake that is owed to the consumer of a ring. */
struct owed {
	struct ring ring;
	uint64_t pos;
	bool slept;
};

/*
 * Find the queue of member @id in @slot, or make it.
 *
 *   0 and *ret
 *   -ESRCH  the member is not inside
 *   -ENOSPC, -ENOMEM, -EIO, -ETIMEDOUT as ring_open()
 */
int message_queue(struct view *v, struct thread_rec *me, uint32_t slot,
		  uint32_t id, struct ring *ret);

/*
 * Put a record into the queue of member @id in @slot.
 *
 * @h says all but the target.  With MSG_BLOCK in h->flags the block is
 * me->msg_block and @data is ignored; else @data are h->size bytes.  The
 * consumer is woken, unless @owed is given: then the caller does message_wake()
 * and ring_finish().
 *
 *   0
 *   -EAGAIN    the queue is full
 *   -ESRCH     the member is not inside
 *   -EMSGSIZE  the payload is larger than RING_INLINE
 *   others as message_queue()
 *
 * On failure msg_block is still the caller's.
 */
int message_post(struct view *v, struct thread_rec *me, uint32_t slot,
		 uint32_t id, const struct msg_head *h, const void *data,
		 struct owed *owed);
/* Wake the consumer, if it slept. */
void message_wake(const struct owed *owed);

/*
 * As message_post(), for the daemon, which must not sleep: with -EAGAIN the
 * visitors' bell rings when there may be room.
 *
 *   -EIO also if the queue is full and makes no sense
 */
int message_offer(struct view *v, struct thread_rec *me, uint32_t slot,
		  uint32_t id, const struct msg_head *h, const void *data);

/*
 * Wait for room, after message_post() failed with -EAGAIN, as @wait says.
 *
 *   0           try again
 *   -ETIMEDOUT, -EINTR  the wait is over
 *   -ESRCH      the member is gone
 *   -EIO        the queue makes no sense
 */
int message_wait(struct view *v, uint32_t slot, uint32_t id, struct wait *wait);

/* Close the queue of the member in @slot, which has left or died.  0; -EIO the
 * member names a ring that there is not; -ETIMEDOUT as ring_close_queue(); or
 * as life_rec_get(). */
int message_recover_member(struct view *v, uint32_t slot);

#endif
