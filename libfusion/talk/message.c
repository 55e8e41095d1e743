/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Messages between members
 *
 * A short message lies in the receiver's queue.  A long one, or a block that
 * the sender gives away, lies in the heap, and the queue has its address.  From
 * before the block is allocated until the record is committed, the sending
 * thread's msg_block names it: recovery frees the block of a dead sender.
 */
#include "libfusion/talk/message.h"

#include <fusion/message.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/life/member.h"
#include "libfusion/heap/free.h"
#include "libfusion/heap/slot.h"
#include "libfusion/heap/tls.h"
#include "libfusion/talk/call_flush.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/slots.h"

#define MESSAGE_FLAGS (FUSION_MESSAGE_DROP | WAIT_FLAGS)

/* --- Sending -------------------------------------------------------------- */

/* Post the record, waiting for room if another thread can make it. */
static int post_message(struct fusion_arena *arena, struct thread_rec *me,
			fusion_id_t to, const struct msg_head *h,
			const void *data, struct wait *wait)
{
	struct view *v = &arena->view;
	/* A wait that is over when it begins is none. */
	bool waits = wait->deadline_ns &&
		     (to != arena->id || !dispatch_is_mine(arena));
	uint32_t slot;
	int r;

	for (;;) {
		slot = member_find(v, to);
		if (!slot)
			return -ESRCH;
		r = message_post(v, me, slot, to, h, data, NULL);
		/* A queued call may lie before it, whose wake is owed. */
		call_flush(arena);
		if (r != -EAGAIN || !waits)
			return r;
		r = message_wait(v, slot, to, wait);
		if (r < 0)
			return r;
	}
}

static void count_drop(struct fusion_arena *arena, fusion_id_t to)
{
	struct view *v = &arena->view;
	uint32_t slot = member_find(v, to);
	struct ring r;

	/* Acquire: pairs with the release that linked the ring, in
	 * ring_open(). */
	if (slot &&
	    ring_map(v, load_acquire(&view_member(v, slot)->ring) - 1, &r) == 0)
		add_relaxed(&r.ctl->dropped, 1);
}

/* Free the block that the thread still has, or leave it to the caller (@keep).
 */
static int give_up_message(struct fusion_arena *arena, struct thread_rec *me,
			   fusion_id_t to, uint32_t flags, bool keep, int r)
{
	if (flags & FUSION_MESSAGE_DROP && (r == -EAGAIN || r == -ETIMEDOUT)) {
		count_drop(arena, to);
		keep = false;
		r = 0;
	}
	if (keep)
		store_relaxed(&me->msg_block, 0ull);
	else
		heap_free_from(arena, (void **)&me->msg_block);
	return r;
}

static int send_message(struct fusion_arena *arena, struct thread_rec *me,
			fusion_id_t to, const struct msg_head *h,
			const void *data, uint32_t flags, struct wait *wait,
			bool keep)
{
	int r = post_message(arena, me, to, h, data, wait);

	return r < 0 ? give_up_message(arena, me, to, flags, keep, r) : 0;
}

static int check_arguments(struct fusion_arena *arena, uint32_t type,
			   uint32_t flags, int64_t timeout_ns,
			   struct wait *ret_wait, struct thread_rec **ret)
{
	int r = wait_begin(timeout_ns, flags & WAIT_FLAGS, ret_wait);

	callback_check();
	if (r < 0)
		return r;
	if (!arena)
		return refuse_null("message", "arena");
	if (type == FUSION_ANY_TYPE)
		return refuse(-EINVAL, "message: FUSION_ANY_TYPE is no type "
				       "of a message");
	if (flags & ~MESSAGE_FLAGS)
		return refuse_flags("message", flags, MESSAGE_FLAGS);
	*ret = thread_rec_of(arena);
	return *ret ? 0 : -errno;
}

FUSION_API int fusion_message_send(struct fusion_arena *arena, fusion_id_t to,
				   uint32_t type, const void *data, size_t size,
				   uint32_t flags, int64_t timeout_ns)
{
	struct msg_head h = {.kind = MSG_USER, .a = type};
	struct thread_rec *me;
	struct wait wait;
	int r = check_arguments(arena, type, flags, timeout_ns, &wait, &me);

	if (r < 0)
		return told(r);
	if (!data && size)
		return told(refuse_null("message", "data"));
	if (size > UINT32_MAX)
		return told(refuse(-EINVAL,
				   "message: %zu bytes, %u are the most", size,
				   UINT32_MAX));
	h.sender = arena->id;
	h.size = (uint32_t)size;
	if (size > RING_INLINE) {
		/* From now on the thread's record names the block. */
		r = fusion_malloc_to(arena, size, (void **)&me->msg_block);
		if (r < 0)
			return told(r);
		memcpy((void *)me->msg_block, data, size);
		h.flags = MSG_BLOCK;
	}
	return told(send_message(arena, me, to, &h, data, flags, &wait, false));
}

FUSION_API int fusion_message_send_block(struct fusion_arena *arena,
					 fusion_id_t to, uint32_t type,
					 void *block, uint32_t flags,
					 int64_t timeout_ns)
{
	struct msg_head h = {.kind = MSG_USER, .flags = MSG_BLOCK, .a = type};
	struct thread_rec *me;
	struct wait wait;
	size_t size = arena ? heap_usable_size(arena, block) : 0;
	int r = check_arguments(arena, type, flags, timeout_ns, &wait, &me);

	if (r < 0)
		return told(r);
	if (!size)
		return told(refuse_handle("block of the heap", block));
	h.sender = arena->id;
	h.size = MSG_WHOLE_BLOCK;
	store_relaxed(&me->msg_block, (uint64_t)(uintptr_t)block);
	return told(send_message(arena, me, to, &h, NULL, flags, &wait, true));
}

/* --- Receiving ------------------------------------------------------------ */

/* What a handler gets; the public part first. */
struct incoming {
	struct fusion_message message;
	uint64_t *slot; /* in the queue; NULL: the payload is no block */
};

FUSION_API void *fusion_message_take(const struct fusion_message *message)
{
	struct incoming *in = (struct incoming *)message;
	uint64_t block;

	if (!in || !in->slot)
		return NULL;
	/* Acquire: pairs with the release that committed the record. */
	block = xchg_acquire(in->slot, 0ull);
	return (void *)(uintptr_t)block;
}

static struct slots *handlers_of(struct dispatcher *d, uint32_t type)
{
	return &d->handlers[(type ^ type >> 6) % HANDLER_BUCKETS];
}

/* Begin with the first handler of @type.  NULL: it has none. */
static struct fusion_slot *first_handler(struct dispatcher *d, uint32_t type,
					 struct slots_walk *walk)
{
	*walk = (struct slots_walk){
		.list = handlers_of(d, type),
		.key = type,
	};
	return slots_next(walk);
}

static bool fill_incoming(struct dispatcher *d, const struct dispatched *d_in,
			  struct incoming *in)
{
	const struct msg_head *h = d_in->head;

	*in = (struct incoming){
		.message =
			{
				.arena = d->arena,
				.sender = h->sender,
				.type = (uint32_t)h->a,
				.data = d_in->data,
				.size = h->size,
			},
	};
	if (!(h->flags & MSG_BLOCK))
		return h->size <= RING_INLINE;
	in->slot = d_in->data;
	in->message.is_block = h->size == MSG_WHOLE_BLOCK;
	/* Acquire: pairs with the release that committed the record. */
	in->message.data = (void *)(uintptr_t)load_acquire(in->slot);
	if (in->message.is_block)
		in->message.size = heap_usable_size(d->arena, in->message.data);
	return in->message.data != NULL;
}

/* Free what the handler did not take, as it did not return. */
static void undo_handler(const struct callback_args *args)
{
	struct dispatcher *d = args->a;

	slots_leave(args->b);
	if (args->n)
		heap_free_from(d->arena, (void **)(uintptr_t)args->n);
}

static void run_handler(struct dispatcher *d, struct fusion_slot *handler,
			const struct incoming *in)
{
	struct callback c CALLBACK;

	callback_begin(&c, undo_handler, d, handler, (uintptr_t)in->slot);
	((fusion_message_fn)handler->is.fn)(&in->message, handler->is.ctx);
	callback_end(&c);
}

/* The handler may have taken the block, and freed it. */
static void show_what_is_left(struct incoming *in)
{
	if (!in->slot || load_relaxed(in->slot))
		return;
	in->message.data = NULL;
	in->message.size = 0;
}

void message_receive(struct dispatcher *d, const struct dispatched *d_in)
{
	struct fusion_slot *handler;
	struct slots_walk walk;
	struct incoming in;

	if (!fill_incoming(d, d_in, &in))
		return;
	handler = first_handler(d, in.message.type, &walk);
	if (!handler)
		handler = first_handler(d, FUSION_ANY_TYPE, &walk);
	if (!handler)
		add_relaxed(&d->ring.ctl->dropped, 1);
	while (handler) {
		run_handler(d, handler, &in);
		handler = slots_next(&walk);
		show_what_is_left(&in);
	}
	if (in.slot)
		heap_free_from(d->arena, (void **)in.slot);
}

FUSION_API int fusion_message_handle(struct fusion_arena *arena, uint32_t type,
				     fusion_message_fn fn, void *ctx,
				     fusion_destroy_fn destroy,
				     struct fusion_slot **ret)
{
	const struct subscription s = {
		.key = type,
		.fn = (void (*)(void))fn,
		.ctx = ctx,
		.destroy = destroy,
	};
	struct fusion_slot *handler;
	struct dispatcher *d;
	int r = -EINVAL;

	callback_check();
	if (!fn)
		return told(refuse_null("fusion_message_handle()", "fn"));
	d = dispatcher_asked_for(arena, &r);
	if (!d)
		return told(r);
	handler = slots_new(&s);
	if (!handler)
		return told(-ENOMEM);
	pthread_mutex_lock(&d->lock);
	/* The thread finds no message without its handler: it needs the lock to
	 * look for one. */
	r = dispatch_start_locked(d);
	if (r == 0)
		slots_add(handlers_of(d, type), handler, ret);
	pthread_mutex_unlock(&d->lock);
	if (r < 0)
		free(handler);
	return told(r);
}

void message_handlers_init(struct dispatcher *d)
{
	for (unsigned i = 0; i < HANDLER_BUCKETS; i++)
		slots_init(&d->handlers[i], d->arena, &d->lock, &d->changed);
}

void message_handlers_finish(struct dispatcher *d)
{
	for (unsigned i = 0; i < HANDLER_BUCKETS; i++)
		slots_finish(&d->handlers[i]);
}
