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

/* --- Sending -------------------------------------------------------------- */

/* Post the record, waiting for room if another thread can make it. */
static int post_message(struct fusion_arena *arena, struct thread_rec *me,
			fusion_id_t to, const struct msg_head *h,
			const void *data, int64_t timeout_ns)
{
	struct view *v = &arena->view;
	int64_t deadline = deadline_of(timeout_ns);
	bool wait = timeout_ns != 0 &&
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
		if (r != -EAGAIN || !wait)
			return r;
		r = message_wait(v, slot, to, deadline);
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
			   fusion_id_t to, unsigned flags, bool keep, int r)
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
			const void *data, unsigned flags, int64_t timeout_ns,
			bool keep)
{
	int r = post_message(arena, me, to, h, data, timeout_ns);

	return r < 0 ? give_up_message(arena, me, to, flags, keep, r) : 0;
}

static int check_arguments(struct fusion_arena *arena, uint32_t type,
			   unsigned flags, int64_t timeout_ns,
			   struct thread_rec **ret)
{
	int64_t deadline;
	int r = deadline_begin(timeout_ns, &deadline);

	callback_check();
	if (r < 0)
		return r;
	if (!arena)
		return refuse_null("message", "arena");
	if (type == FUSION_ANY_TYPE)
		return refuse(-EINVAL, "message: FUSION_ANY_TYPE is no type "
				       "of a message");
	if (flags & ~FUSION_MESSAGE_DROP)
		return refuse_flags("message", flags, FUSION_MESSAGE_DROP);
	*ret = thread_rec_of(arena);
	return *ret ? 0 : -errno;
}

FUSION_API int fusion_message_send(struct fusion_arena *arena, fusion_id_t to,
				   uint32_t type, const void *data, size_t size,
				   unsigned flags, int64_t timeout_ns)
{
	struct msg_head h = {.kind = MSG_USER, .a = type};
	struct thread_rec *me;
	int r = check_arguments(arena, type, flags, timeout_ns, &me);

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
	return told(send_message(arena, me, to, &h, data, flags, timeout_ns,
				 false));
}

FUSION_API int fusion_message_send_block(struct fusion_arena *arena,
					 fusion_id_t to, uint32_t type,
					 void *block, unsigned flags,
					 int64_t timeout_ns)
{
	struct msg_head h = {.kind = MSG_USER, .flags = MSG_BLOCK, .a = type};
	struct thread_rec *me;
	size_t size = arena ? heap_usable_size(arena, block) : 0;
	int r = check_arguments(arena, type, flags, timeout_ns, &me);

	if (r < 0)
		return told(r);
	if (!size)
		return told(refuse_handle("block of the heap", block));
	h.sender = arena->id;
	h.size = MSG_WHOLE_BLOCK;
	store_relaxed(&me->msg_block, (uint64_t)(uintptr_t)block);
	return told(
		send_message(arena, me, to, &h, NULL, flags, timeout_ns, true));
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

static struct handler **handlers_of(struct dispatcher *d, uint32_t type)
{
	return &d->handlers[(type ^ type >> 6) % HANDLER_BUCKETS];
}

static struct handler *find_handler(struct dispatcher *d, uint32_t type)
{
	struct handler *h = *handlers_of(d, type);

	while (h && (h->type != type || h->removed))
		h = h->next;
	return h;
}

static struct handler *enter_message_handler(struct dispatcher *d,
					     uint32_t type)
{
	struct handler *h;

	pthread_mutex_lock(&d->lock);
	h = find_handler(d, type);
	if (!h)
		h = find_handler(d, FUSION_ANY_TYPE);
	if (h)
		h->running++;
	pthread_mutex_unlock(&d->lock);
	return h;
}

static void unlink_message_handler(struct dispatcher *d, struct handler *h)
{
	struct handler **p = handlers_of(d, h->type);

	while (*p != h)
		p = &(*p)->next;
	*p = h->next;
	free(h);
}

static void leave_message_handler(struct dispatcher *d, struct handler *h)
{
	pthread_mutex_lock(&d->lock);
	h->running--;
	if (h->removed) {
		if (!h->running)
			unlink_message_handler(d, h);
		pthread_cond_broadcast(&d->changed);
	}
	pthread_mutex_unlock(&d->lock);
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

	leave_message_handler(d, args->b);
	if (args->n)
		heap_free_from(d->arena, (void **)(uintptr_t)args->n);
}

void message_receive(struct dispatcher *d, const struct dispatched *d_in)
{
	struct callback c CALLBACK;
	struct incoming in;
	struct handler *h;

	if (!fill_incoming(d, d_in, &in))
		return;
	h = enter_message_handler(d, in.message.type);
	if (h) {
		callback_begin(&c, undo_handler, d, h, (uintptr_t)in.slot);
		h->fn(&in.message, h->ctx);
		callback_end(&c);
		leave_message_handler(d, h);
	} else {
		add_relaxed(&d->ring.ctl->dropped, 1);
	}
	if (in.slot)
		heap_free_from(d->arena, (void **)in.slot);
}

/* lock is held.  If the handler runs, the thread that runs it frees it. */
static void remove_message_handler(struct dispatcher *d, uint32_t type)
{
	struct handler *h = find_handler(d, type);

	if (!h)
		return;
	if (!h->running) {
		unlink_message_handler(d, h);
		return;
	}
	h->removed = true;
}

static bool is_handler_running(struct dispatcher *d, uint32_t type)
{
	const struct handler *h = *handlers_of(d, type);

	while (h && (h->type != type || !h->removed))
		h = h->next;
	return h;
}

FUSION_API int fusion_message_handle(struct fusion_arena *arena, uint32_t type,
				     fusion_message_fn fn, void *ctx)
{
	struct handler *h = NULL;
	struct dispatcher *d;
	int r = -EINVAL;

	callback_check();
	d = dispatcher_asked_for(arena, &r);
	if (!d)
		return told(r);
	if (fn) {
		h = malloc(sizeof(*h));
		if (!h)
			return told(-ENOMEM);
		*h = (struct handler){.type = type, .fn = fn, .ctx = ctx};
	}
	pthread_mutex_lock(&d->lock);
	remove_message_handler(d, type);
	if (h) {
		h->next = *handlers_of(d, type);
		*handlers_of(d, type) = h;
	}
	while (is_handler_running(d, type) && !dispatch_is_mine(arena))
		cond_wait(&d->changed, &d->lock);
	pthread_mutex_unlock(&d->lock);
	return told(h ? dispatch_start(arena) : 0);
}

void message_handlers_free(struct dispatcher *d)
{
	struct handler *h;

	for (unsigned i = 0; i < HANDLER_BUCKETS; i++) {
		while ((h = d->handlers[i])) {
			d->handlers[i] = h->next;
			free(h);
		}
	}
}
