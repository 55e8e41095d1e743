/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls as programs create, find and ask for them
 *
 * The shared record of a call names its owner, this process keeps the handlers
 * of its own calls.  Acquires of a call's id pair with the release in
 * call_init() and call_fini(): 0 says that the call was destroyed.
 */
#include "libfusion/talk/call.h"

#include <errno.h>
#include <stdlib.h>

#include <fusion/heap.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/heap/free.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/call_flush.h"
#include "libfusion/talk/call_handler.h"
#include "libfusion/talk/call_private.h"
#include "libfusion/talk/dispatch.h"

/* --- What a process has of its calls -------------------------------------- */

static struct calls *make_calls(struct fusion_arena *arena)
{
	struct calls *calls = calloc(1, sizeof(*calls));

	if (!calls)
		return NULL;
	calls->arena = arena;
	pthread_mutex_init(&calls->lock, NULL);
	pthread_cond_init(&calls->changed, NULL);
	return calls;
}

struct calls *calls_of(struct fusion_arena *arena)
{
	struct calls *calls = calls_existing(arena);

	if (calls)
		return calls;
	pthread_mutex_lock(&arena->dispatch_lock);
	calls = arena->calls;
	if (!calls) {
		calls = make_calls(arena);
		/* Release: pairs with the acquire in calls_existing(). */
		store_release(&arena->calls, calls);
	}
	pthread_mutex_unlock(&arena->dispatch_lock);
	return calls;
}

const void *call_bytes(struct fusion_arena *arena, const struct call_slot *s,
		       size_t size)
{
	/* Acquire: pairs with the release of the thread that filled the slot,
	 * as this thread must see the block's bytes. */
	void *block = (void *)(uintptr_t)load_acquire(&s->block);

	if (size <= SLOT_INLINE)
		return s->bytes;
	return heap_usable_size(arena, block) >= size ? block : NULL;
}

void calls_stop(struct fusion_arena *arena)
{
	struct calls *calls = calls_existing(arena);
	struct call_handler *h;

	if (!calls)
		return;
	call_flush(arena);
	pthread_mutex_lock(&calls->lock);
	calls->stop = true;
	pthread_cond_broadcast(&calls->changed);
	pthread_mutex_unlock(&calls->lock);
	if (calls->flushing)
		pthread_join(calls->flusher, NULL);
	for (unsigned i = 0; i < CALL_BUCKETS; i++) {
		while ((h = calls->handlers[i])) {
			calls->handlers[i] = h->next;
			free(h);
		}
	}
	/* Release: as in calls_of(). */
	store_release(&arena->calls, (struct calls *)NULL);
	pthread_cond_destroy(&calls->changed);
	pthread_mutex_destroy(&calls->lock);
	free(calls);
}

/* Its thread exists in the parent only; the memory is lost. */
void calls_after_fork(struct fusion_arena *arena)
{
	arena->calls = NULL;
}

/* --- Creation ------------------------------------------------------------- */

/* Remove the call of that name if its owner is gone.  0: try again. */
static int replace_dead_call(struct fusion_arena *arena, struct thread_rec *me,
			     const char *name)
{
	struct view *v = &arena->view;
	const struct call *c;
	uint32_t i, id;
	int r = table_find(v, me, KIND_CALL, name, &i, &id);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* If another call has the record by now, nothing is removed: try
	 * again. */
	c = view_entry(v, KIND_CALL, i);
	if (member_is_dead(v, c->owner_slot))
		life_sweep(v);
	if (member_at(v, c->owner_slot, c->owner))
		return -EEXIST;
	r = table_remove(v, me, KIND_CALL, i, id);
	return r == -EIDRM ? 0 : r;
}

static int add_call(struct fusion_arena *arena, struct thread_rec *me,
		    const char *name, uint32_t *ret_index)
{
	const struct call_owner owner = {arena->id, arena->view.slot};
	int r;

	do {
		r = table_add(&arena->view, me, KIND_CALL, name, arena->id,
			      &owner, ret_index);
		if (r != -EEXIST)
			return r;
		r = replace_dead_call(arena, me, name);
	} while (r == 0);
	return r;
}

/* Add the call and its handler.  Other members find the call as soon as it is
 * in the table, so the list of handlers is locked until the handler is there.
 */
static int add_call_handler(struct calls *calls, struct thread_rec *me,
			    const char *name, struct call_handler *h)
{
	struct call_handler **head;
	int r;

	pthread_mutex_lock(&calls->lock);
	r = add_call(calls->arena, me, name, &h->index);
	if (r == 0) {
		const struct call *c =
			view_entry(&calls->arena->view, KIND_CALL, h->index);

		h->id = load_acquire(&c->id);
		head = &calls->handlers[h->index % CALL_BUCKETS];
		h->next = *head;
		*head = h;
	}
	pthread_mutex_unlock(&calls->lock);
	return r;
}

/* Check the arguments of a call that is created or opened. */
static int open_call_options(const struct fusion_arena *arena,
			     const struct fusion_call_options *options,
			     struct fusion_call *const *ret,
			     struct fusion_call_options *o)
{
	const char *name = "fusion_call_options";
	int r;

	if (!arena || !options || !ret)
		return refuse_null("call", !arena     ? "arena"
					   : !options ? "options"
						      : "ret");
	r = options_copy(o, sizeof(*o),
			 OPTIONS_FIRST(struct fusion_call_options, reserved),
			 options, name);
	if (r < 0)
		return r;
	if (!o->fn)
		return refuse_null(name, "fn");
	if (o->reserved)
		return refuse_reserved(name);
	return o->flags ? refuse_flags(name, o->flags, 0) : 0;
}

static int create_call(struct fusion_arena *arena, struct thread_rec *me,
		       const char *name, const void *params, void **ret)
{
	const struct fusion_call_options *o = params;
	struct call_handler *h;
	struct calls *calls;
	int r = dispatch_start(arena);

	if (r < 0)
		return r;
	calls = calls_of(arena);
	h = calls ? malloc(sizeof(*h)) : NULL;
	if (!h)
		return -ENOMEM;
	*h = (struct call_handler){.fn = o->fn, .ctx = o->ctx};
	r = add_call_handler(calls, me, name, h);
	if (r < 0) {
		free(h);
		return r;
	}
	*ret = entry_handle(view_entry(&arena->view, KIND_CALL, h->index),
			    h->id);
	return 0;
}

/* Find a call whose owner is inside.  -ENOENT: there is none, or a dead one. */
static int find_live_call(struct fusion_arena *arena, const char *name,
			  const void *unused, void **ret)
{
	const struct call *c;
	void *p;
	int r = entry_find(arena, KIND_CALL, name, &p);

	(void)unused;
	if (r < 0)
		return r;
	c = call_of(p);
	if (member_is_dead(&arena->view, c->owner_slot))
		life_sweep(&arena->view);
	if (!member_at(&arena->view, c->owner_slot, c->owner))
		return -ENOENT;
	*ret = p;
	return 0;
}

static int make_call(struct fusion_arena *arena, const char *name,
		     const struct fusion_call_options *options, bool or_find,
		     struct fusion_call **ret)
{
	static const struct entry_maker maker = {KIND_CALL, find_live_call,
						 create_call};
	struct fusion_call_options o;
	int r = open_call_options(arena, options, ret, &o);

	return r < 0 ? r
		     : entry_make(arena, name, &maker, &o, or_find,
				  (void **)ret);
}

FUSION_API int fusion_call_create(struct fusion_arena *arena, const char *name,
				  const struct fusion_call_options *options,
				  struct fusion_call **ret)
{
	return told(make_call(arena, name, options, false, ret));
}

FUSION_API int fusion_call_open(struct fusion_arena *arena, const char *name,
				const struct fusion_call_options *options,
				struct fusion_call **ret)
{
	return told(make_call(arena, name, options, true, ret));
}

static int refuse_call_wait(const struct fusion_arena *arena, int r,
			    const char *name)
{
	if (r != -ETIMEDOUT && r != -EINTR)
		return is_refused(r) ? r : refuse_thing(arena, r, "call", name);
	return refuse(r,
		      "call '%s': no member of arena '%s' has created it yet: "
		      "%s",
		      name, arena->name, error_meaning(r));
}

FUSION_API int fusion_call_wait(struct fusion_arena *arena, const char *name,
				int64_t timeout_ns, uint32_t flags,
				struct fusion_call **ret)
{
	const uint32_t *changes;
	struct wait wait;
	uint32_t seq;
	int64_t nap;
	int r;

	if (!arena || !name || !ret)
		return told(refuse_null("call", !arena	? "arena"
						: !name ? "name"
							: "ret"));
	if (!arena_is_in(arena))
		return told(refuse_dead(arena));
	r = wait_begin(timeout_ns, flags, &wait);
	if (r < 0)
		return told(r);
	changes = &arena->view.sb->tables[KIND_CALL].seq;
	for (;;) {
		/* Acquire: pairs with the release at the end of table_add();
		 * read before we look, so that no call is missed. */
		seq = load_acquire(changes);
		r = find_live_call(arena, name, NULL, (void **)ret);
		if (r == 0)
			return 0;
		if (r != -ENOENT)
			break;
		/* The process that creates it may be killed before it wakes us:
		 * look again now and then, though nobody calls. */
		nap = wait_nap(&wait, SUSPECT_LAST_NS);
		if (!nap) {
			r = wait_error(&wait);
			break;
		}
		wait_slept(&wait, futex_wait(changes, seq, nap));
	}
	return told(refuse_call_wait(arena, r, name));
}

FUSION_API int fusion_call_get(struct fusion_arena *arena, fusion_id_t id,
			       struct fusion_call **ret)
{
	return told(entry_get(arena, KIND_CALL, id, (void **)ret));
}

FUSION_API int fusion_call_lookup(struct fusion_arena *arena, const char *name,
				  struct fusion_call **ret)
{
	return told(entry_lookup(arena, KIND_CALL, name, (void **)ret));
}

/* Remove the handler of the call that had @index and @id, if this process has
 * it. */
static void remove_call_handler(struct calls *calls, uint32_t index,
				uint32_t id)
{
	struct call_handler **p, *h;

	pthread_mutex_lock(&calls->lock);
	for (;;) {
		p = &calls->handlers[index % CALL_BUCKETS];
		while (*p && ((*p)->index != index || (*p)->id != id))
			p = &(*p)->next;
		h = *p;
		if (!h)
			break;
		if (!h->running) {
			*p = h->next;
			free(h);
			break;
		}
		h->removed = true;
		if (call_in_handler())
			break;
		cond_wait(&calls->changed, &calls->lock);
	}
	pthread_mutex_unlock(&calls->lock);
}

/* Find the cache and the id of a call that is there.  0, -errno. */
static int find_call(struct fusion_call *call, struct tcache **ret_cache,
		     uint32_t *ret_id)
{
	int r = 0;

	*ret_cache =
		entry_cache(KIND_CALL, call, offsetof(struct call, id), &r);
	if (!*ret_cache)
		return r;
	*ret_id = load_acquire(&call_of(call)->id);
	return *ret_id ? 0 : -EIDRM;
}

FUSION_API int fusion_call_destroy(struct fusion_call *call)
{
	struct tcache *cache;
	struct calls *calls;
	uint32_t i, id = 0;
	int r;

	if (!call)
		return 0;
	r = find_call(call, &cache, &id);
	if (r < 0)
		return told(r);
	i = call_index(&cache->arena->view, call_of(call));
	r = table_remove(&cache->arena->view, cache->rec, KIND_CALL, i, id);
	if (r < 0)
		return told(r);
	calls = calls_existing(cache->arena);
	if (calls)
		remove_call_handler(calls, i, id);
	arena_poke(cache->arena);
	return 0;
}

/* --- Asking and telling --------------------------------------------------- */

FUSION_API fusion_id_t fusion_call_owner(const struct fusion_call *call)
{
	fusion_id_t id = fusion_call_id(call), owner;

	if (!id)
		return FUSION_NONE;
	owner = load_relaxed(&call_of(call)->owner);
	/* Another call may have got the record meanwhile. */
	return fusion_call_id(call) == id ? owner : FUSION_NONE;
}

FUSION_API fusion_id_t fusion_call_id(const struct fusion_call *call)
{
	return entry_id(KIND_CALL, call, offsetof(struct call, id));
}

FUSION_API int fusion_call_cancel(struct fusion_call *call)
{
	struct tcache *cache;
	uint32_t id = 0;
	int r = find_call(call, &cache, &id);

	if (r < 0)
		return told(r);
	return told((int)call_fail_all(&cache->arena->view, call_of(call), id,
				       cache->arena->id, ECANCELED));
}

FUSION_API int fusion_call_set_quota(struct fusion_call *call,
				     fusion_id_t member, uint32_t limit)
{
	struct tcache *cache;
	uint32_t id = 0;
	int r = find_call(call, &cache, &id);

	if (r < 0)
		return told(r);
	if (member == FUSION_NONE)
		return told(refuse(-ESRCH,
				   "call: FUSION_NONE (0) is the id of no "
				   "member: give a member's id, or "
				   "FUSION_ALL"));
	/* In the record of the call 0 stands for all. */
	return told(call_set_limit(&cache->arena->view, cache->rec,
				   call_of(call),
				   member == FUSION_ALL ? 0 : member, limit));
}

FUSION_API int fusion_call_stat(struct fusion_call *call,
				struct fusion_call_stat *ret, size_t size)
{
	const struct call *c = call_of(call);
	struct tcache *cache;
	uint64_t executed;
	uint32_t id = 0;
	struct fusion_call_stat stat;
	int r = find_call(call, &cache, &id);

	if (r < 0)
		return told(r);
	executed = load_relaxed(&c->executed);
	stat = (struct fusion_call_stat){
		.id = id,
		.owner = c->owner,
		.pending = call_pending(&cache->arena->view, c, CALL_ANYBODY),
		.executed = executed,
		.failed = load_relaxed(&c->failed),
		.mean_ns = executed ? load_relaxed(&c->total_ns) / executed : 0,
		.max_ns = load_relaxed(&c->max_ns),
	};
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_call_stat"));
}
