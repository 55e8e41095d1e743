/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/container.h"

#include <stdio.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/refuse_arena.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_cond.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/heap/heap.h"
#include "libfusion/heap/slot.h"
#include "libfusion/names/entries.h"

static const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case CONTAINER_HASH:
		return "hash";
	case CONTAINER_VECTOR:
		return "vector";
	}
	return "list";
}

static int refuse_container(const struct fusion_arena *arena, int r,
			    uint32_t kind)
{
	if (is_refused(r))
		return r;
	return refuse_thing(arena, r, kind_name(kind), NULL);
}

static int refuse_lock(const struct container *c, uint32_t kind)
{
	return refuse(-EINVAL,
		      "%s at %p: it has no lock: create it with "
		      "FUSION_CONTAINER_LOCK",
		      kind_name(kind), (const void *)c);
}

/* --- Entering --------------------------------------------------------------
 */

/* Find the arena of @c, which must be a container of @kind in its heap. */
static int find_container(const struct container *c, uint32_t kind,
			  struct fusion_arena **ret)
{
	struct fusion_arena *a = c ? arena_of(c) : NULL;
	struct tcache *t;

	if (!a)
		return refuse_handle(kind_name(kind), c);
	t = tls_cache(a);
	if (!t)
		return -errno;
	if (view_off(&a->view, c) >> SPAN_SHIFT >= t->span_hi)
		t->span_hi = span_hi(&a->view);
	if (!is_in_slab(t, c) ||
	    load_relaxed(&c->mark) != container_mark(c, kind))
		return refuse_handle(kind_name(kind), c);
	*ret = a;
	return 0;
}

static inline bool has_lock(const struct container *c)
{
	return c->flags & FUSION_CONTAINER_LOCK;
}

/* Lock the container.  The call that needs it settles what a dead owner left,
 * so the caller is not told of the death.  0, -ENOLCK, -EOVERFLOW; -EIDRM the
 * lock was destroyed; -EIO, -ENOMEM, -EMFILE. */
static int take_lock(const struct container *c)
{
	int r = fusion_skirmish_prevail(c->lock);

	if (r == -EOWNERDEAD) {
		fusion_skirmish_consistent(c->lock);
		r = 0;
	}
	return r == -EINVAL ? -EIO : r;
}

static inline bool is_alive(uint16_t state)
{
	return state == CONTAINER_ALIVE || state == CONTAINER_MOVING;
}

static int ask_state(const struct container *c)
{
	uint16_t state = load_relaxed(&c->state);

	if (is_alive(state))
		return 0;
	if (state == CONTAINER_DYING)
		return refuse(-EIDRM, "container at %p: it is being destroyed",
			      (const void *)c);
	return refuse(-EIO, "container at %p: its memory was overwritten",
		      (const void *)c);
}

int container_take(struct container *c)
{
	int r = take_lock(c);

	if (r < 0)
		return r;
	/* Another thread may have begun to destroy it while we waited. */
	r = ask_state(c);
	if (UNLIKELY(r < 0))
		fusion_skirmish_dismiss(c->lock);
	return r;
}

int container_enter_slow(struct container *c, uint32_t kind,
			 struct fusion_arena **ret)
{
	int r = find_container(c, kind, ret);

	if (r == 0)
		r = ask_state(c);
	return r < 0 || !has_lock(c) ? r : container_take(c);
}

int container_lock(struct container *c, uint32_t kind)
{
	struct fusion_arena *a;
	int r = container_enter(c, kind, &a);

	return r == 0 && !has_lock(c) ? refuse_lock(c, kind) : r;
}

int container_unlock(struct container *c, uint32_t kind)
{
	struct fusion_arena *a;
	int r = find_container(c, kind, &a);

	if (r < 0)
		return r;
	return has_lock(c) ? fusion_skirmish_dismiss(c->lock)
			   : refuse_lock(c, kind);
}

int container_wait(struct container *c, uint32_t kind, struct fusion_arena *a,
		   struct wait *wait)
{
	struct fusion_skirmish *lock = c->lock;
	struct skirmish *s = handle_entry(lock);
	struct thread_rec *me = thread_rec_of(a);
	int r;

	if (!me)
		return container_leave(c, -errno);
	if (!has_lock(c))
		return refuse_lock(c, kind);
	r = skirmish_wait(&a->view, me, s, wait);
	/* The container is gone with its lock. */
	if (r == -EIDRM)
		return refuse(r, "%s at %p: it was destroyed during the wait",
			      kind_name(kind), (void *)c);
	if (r == -EOWNERDEAD) {
		skirmish_consistent(me, s);
		r = 0;
	}
	return container_leave(c, r);
}

void container_wake(struct container *c, struct fusion_arena *a)
{
	struct thread_rec *me = has_lock(c) ? thread_rec_of(a) : NULL;

	if (me)
		skirmish_notify(&a->view, me, handle_entry(c->lock), true);
}

/* --- From beginning to end -------------------------------------------------
 */

static int add_lock(struct container *c, struct fusion_arena *arena)
{
	struct thread_rec *me = thread_rec_of(arena);
	struct skirmish *lock;
	int r = me ? skirmish_create(&arena->view, me, NULL, 0, arena->id,
				     &lock)
		   : -errno;

	if (r < 0)
		return r;
	arena_poke(arena);
	c->lock = entry_handle(lock, lock->id);
	c->lock_id = lock->id;
	return 0;
}

static enum entry_kind table_of_kind(uint32_t kind)
{
	switch (kind) {
	case CONTAINER_HASH:
		return KIND_HASH;
	case CONTAINER_VECTOR:
		return KIND_VECTOR;
	}
	return KIND_LIST;
}

static int give_name(struct container *c, struct fusion_arena *arena,
		     const char *name, const struct container_make *make)
{
	struct thread_rec *me = thread_rec_of(arena);
	enum entry_kind kind = table_of_kind(make->kind);
	int r = me ? container_name(&arena->view, me, kind, name, c, make->keys,
				    arena->id)
		   : -errno;

	return entry_created(arena, kind, name, r);
}

/* Killed before the end, or before the record of its name is committed: it
 * leaks. */
int container_create(struct fusion_arena *arena, const char *name,
		     const struct container_make *make, void *ret)
{
	struct container *c;
	int r = 0;

	c = heap_alloc_zeroed(arena, make->size);
	if (!c)
		return refuse_container(arena, -errno, make->kind);
	c->flags = (uint16_t)make->flags;
	c->state = CONTAINER_ALIVE;
	if (make->flags & FUSION_CONTAINER_LOCK) {
		r = add_lock(c, arena);
		if (r < 0) {
			fusion_free(c);
			return refuse_container(arena, r, make->kind);
		}
	}
	if (make->init)
		make->init(c, make);
	/* A record has an id of its own, which container_init() stores. */
	if (!name)
		c->link.id = table_next_id(&arena->view);
	compiler_fence();
	c->mark = container_mark(c, make->kind);
	if (name)
		r = give_name(c, arena, name, make);
	if (r < 0)
		container_free(c, arena);
	else
		*(struct container **)ret = c;
	return r;
}

/* Find the container of a record.  NULL: a member has scribbled on one of the
 * two, or the container was destroyed since the record was copied. */
static struct container *container_of_record(const struct container_rec *rec,
					     uint32_t kind)
{
	struct container *c = (void *)(uintptr_t)rec->addr;
	struct fusion_arena *a;

	if (find_container(c, kind, &a) == 0 && c->link.id == rec->e.id)
		return c;
	refuse_nothing();
	return NULL;
}

static int find_record(struct fusion_arena *arena, const char *name,
		       uint32_t kind, struct container_rec *ret_rec,
		       struct container **ret)
{
	struct thread_rec *me = thread_rec_of(arena);
	uint32_t last = 0;
	int r;

	if (!me)
		return -errno;
	for (;; last = ret_rec->e.id) {
		r = table_get(&arena->view, me, table_of_kind(kind), name, NULL,
			      ret_rec);
		if (r < 0)
			return r;
		*ret = container_of_record(ret_rec, kind);
		if (*ret)
			return 0;
		/* A record is removed before its container is freed. */
		if (ret_rec->e.id == last)
			return -EIO;
	}
}

static int refuse_lookup(const struct fusion_arena *arena, int r, uint32_t kind,
			 const char *name)
{
	return is_refused(r) ? r
			     : refuse_thing(arena, r, kind_name(kind), name);
}

int container_lookup(struct fusion_arena *arena, const char *name,
		     enum container_kind kind, void *ret)
{
	struct container_rec rec;
	struct container *c;
	int r;

	if (!arena || !ret)
		return refuse_null(kind_name(kind), arena ? "ret" : "arena");
	r = find_record(arena, name, kind, &rec, &c);
	if (r < 0)
		return refuse_lookup(arena, r, kind, name);
	*(struct container **)ret = c;
	return 0;
}

int container_get(struct fusion_arena *arena, fusion_id_t id,
		  enum container_kind kind, void *ret)
{
	int r = entry_check_get(arena, kind_name(kind), id, ret);
	struct container_rec rec;
	struct container *c;
	char name[16];

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "#%u", id);
	r = find_record(arena, name, kind, &rec, &c);
	if (r == -ENOENT)
		return refuse(r,
			      "%s #%u: arena '%s' has none of that id with a "
			      "name: only a %s with a name is found",
			      kind_name(kind), id, arena->name,
			      kind_name(kind));
	if (r < 0)
		return refuse_lookup(arena, r, kind, name);
	*(struct container **)ret = c;
	return 0;
}

fusion_id_t container_id(const struct container *c, uint32_t kind)
{
	struct fusion_arena *a;

	if (find_container(c, kind, &a) == 0 && ask_state(c) == 0)
		return load_relaxed(&c->link.id);
	refuse_nothing();
	return 0;
}

static int refuse_other(const struct container_make *make, const char *name,
			const struct container_rec *rec)
{
	const char *kind = kind_name(make->kind);

	if (rec->keys != make->keys)
		return refuse(-EPROTOTYPE,
			      "%s '%s': it was created with keys of the type "
			      "%u, not %u: open it with the same options",
			      kind, name, rec->keys, make->keys);
	return refuse(-EPROTOTYPE,
		      "%s '%s': it was created with the flags 0x%x, not 0x%x: "
		      "open it with the same options",
		      kind, name, rec->flags, make->flags);
}

/* If several threads create it at once, all but one get -EEXIST, and find the
 * container of that one. */
int container_open(struct fusion_arena *arena, const char *name,
		   const struct container_make *make, void *ret)
{
	struct container_rec rec;
	struct container *c;
	int r;

	if (!arena)
		return refuse_null(kind_name(make->kind), "arena");
	for (;;) {
		r = find_record(arena, name, make->kind, &rec, &c);
		if (r != -ENOENT)
			break;
		r = container_create(arena, name, make, ret);
		if (r != -EEXIST)
			return r;
		refuse_nothing();
	}
	if (r < 0)
		return refuse_lookup(arena, r, make->kind, name);
	if (rec.flags != make->flags || rec.keys != make->keys)
		return refuse_other(make, name, &rec);
	*(struct container **)ret = c;
	return 0;
}

/* Killed behind this: the container has no name any more, and can still be
 * destroyed. */
static int drop_name(struct container *c, uint32_t kind,
		     struct fusion_arena *arena)
{
	const struct container_link link = c->link;
	struct thread_rec *me;
	int r;

	if (!link.entry)
		return 0;
	me = thread_rec_of(arena);
	r = me ? table_remove(&arena->view, me, table_of_kind(kind),
			      link.entry - 1, link.id)
	       : -errno;
	if (r == -EIDRM)
		return 0;
	if (r < 0)
		return refuse_container(arena, r, kind);
	arena_poke(arena);
	return 0;
}

/* A thread that is in a call holds the lock.  A thread that gets the lock later
 * finds that the container is being destroyed.  Nobody finds it by name then.
 */
int container_doom(struct container *c, uint32_t kind,
		   struct fusion_arena **ret)
{
	int r = find_container(c, kind, ret);

	if (r < 0)
		return r;
	if (is_alive(c->state) && has_lock(c)) {
		r = take_lock(c);
		if (r < 0)
			return r;
	}
	if (!is_alive(c->state))
		return 0;
	r = drop_name(c, kind, *ret);
	if (r == 0) {
		store_relaxed(&c->state, (uint16_t)CONTAINER_DYING);
		compiler_fence();
	}
	return container_leave(c, r);
}

/* The handle may be that of a new skirmish, if the thread that tried last was
 * killed here. */
static void destroy_lock(struct container *c, struct fusion_arena *arena)
{
	struct fusion_skirmish *lock;
	char name[16];

	snprintf(name, sizeof(name), "#%u", c->lock_id);
	if (entry_find(arena, KIND_SKIRMISH, name, (void **)&lock) == 0 &&
	    lock == c->lock)
		fusion_skirmish_destroy(lock);
}

int container_free(struct container *c, struct fusion_arena *arena)
{
	if (has_lock(c))
		destroy_lock(c, arena);
	return fusion_free(c);
}

int slot_drop(struct fusion_arena *a, void **slot)
{
	int r = *slot ? heap_free_from(a, slot) : 0;

	if (r != -EINVAL)
		return r;
	store_relaxed(slot, NULL);
	return 0;
}
