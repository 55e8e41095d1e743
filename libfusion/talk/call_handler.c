/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The owner's side: requests come in, handlers run, answers go back. */
#include "libfusion/talk/call_handler.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/talk/call_here.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/heap/free.h"
#include "libfusion/heap/slot.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/call_execute.h"
#include "libfusion/talk/call_private.h"
#include "libfusion/talk/dispatch_run.h"

static __thread unsigned handler_depth; /* handlers that this thread is in */

/* An answer: what the handler has made of a request, or why there is none. */
struct outcome {
	unsigned state; /* SLOT_DONE, SLOT_FAILED */
	int error;	/* -errno: the status, or the reason of the failure */
	uint64_t word;
	const void *data;
	size_t size;
	int64_t since_ns; /* 0: the slot says when it began */
};

static int answer_slot(struct fusion_arena *arena, uint64_t serial,
		       const struct outcome *o);

bool call_in_handler(void)
{
	return handler_depth > 0;
}

/* --- Running a handler ---------------------------------------------------- */

static struct call_handler *enter_call_handler(struct calls *calls,
					       uint32_t index, uint32_t id)
{
	struct call_handler *h;

	pthread_mutex_lock(&calls->lock);
	h = calls->handlers[index % CALL_BUCKETS];
	while (h && (h->index != index || h->id != id || h->removed))
		h = h->next;
	if (h)
		h->running++;
	pthread_mutex_unlock(&calls->lock);
	return h;
}

static void leave_call_handler(struct calls *calls, struct call_handler *h)
{
	struct call_handler **p;

	pthread_mutex_lock(&calls->lock);
	h->running--;
	if (h->removed && !h->running) {
		p = &calls->handlers[h->index % CALL_BUCKETS];
		while (*p != h)
			p = &(*p)->next;
		*p = h->next;
		free(h);
		pthread_cond_broadcast(&calls->changed);
	}
	pthread_mutex_unlock(&calls->lock);
}

/* Note when the execution began, for a thread that answers later, and for the
 * caller if the owner dies before. */
static void note_begin(struct serving *sv)
{
	struct call_slot *s =
		call_slot_of(&sv->request.arena->view, sv->serial);

	/* Relaxed: a hint, which does no harm to a call that has got the slot
	 * since. */
	if (s)
		store_relaxed(&s->since_ns, (uint64_t)sv->since_ns);
	sv->noted = true;
}

/* Remember which locks the outer handler has borrowed.  NULL no memory: then
 * all borrowed locks go back. */
static struct lend_mark *mark_borrowed(struct view *v, struct thread_rec *me)
{
	struct lend_mark *mark = malloc(sizeof(*mark));

	if (mark)
		lend_mark(v, me, mark);
	return mark;
}

/* Give back what the handler has borrowed, as it is over. */
static void return_borrowed(struct view *v, struct thread_rec *me,
			    struct lend_mark *mark)
{
	if (me->n_skirmishes)
		lend_return(v, me, mark);
	free(mark);
}

/* The handler of a direct execution did not return; its caller was on the same
 * stack. */
static void undo_direct(const struct callback_args *args)
{
	struct fusion_arena *arena = args->a;

	handler_depth--;
	leave_call_handler(arena->calls, args->b);
}

/* A handler did not return, and a caller may wait for the answer. */
static void undo_remote(const struct callback_args *args)
{
	const struct outcome left = {.state = SLOT_FAILED, .error = -ECANCELED};
	struct fusion_arena *arena = args->a;
	struct thread_rec *me = thread_rec_of(arena);

	if (me)
		return_borrowed(&arena->view, me, args->more);
	if (args->n)
		answer_slot(arena, args->n, &left);
	if (me)
		call_enter(me, args->more_n);
	undo_direct(args);
}

static bool is_of_arena(const struct callback_args *args, const void *arena)
{
	return args->a == arena;
}

bool call_runs_here(const struct fusion_arena *arena)
{
	/* A thread that executes its own process's call is no dispatcher. */
	return callback_is_inside(undo_direct, is_of_arena, arena) ||
	       callback_is_inside(undo_remote, is_of_arena, arena);
}

int call_run(struct calls *calls, struct serving *sv)
{
	struct view *v = &calls->arena->view;
	struct thread_rec *me = thread_rec_of(calls->arena);
	struct call *c = view_entry(v, KIND_CALL, sv->index);
	struct call_handler *h = enter_call_handler(calls, sv->index, sv->id);
	struct lend_mark *mark = NULL;
	struct callback cb CALLBACK;
	int r;

	sv->handler = h;
	sv->since_ns = clock_monotonic_ns();
	if (!h || !me) {
		sv->failed = h ? -errno : -EIDRM;
		return sv->failed;
	}
	if (!sv->direct)
		sv->outer = call_enter(me, sv->serial);
	/* An upcall: the handler that waits keeps what it has borrowed. */
	if (sv->outer && me->n_skirmishes)
		mark = mark_borrowed(v, me);
	handler_depth++;
	callback_begin(&cb, sv->direct ? undo_direct : undo_remote,
		       calls->arena, h, sv->oneway ? 0 : sv->serial);
	callback_keep(&cb, mark, sv->outer);
	r = h->fn(&sv->request, h->ctx);
	callback_end(&cb);
	handler_depth--;
	if (!sv->direct)
		return_borrowed(v, me, mark);
	if (SEED_BUG(55) && !sv->direct)
		call_enter(me, sv->outer);
	if (!sv->serial) {
		call_count(c, r < 0);
		call_count_time(c, sv->since_ns);
	}
	return r;
}

/* Only now the thread has executed it: until the request was answered, or the
 * slot knew that it was begun, thread_rec.exec told so. */
void call_ran(struct calls *calls, struct serving *sv)
{
	struct thread_rec *me =
		sv->direct || sv->failed ? NULL : thread_rec_of(calls->arena);

	if (me)
		call_enter(me, sv->outer);
	if (sv->handler)
		leave_call_handler(calls, sv->handler);
	sv->handler = NULL;
}

/* --- Answers -------------------------------------------------------------- */

static int check_answer(const void *data, size_t size)
{
	if (!data && size)
		return refuse_null("answer of a call", "data");
	if (size > UINT32_MAX)
		return refuse(-EINVAL,
			      "answer of a call: %zu bytes, %u are the most",
			      size, UINT32_MAX);
	return 0;
}

FUSION_API int fusion_call_reply(const struct fusion_call_request *request,
				 uint64_t word, const void *data, size_t size)
{
	struct serving *sv = (struct serving *)request;
	void *copy = NULL;

	int r = sv ? check_answer(data, size) : refuse_null("call", "request");

	if (r < 0)
		return told(r);
	if (size > sizeof(sv->bytes)) {
		copy = malloc(size);
		if (!copy)
			return told(-ENOMEM);
	}
	if (size)
		memmove(copy ? copy : sv->bytes, data, size);
	free(sv->data);
	sv->data = copy;
	sv->size = size;
	sv->word = word;
	return 0;
}

FUSION_API uint64_t
fusion_call_serial(const struct fusion_call_request *request)
{
	struct serving *sv = (struct serving *)request;

	if (!sv || sv->oneway)
		return 0;
	if (!sv->serial && sv->direct)
		call_serving_slot(sv->request.arena, sv);
	if (sv->serial)
		note_begin(sv);
	return sv->serial;
}

void serving_finish(struct serving *sv)
{
	free(sv->data);
	sv->data = NULL;
}

/* Fill in the slot, which call_return_begin() gave to this thread. */
static int fill_answer(struct fusion_arena *arena, struct call_slot *s,
		       uint64_t word, const void *data, size_t size)
{
	void *to = s->bytes;
	int r;

	store_relaxed(&s->ret, word);
	store_relaxed(&s->len, (uint32_t)size);
	if (size > SLOT_INLINE) {
		/* Killed: the slot has the block, or recovery frees it. */
		r = fusion_malloc_to(arena, size, (void **)&s->block);
		if (r < 0)
			return r;
		to = (void *)(uintptr_t)load_relaxed(&s->block);
	}
	if (size)
		memcpy(to, data, size);
	return 0;
}

/* Answer the call of @serial.  0, -ECANCELED nobody waits, -errno; then that is
 * the status that the caller gets. */
static int answer_slot(struct fusion_arena *arena, uint64_t serial,
		       const struct outcome *o)
{
	int64_t since_ns = o->since_ns;
	struct view *v = &arena->view;
	struct thread_rec *me = thread_rec_of(arena);
	struct call_slot *s;
	struct call *c;
	int error, r;

	if (!me)
		return -errno;
	r = call_return_begin(v, me, serial, &s);
	if (r < 0)
		return r;
	/* The request of an upcall is still in the slot. */
	if (load_relaxed(&s->block))
		heap_free_from(arena, (void **)&s->block);
	r = fill_answer(arena, s, o->word, o->data, o->size);
	error = r < 0 ? r : o->error;
	if (r < 0)
		store_relaxed(&s->len, 0u);
	c = call_of_slot(v, s);
	if (!since_ns)
		since_ns = (int64_t)load_relaxed(&s->since_ns);
	if (c)
		call_count(c, error < 0);
	call_return_end(v, me, s, o->state, -error);
	/* After the answer: the caller need not wait for statistics. */
	if (c && since_ns)
		call_count_time(c, since_ns);
	return r;
}

int call_answer_serving(struct fusion_arena *arena, struct serving *sv, int r)
{
	struct outcome o = {
		.state = SLOT_DONE,
		.error = r,
		.since_ns = sv->since_ns,
	};

	if (sv->failed)
		o.state = SLOT_FAILED;
	if (!is_status(r)) {
		o.state = SLOT_FAILED;
		o.error = -EBADMSG;
	}
	if (!o.error) {
		o.word = sv->word;
		o.data = sv->data ? sv->data : sv->bytes;
		o.size = sv->size;
	}
	return answer_slot(arena, sv->serial, &o);
}

static int refuse_serial_of(uint64_t serial)
{
	return refuse(-EINVAL,
		      "the number %" PRIu64 " is of no execution of this call: "
		      "fusion_call_serial() gives it",
		      serial);
}

static int return_answer(struct fusion_call *call, uint64_t serial,
			 const struct outcome *o)
{
	const struct call *c = call_of(call);
	const struct call_slot *s;
	struct tcache *cache;
	struct view *v;
	int r;

	cache = entry_cache(KIND_CALL, call, offsetof(struct call, id), &r);
	if (!cache)
		return r;
	v = &cache->arena->view;
	s = call_slot_of(v, serial);
	if (!s)
		return refuse_serial_of(serial);
	r = check_answer(o->data, o->size);
	if (r < 0)
		return r;
	/* Acquire: pairs with the release that posted the slot. */
	if (SLOT_SEQ(load_acquire(&s->st)) != SERIAL_SEQ(serial))
		return load_relaxed(&c->id) ? -ECANCELED : -EIDRM;
	if (load_relaxed(&s->call) != call_index(v, c) + 1)
		return refuse_serial_of(serial);
	return answer_slot(cache->arena, serial, o);
}

FUSION_API int fusion_call_return(struct fusion_call *call, uint64_t serial,
				  uint64_t word, const void *data, size_t size)
{
	const struct outcome o = {
		.state = SLOT_DONE,
		.word = word,
		.data = data,
		.size = size,
	};

	return told(return_answer(call, serial, &o));
}

FUSION_API int fusion_call_return_error(struct fusion_call *call,
					uint64_t serial, int error)
{
	const struct outcome o = {.state = SLOT_DONE, .error = error};

	if (error >= 0 || !is_status(error))
		return told(refuse(-EINVAL,
				   "call: the error %d is no negative errno",
				   error));
	return told(return_answer(call, serial, &o));
}

/* --- Requests ------------------------------------------------------------- */

static void serve_request(struct fusion_arena *arena, struct serving *sv)
{
	struct calls *calls = calls_existing(arena);
	struct view *v = &arena->view;
	const struct call_slot *s;
	int r = -EIDRM;

	if (sv->index >= table_hi(v, KIND_CALL))
		return;
	if (sv->serial) {
		if (!call_is_wanted(v, sv->serial) && !SEED_BUG(88))
			return; /* given up meanwhile */
		s = call_slot_of(v, sv->serial);
		sv->oneway = load_relaxed(&s->st) & SLOT_ONEWAY;
	} else {
		sv->oneway = true;
	}
	sv->request.arena = arena;
	sv->request.call =
		entry_handle(view_entry(v, KIND_CALL, sv->index), sv->id);
	if (calls)
		r = call_run(calls, sv);
	else
		sv->failed = r;
	if (sv->serial && (r != FUSION_CALL_DEFER || sv->oneway))
		call_answer_serving(arena, sv, r == FUSION_CALL_DEFER ? 0 : r);
	else if (sv->serial && !sv->noted)
		note_begin(sv);
	if (calls)
		call_ran(calls, sv);
	serving_finish(sv);
}

/* Take the request apart: its word and its bytes lie one behind the other. */
static void open_request(struct serving *sv, const void *p, size_t size)
{
	memcpy(&sv->request.word, p, sizeof(uint64_t));
	sv->request.data = (const char *)p + sizeof(uint64_t);
	sv->request.size = size - sizeof(uint64_t);
}

void call_receive(struct fusion_arena *arena, const struct dispatched *d)
{
	_Alignas(8) unsigned char copy[RING_INLINE];
	const struct msg_head *h = d->head;
	struct serving sv = {
		.request.caller = h->sender,
		.index = (uint32_t)(h->a >> 32),
		.id = (uint32_t)h->a,
		.serial = h->b,
	};
	void *block;

	if (h->flags & MSG_BLOCK) {
		/* Acquire: pairs with the release that committed the record. */
		block = (void *)(uintptr_t)load_acquire((uint64_t *)d->data);
		if (block && h->size >= sizeof(uint64_t) &&
		    heap_usable_size(arena, block) >= h->size) {
			open_request(&sv, block, h->size);
			serve_request(arena, &sv);
		}
		heap_free_from(arena, d->data);
	} else if (h->size >= sizeof(uint64_t) && h->size <= sizeof(copy)) {
		memcpy(copy, d->data, h->size);
		dispatch_release(arena);
		open_request(&sv, copy, h->size);
		serve_request(arena, &sv);
	}
}

void call_receive_here(struct fusion_arena *arena, const struct call_here *h)
{
	struct serving sv = {
		.request =
			{
				.caller = h->caller,
				.word = h->word,
				.data = h->bytes,
				.size = h->size,
			},
		.index = h->call,
		.id = h->id,
		.serial = h->serial,
	};

	serve_request(arena, &sv);
}

/* Copy the request of an upcall out of its slot.  0, -EIO, -ENOMEM. */
static int copy_request(struct fusion_arena *arena, struct call_slot *s,
			struct serving *sv, void **ret)
{
	uint32_t len = load_relaxed(&s->len);
	const void *from = call_bytes(arena, s, len);
	void *copy = from ? malloc(len ? len : 1) : NULL;

	if (copy)
		memcpy(copy, from, len);
	sv->request.word = load_relaxed(&s->ret);
	sv->request.caller = load_relaxed(&s->caller_id);
	sv->request.data = copy;
	sv->request.size = len;
	sv->index = load_relaxed(&s->call) - 1;
	sv->id = load_relaxed(&s->call_id);
	/* serve_request() looks at the slot's word again, and that look must
	 * come after the copy: it says whether the copy is one request's. Pairs
	 * with the fence in fill_slot() of core/talk/call_request.c: a caller
	 * that reuses the slot ends the old number before it writes the new
	 * request. */
	acquire_fence();
	*ret = copy;
	return copy ? 0 : from ? -ENOMEM : -EIO;
}

/* If the caller gives up while the request is copied, serve_request() finds
 * out.
 */
void call_run_upcall(struct fusion_arena *arena, uint64_t serial)
{
	struct serving sv = {.serial = serial};
	struct call_slot *s = call_slot_of(&arena->view, serial);
	void *copy = NULL;
	int r;

	if (!s || !call_is_wanted(&arena->view, serial))
		return;
	r = copy_request(arena, s, &sv, &copy);
	if (r == 0)
		serve_request(arena, &sv);
	else
		call_answer_serving(arena, &sv, sv.failed = r);
	free(copy);
}
