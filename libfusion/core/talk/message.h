/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages: records in the queue of a member
 *
 * A queue is a ring (ring.h) with one consumer, the member's dispatcher.  It
 * is made by who first needs it, sender or receiver.  Payload of more than
 * RING_INLINE bytes travels as a block: thread_rec.msg_block has it until the
 * record is committed, then the record has, until who handles it takes it or
 * it is freed.
 */
#ifndef FUSION_CORE_MESSAGE_H
#define FUSION_CORE_MESSAGE_H

#include "libfusion/core/talk/ring.h"

/* A wake that is owed to a sleeper. */
struct owed {
	struct ring ring;
	uint64_t pos;
	bool slept;
};

/* The queue of member @id in @slot.  0; -ESRCH it is not there; -ENOSPC,
 * -ENOMEM, -EIO, -ETIMEDOUT as ring_open(). */
int message_queue(struct view *v, struct thread_rec *me, uint32_t slot,
		  uint32_t id, struct ring *ret);

/*
 * Put a record into the queue of member @id in @slot.  @h says all but target;
 * with MSG_BLOCK the block is me->msg_block and @data is not looked at, else
 * @data are h->size bytes.  The sleeper is woken, or with @owed, that is left
 * to message_wake() (and ring_finish()).
 * 0; -EAGAIN it is full; -ESRCH; -EMSGSIZE; others as message_queue().  On
 * failure msg_block is still the caller's.
 */
int message_post(struct view *v, struct thread_rec *me, uint32_t slot,
		 uint32_t id, const struct msg_head *h, const void *data,
		 struct owed *owed);
void message_wake(const struct owed *owed);

/*
 * The same for who must not sleep: -EAGAIN, and the visitors' bell rings when
 * there may be room.  -EIO also if the queue makes no sense.
 */
int message_offer(struct view *v, struct thread_rec *me, uint32_t slot,
		  uint32_t id, const struct msg_head *h, const void *data);

/*
 * message_post() failed with -EAGAIN: wait until there may be room, at most to
 * @deadline_ns (CLOCK_MONOTONIC, < 0 for ever).  0 try again; -ETIMEDOUT;
 * -ESRCH it is gone.
 */
int message_wait(struct view *v, uint32_t slot, uint32_t id,
		 int64_t deadline_ns);

/* The queue of the member in @slot goes with it; for recovery. */
int message_recover_member(struct view *v, uint32_t slot);

#endif
