/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/heap/pool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/names/name.h"
#include "libfusion/core/names/table.h"

/* Compute how many pools there can be. */
static uint32_t pool_max(const struct view *v)
{
	return geometry_pools(v->geo.n_spans);
}

static struct pool_rec *pool_record(const struct view *v, uint32_t i)
{
	uint64_t off = v->geo.off_words + geometry_words_size(v->geo.n_spans) -
		       (uint64_t)pool_max(v) * sizeof(struct pool_rec);

	return (struct pool_rec *)view_at(v, off & ~63ull) + (i - 1);
}

static uint32_t pools_hi(const struct view *v)
{
	return view_hi(&heap_super(v)->pools_hi, pool_max(v));
}

struct pool_rec *pool_at(const struct view *v, uint32_t i)
{
	return i && i <= pools_hi(v) ? pool_record(v, i) : NULL;
}

/* Under pool_lock. */
static void get_place(const struct view *v, uint32_t i, struct pool_place *ret)
{
	const struct pool_rec *p = pool_record(v, i);

	*ret = (struct pool_place){.index = i, .gen = p->gen, .id = p->id};
}

/* Find the pool called @name, or the one with @id if @name is NULL.  Under
 * pool_lock.  0, -ENOENT. */
static int find_locked(const struct view *v, const char *name, uint32_t id,
		       struct pool_place *ret)
{
	for (uint32_t i = 1; i <= pools_hi(v); i++) {
		const struct pool_rec *p = pool_record(v, i);

		/* Acquire: pairs with the release in pool_create_locked(). */
		if (load_acquire(&p->state) == POOL_USED &&
		    (name ? !strncmp(p->name, name, sizeof(p->name))
			  : p->id == id)) {
			get_place(v, i, ret);
			return 0;
		}
	}
	return -ENOENT;
}

static int pool_publish(struct view *v, uint32_t i)
{
	int r;

	if (i <= pools_hi(v))
		return 0;
	r = view_reserve(v, view_off(v, pool_record(v, i)),
			 sizeof(struct pool_rec));
	if (!r)
		/* Release: pairs with the acquire in view_hi(). */
		store_release(&heap_super(v)->pools_hi, i);
	return r;
}

/* No pool has that name.  Under pool_lock. */
static int pool_create_locked(struct view *v, const char *name, uint64_t limit,
			      struct pool_place *ret)
{
	struct pool_rec *p;
	uint32_t i;
	int r;

	for (i = 1; i <= pools_hi(v); i++)
		if (load_relaxed(&pool_record(v, i)->state) == POOL_FREE)
			break;
	if (i > pool_max(v))
		return -ENOSPC;
	r = pool_publish(v, i);
	if (r < 0)
		return r;
	p = pool_record(v, i);
	/* Relaxed: the release of `state` publishes it.  Atomic: a late user of
	 * the pool that was in this record before may be reading it. */
	store_relaxed(&p->gen, load_relaxed(&p->gen) + 1);
	p->id = table_next_id(v);
	/* `used` stays.  It is 0, or counts the spans of a thread that was
	 * making a slab when the last pool was destroyed.  That thread gives
	 * them back and uncharges them here (pool_is_gone() in refill.c). */
	if (SEED_BUG(92))
		p->used = 0;
	p->orphans = 0;
	p->limit = limit;
	memset(p->name, 0, sizeof(p->name));
	strncpy(p->name, name, ENTRY_NAME_MAX);
	compiler_fence();
	/* Commit.  Killed before it: the record is free.  A thread that sees
	 * USED must see the record.  Release: pairs with the acquires in
	 * find_locked(), pool_charge(), pool_exists() and pool_copy(). */
	store_release(&p->state, POOL_USED);
	get_place(v, i, ret);
	return 0;
}

int pool_create(struct view *v, struct thread_rec *me, const char *name,
		uint64_t limit, struct pool_place *ret)
{
	struct pool_place found;
	int r = name ? name_check_entry(name) : 0;

	if (r < 0)
		return r;
	r = core_lock(v, me, &heap_super(v)->pool_lock);
	if (r < 0)
		return r;
	if (name && find_locked(v, name, 0, &found) == 0)
		r = -EEXIST;
	else
		r = pool_create_locked(v, name ? name : "", limit, ret);
	core_unlock(v, me, &heap_super(v)->pool_lock);
	return r;
}

int pool_open(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t limit, struct pool_place *ret)
{
	int r = name_check_entry(name);

	if (r < 0)
		return r;
	r = core_lock(v, me, &heap_super(v)->pool_lock);
	if (r < 0)
		return r;
	r = find_locked(v, name, 0, ret);
	if (r == -ENOENT) {
		r = pool_create_locked(v, name, limit, ret);
		if (!r)
			r = 1;
	}
	core_unlock(v, me, &heap_super(v)->pool_lock);
	return r;
}

int pool_find(struct view *v, struct thread_rec *me, const char *name,
	      struct pool_place *ret)
{
	int r = name_check_entry(name);

	if (r < 0)
		return r;
	r = core_lock(v, me, &heap_super(v)->pool_lock);
	if (r < 0)
		return r;
	r = find_locked(v, name, 0, ret);
	core_unlock(v, me, &heap_super(v)->pool_lock);
	return r;
}

int pool_get(struct view *v, struct thread_rec *me, uint32_t id,
	     struct pool_place *ret)
{
	int r = core_lock(v, me, &heap_super(v)->pool_lock);

	if (r < 0)
		return r;
	r = find_locked(v, NULL, id, ret);
	core_unlock(v, me, &heap_super(v)->pool_lock);
	return r;
}

bool pool_exists(const struct view *v, const struct pool_place *p)
{
	const struct pool_rec *rec = pool_at(v, p->index);

	/* The caller must see `gen` of the pool that is USED: acquire here,
	 * release in pool_create_locked(). */
	return rec && load_acquire(&rec->state) == POOL_USED &&
	       load_relaxed(&rec->gen) == p->gen;
}

static int pool_free_spans(struct view *v, struct thread_rec *me, uint32_t pool)
{
	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++) {
		uint64_t w = load_relaxed(span_word(v, i));
		uint32_t n = 1;
		int r;

		if (WORD_POOL(w) != pool)
			continue;
		if (WORD_KIND(w) == SPAN_HEAD)
			n = WORD_COUNT(w);
		else if (WORD_KIND(w) == SPAN_SLAB &&
			 WORD_CLASS(w) < HEAP_CLASSES)
			n = slab_class_spans(WORD_CLASS(w));
		else
			continue;
		if (!n || n > span_hi(v) - i)
			return -EIO;
		r = span_free(v, me, i, n, w, NULL);
		/* -EINVAL: its owner has just given it back. */
		if (r < 0 && r != -EINVAL)
			return r;
	}
	return 0;
}

/* Free the spans of pool @i, which is DYING.  A thread that takes span_lock
 * after this one gets no span of the pool, so the lock is taken once first. */
static int pool_destroy_rest(struct view *v, struct thread_rec *me, uint32_t i)
{
	struct core_lock *l = &heap_super(v)->span_lock;
	int r = core_lock(v, me, l);

	if (r < 0)
		return r;
	core_unlock(v, me, l);
	/* DYING must be visible before this thread reads the words.  The
	 * drawing is at pool_is_gone() in refill.c. */
	full_fence();
	r = pool_free_spans(v, me, i);
	if (!r)
		/* Release: the next pool in this record must find its spans
		 * free.  Under pool_lock. */
		store_release(&pool_record(v, i)->state, POOL_FREE);
	return r;
}

int pool_destroy(struct view *v, struct thread_rec *me,
		 const struct pool_place *p)
{
	struct heap_super *h = heap_super(v);
	int r = core_lock(v, me, &h->pool_lock);

	if (r < 0)
		return r;
	if (!pool_exists(v, p)) {
		r = -EIDRM;
	} else {
		me->pool.a[0] = p->index;
		compiler_fence();
		store_relaxed(&me->pool.op, POOL_OP_DESTROY);
		compiler_fence();
		/* Commit.  Release: pairs with the acquire in pool_charge(). */
		store_release(&pool_record(v, p->index)->state, POOL_DYING);
		compiler_fence();
		r = pool_destroy_rest(v, me, p->index);
		compiler_fence();
		store_relaxed(&me->pool.op, 0);
	}
	core_unlock(v, me, &h->pool_lock);
	return r;
}

/* The dead thread still holds pool_lock; its span_lock is free by now. */
int heap_recover_pool(struct view *v, struct thread_rec *t)
{
	struct thread_rec *me;
	uint64_t i = t->pool.a[0];
	int r = 0;

	if (!load_relaxed(&t->pool.op))
		return 0;
	if (t->pool.op != POOL_OP_DESTROY || i > UINT32_MAX ||
	    !pool_at(v, (uint32_t)i))
		return -EIO;
	if (load_relaxed(&pool_record(v, (uint32_t)i)->state) == POOL_DYING) {
		r = life_rec_get(v, &me);
		if (!r)
			r = pool_destroy_rest(v, me, (uint32_t)i);
	}
	compiler_fence();
	if (!r)
		store_relaxed(&t->pool.op, 0);
	return r;
}

int pool_charge(struct view *v, uint32_t i, uint32_t n)
{
	struct pool_rec *p = pool_at(v, i);

	if (!i)
		return 0;
	/* Acquire: pairs with the release in pool_destroy(), which then takes
	 * span_lock once.  After that the pool gets no more spans. */
	if (!p || load_acquire(&p->state) != POOL_USED ||
	    (p->limit && ((uint64_t)p->used + n) << SPAN_SHIFT > p->limit))
		return -EDQUOT;
	p->used += n;
	return 0;
}

void pool_uncharge(struct view *v, uint32_t i, uint32_t n)
{
	struct pool_rec *p = pool_at(v, i);

	if (p)
		p->used = p->used > n ? p->used - n : 0;
}

void pool_recount(struct view *v)
{
	uint32_t hi = pools_hi(v);

	if (!hi)
		return;
	for (uint32_t i = 1; i <= hi; i++)
		pool_record(v, i)->used = 0;
	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++) {
		uint64_t w = load_relaxed(span_word(v, i));

		if (!span_is_free(w) && pool_at(v, WORD_POOL(w)))
			pool_record(v, WORD_POOL(w))->used++;
	}
}

int pool_copy(const struct view *v, uint32_t i, struct pool_info *ret)
{
	const struct pool_rec *p = pool_at(v, i + 1);

	if (!p)
		return -ERANGE;
	/* Acquire: pairs with the release in pool_create_locked(). */
	if (load_acquire(&p->state) != POOL_USED)
		return -ENOENT;
	*ret = (struct pool_info){
		.id = p->id,
		.limit = p->limit,
		.used = (uint64_t)p->used << SPAN_SHIFT,
	};
	memcpy(ret->name, p->name, sizeof(ret->name));
	ret->name[ENTRY_NAME_MAX] = 0;
	if (!*ret->name) {
		snprintf(ret->name, sizeof(ret->name), "#%u", ret->id);
		return 0;
	}
	return name_check_entry(ret->name) < 0 ? -ENOENT : 0;
}
