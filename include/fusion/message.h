/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Messages: send bytes, or a block of the heap, to one member.
 *
 * Each member has a queue in the arena, and its dispatcher handles what comes
 * (fusion/dispatch.h).  Messages from one thread to one member arrive in the
 * order in which they were sent.  Messages of different senders have no order.
 * Each message is handled once, unless its receiver leaves or dies before.
 *
 * In the mounted tree the queue is the file members/ID/queue.  What a shell
 * writes to members/ID/inbox is a message.
 */
#ifndef FUSION_MESSAGE_H
#define FUSION_MESSAGE_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** flags: if the queue is full (after timeout_ns), drop the message instead of
 *  failing.  members/ID/queue shows how many were dropped. */
#define FUSION_MESSAGE_DROP 0x1u

/** A type for fusion_message_handle(): all types without a handler of their
 *  own. */
#define FUSION_ANY_TYPE ((uint32_t)-1)

/** A message as its handler sees it; valid until the handler returns.  It grows
 *  at its end: never copy it. */
struct fusion_message {
	struct fusion_arena *arena;
	fusion_id_t sender;  /**< member that sent it; 0: a shell did */
	uint32_t type;	     /**< as the sender gave it */
	const void *data;    /**< the bytes, or the block; NULL: it was taken */
	size_t size;	     /**< bytes; of a block: its usable size */
	bool is_block;	     /**< fusion_message_send_block() sent it */
	uint8_t reserved[7]; /**< 0 */
};

/**
 * A function that handles messages.
 *
 * @param message  the message, valid until the function returns
 * @param ctx      as given to fusion_message_handle()
 *
 * Runs as a handler (fusion/dispatch.h), one at a time.  May use the whole
 * library; fusion_arena_exit() returns -EDEADLK there.  Other messages of the
 * arena wait meanwhile, so hand long work to a thread of the program.  May
 * leave without returning: see fusion/types.h.
 */
typedef void (*fusion_message_fn)(const struct fusion_message *message,
				  void *ctx);

/**
 * Send bytes to a member.
 *
 * @param arena       the arena
 * @param to          the member's id; may be this member
 * @param type        selects the receiver's handler; any but FUSION_ANY_TYPE
 * @param data        the bytes, which are copied; NULL if @size is 0
 * @param size        how many; less than 4 GiB.  More than 1 KiB travel in a
 *                    block of the heap
 * @param flags       FUSION_MESSAGE_DROP and FUSION_WAIT_..., or 0
 * @param timeout_ns  longest wait for room in the queue, in nanoseconds; 0 does
 *                    not wait, FUSION_FOREVER has no limit
 *
 * @return
 *   0           the message is in the queue; or dropped (FUSION_MESSAGE_DROP)
 *   -EAGAIN     the queue is full, and @timeout_ns is 0 or in the past
 *               (FUSION_WAIT_UNTIL)
 *   -ETIMEDOUT  the queue is still full
 *   -EINTR      not sent, and not dropped: the queue is full, and a signal
 *               handler has run (FUSION_WAIT_INTERRUPTIBLE)
 *   -ESRCH      no member has that id
 *   -EINVAL     an argument is not valid, such as a negative @timeout_ns that
 *               is not FUSION_FOREVER
 *   -ENOMEM     the heap has no memory for the bytes
 *   -ENOSPC     the arena has no room for another queue
 *
 * A caller that is killed has sent the whole message or nothing.
 *
 * Any thread, also a handler.  Blocks for room in the queue; the receiver's
 * death ends the wait.  A handler that would wait for room in
 * its own member's queue gets -EAGAIN at once, since it would wait in vain.
 */
FUSION_API int fusion_message_send(struct fusion_arena *arena, fusion_id_t to,
				   uint32_t type, const void *data, size_t size,
				   uint32_t flags, int64_t timeout_ns);

/**
 * Send a block of the heap to a member, which becomes its owner.
 *
 * @param arena       the arena
 * @param to          the member's id; may be this member
 * @param type        selects the receiver's handler; any but FUSION_ANY_TYPE
 * @param block       a block as from fusion_malloc().  If the call returns 0,
 *                    the caller must not use the block any more.  If it fails,
 *                    the block stays the caller's
 * @param flags       FUSION_MESSAGE_DROP and FUSION_WAIT_..., or 0.  A block
 *                    that is dropped is freed
 * @param timeout_ns  longest wait for room in the queue, in nanoseconds; 0 does
 *                    not wait, FUSION_FOREVER has no limit
 *
 * @return what fusion_message_send() returns
 *   -EINVAL  also: @block is not a block of the arena
 *
 * Nothing is copied.  The library frees the block when the receiver's handler
 * returns, unless the handler has taken it (fusion_message_take()).  It also
 * frees the block if the sender or the receiver dies before.
 *
 * Any thread, also a handler.  Blocks like fusion_message_send().
 */
FUSION_API int fusion_message_send_block(struct fusion_arena *arena,
					 fusion_id_t to, uint32_t type,
					 void *block, uint32_t flags,
					 int64_t timeout_ns);

/**
 * Take the block of a message, so that it outlives the handler.
 *
 * @param message  the message that the handler was given
 *
 * @return the block, which the caller frees with fusion_free(); or NULL: the
 *         message has no block, or it was taken before
 *
 * Bytes that travelled in a block can be taken too.  The handlers that the
 * message has after this one get it with no data.
 *
 * Only in the handler of the message.  Does not block.
 */
FUSION_API void *fusion_message_take(const struct fusion_message *message);

/**
 * Subscribe a handler to a type of messages.
 *
 * @param arena    the arena
 * @param type     a type, or FUSION_ANY_TYPE for all types without a handler of
 *                 their own
 * @param fn       the handler
 * @param ctx      argument of @fn and @destroy
 * @param destroy  runs when @fn has run for the last time; NULL: nothing runs
 * @param ret      receives the slot, for fusion_slot_cancel(); NULL: the
 *                 handler stays until this process exits the arena
 *
 * @return
 *   0        subscribed
 *   -EINVAL  this process is not in the arena, or @fn is NULL
 *   -ECHILD  this process is the child of a fork
 *   -ENOMEM  memory is used up, or the system starts no thread for the
 *            dispatcher
 *   -ENOSPC  the arena has no room for this member's queue
 *
 * A type can have any number of handlers.  Each of them gets each message, in
 * the order of the subscriptions.  If one takes the block of the message
 * (fusion_message_take()), those after it get the message with no data and size
 * 0.  If one leaves without returning, those after it do not get the message.
 *
 * Messages that came before wait in the queue until the dispatcher runs.  A
 * message without a handler is dropped and counted.  If the call fails,
 * @destroy does not run.  The child of a fork has no handlers of its parent.
 *
 * Any thread, also a handler.  Does not wait for handlers that run.  Starts the
 * dispatcher if it does not run.
 */
FUSION_API int fusion_message_handle(struct fusion_arena *arena, uint32_t type,
				     fusion_message_fn fn, void *ctx,
				     fusion_destroy_fn destroy,
				     struct fusion_slot **ret);

FUSION_END_DECLS

#endif
