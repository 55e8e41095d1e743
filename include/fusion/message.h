/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Messages: bytes or a block of the heap for one member, in its queue.
 *
 * Each member has a queue, which its dispatcher empties (fusion/dispatch.h).
 * Messages that one thread sends to one member arrive in the order in which
 * they were sent; between senders there is no order.  A message that was sent
 * is handled once, unless its receiver leaves or dies first.
 *
 * In the mounted tree a queue is members/ID/queue, and what is written to
 * members/ID/inbox is a message.
 */
#ifndef FUSION_MESSAGE_H
#define FUSION_MESSAGE_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** flags: with a queue that is full, drop the message and count it (`dropped`
 * in members/ID/queue) rather than wait or fail. */
#define FUSION_MESSAGE_DROP 0x1u

/** A type for fusion_message_handle(): all that have no handler of their own.
 */
#define FUSION_ANY_TYPE ((uint32_t)-1)

/** A message as its handler sees it; valid until the handler returns. */
struct fusion_message {
	struct fusion_arena *arena;
	fusion_id_t sender; /**< member that sent it; 0: from a shell */
	uint32_t type;	    /**< as the sender gave it */
	const void *data;   /**< the bytes, or the block */
	size_t size;	    /**< bytes; of a block: as many as may be used */
	bool is_block;	    /**< fusion_message_send_block() sent it */
};

/**
 * Handle a message.
 *
 * Runs on the dispatcher, one handler at a time, and may do everything but
 * leave the arena.  While it runs no other message of the arena is handled:
 * who has much to do hands it to a thread of his own.
 * May not return: see fusion/types.h.
 */
typedef void (*fusion_message_fn)(const struct fusion_message *message,
				  void *ctx);

/**
 * Send bytes to a member.
 *
 * @param to          the member's id, also the caller's own
 * @param type        for the receiver to choose a handler by; any but
 *                    FUSION_ANY_TYPE
 * @param data, size  copied; of any size that the heap can hold (more than 1
 * KiB travels as a block of the heap); NULL with size 0
 * @param flags       FUSION_MESSAGE_DROP or 0
 * @param timeout_ns  longest wait for room in the queue; 0 does not wait,
 *                    FUSION_FOREVER
 *
 * @return 0 it is in the queue, or dropped; -EAGAIN no room (timeout_ns 0);
 *         -ETIMEDOUT; -ESRCH no such member; -EINVAL; -ENOMEM; -ENOSPC the
 *         arena has as many queues as it can; -EMFILE too many threads
 *
 * Any thread, also a handler; but a handler that waits for room in its own
 * queue waits in vain, so that is -EAGAIN at once.  Signals do not end the
 * wait.  A sender that is killed has sent the whole message or nothing.
 */
FUSION_API int fusion_message_send(struct fusion_arena *arena, fusion_id_t to,
				   uint32_t type, const void *data, size_t size,
				   unsigned flags, int64_t timeout_ns);

/**
 * Send a block of the heap, which is the receiver's then.
 *
 * @param block  as from fusion_malloc(); the caller must not use it any more if
 *               this returns 0.  If it fails the block is still the caller's;
 *               dropped (FUSION_MESSAGE_DROP), it is freed
 *
 * @return as fusion_message_send(); -EINVAL also: no block of this arena
 *
 * Nothing is copied.  The block is freed when the receiver's handler returns,
 * unless that has taken it; also if sender or receiver dies on the way.
 */
FUSION_API int fusion_message_send_block(struct fusion_arena *arena,
					 fusion_id_t to, uint32_t type,
					 void *block, unsigned flags,
					 int64_t timeout_ns);

/**
 * Take the block of a message: it is the caller's to free, with fusion_free().
 *
 * @return the block, or NULL: the message has none, or it was taken already
 *
 * The handler only.  Works also for bytes that came as a block because there
 * were many of them.
 */
FUSION_API void *fusion_message_take(const struct fusion_message *message);

/**
 * Have messages of a type handled.
 *
 * @param type  one type, or FUSION_ANY_TYPE: those that have no handler
 * @param fn    NULL: nobody handles them any more
 *
 * @return 0; -ENOMEM; -EINVAL; what dispatch needs: -ENOSPC no more queues,
 *         -EAGAIN no more threads (of the system), -EMFILE (of the arena)
 *
 * Any thread, also a handler.  Starts the dispatcher if nobody has.  Messages
 * that came before wait in the queue until there is a dispatcher; those that
 * nobody handles then are dropped and counted.  When it returns, the former
 * handler does not run any more (unless the caller is it).
 */
FUSION_API int fusion_message_handle(struct fusion_arena *arena, uint32_t type,
				     fusion_message_fn fn, void *ctx);

FUSION_END_DECLS

#endif
