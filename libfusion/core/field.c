/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/field.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/lock.h"
#include "libfusion/core/seed.h"

enum { OP_ADD = 1, OP_REMOVE = 2 };

/* The chain or bucket word that leads to an entry. */
struct place {
	uint32_t *link;
	uint32_t index;
};

static uint32_t hash_name(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

static uint32_t *bucket(const struct view *v, uint32_t hash)
{
	return (uint32_t *)view_at(v, v->geo.off_buckets) +
	       hash % v->geo.n_buckets;
}

static uint32_t published(const struct view *v)
{
	return view_hi(&v->sb->fields_hi, v->geo.max_fields);
}

/* Follow the chain of @hash until @match says so; bounded, as a chain that
 * others scribbled on may be a circle. */
static bool find(const struct view *v, uint32_t hash,
		 bool (*match)(const struct view *, uint32_t, const void *),
		 const void *arg, struct place *ret)
{
	uint32_t hi = published(v);
	struct place p = {.link = bucket(v, hash)};

	for (uint32_t steps = 0; steps <= hi; steps++) {
		/* Acquire: pairs with the release in link_entry(). */
		uint32_t at = load_acquire(p.link);

		if (!at || at > hi)
			return false;
		p.index = at - 1;
		if (match(v, p.index, arg)) {
			*ret = p;
			return true;
		}
		p.link = &view_field(v, p.index)->next;
	}
	return false;
}

static bool match_name(const struct view *v, uint32_t i, const void *name)
{
	const struct field_rec *f = view_field(v, i);

	/* Acquire: pairs with the commit in field_add(). */
	return load_acquire(&f->state) == FIELD_USED &&
	       !strncmp(f->name, name, sizeof(f->name));
}

static bool match_index(const struct view *v, uint32_t i, const void *index)
{
	(void)v;
	return i == *(const uint32_t *)index;
}

static void link_entry(struct view *v, uint32_t i)
{
	struct field_rec *f = view_field(v, i);
	uint32_t *b = bucket(v, f->hash);

	store_relaxed(&f->next, load_relaxed(b));
	/* Release: pairs with the acquire in find(). */
	store_release(b, i + 1);
}

static void push_free(struct view *v, uint32_t i)
{
	if (v->sb->field_free == i + 1)
		return;
	store_relaxed(&view_field(v, i)->next, v->sb->field_free);
	compiler_fence();
	v->sb->field_free = i + 1;
}

static void announce(struct intent *in, uint32_t op, uint32_t index,
		     uint32_t count)
{
	in->a[0] = index;
	in->a[1] = count;
	compiler_fence();
	store_relaxed(&in->op, op);
	compiler_fence();
}

static void changed(struct view *v)
{
	add_release(&v->sb->field_seq, 1);
	futex_wake(&v->sb->field_seq, INT_MAX);
}

static void finish(struct view *v, struct intent *in)
{
	v->sb->n_fields = (uint32_t)in->a[1];
	changed(v);
	compiler_fence();
	store_relaxed(&in->op, 0);
}

/* The first free entry, or the next one never used, with memory under it. */
static int pick(struct view *v, uint32_t *ret)
{
	uint32_t hi = published(v), first = v->sb->field_free;
	uint64_t off;

	if (first) {
		*ret = first - 1;
		return first <= hi ? 0 : -EIO;
	}
	if (hi == v->geo.max_fields)
		return -ENOSPC;
	*ret = hi;
	off = view_off(v, view_field(v, hi));
	/* One reservation a page: the entry that is first to touch it. */
	if (off % 4096 && (off + sizeof(struct field_rec)) / 4096 == off / 4096)
		return 0;
	return view_reserve(v, off, sizeof(struct field_rec));
}

/*
 * Commit: the store of state.  Killed before: undone, the entry goes back to
 * the free list (or stays above fields_hi).  After: redone, it is linked.
 */
static int add_locked(struct view *v, struct thread_rec *me,
		      const struct field_rec *new)
{
	struct field_rec *f;
	struct place found;
	uint32_t i;
	int r;

	if (find(v, new->hash, match_name, new->name, &found))
		return -EEXIST;
	r = pick(v, &i);
	if (r < 0)
		return r;
	f = view_field(v, i);
	if (!SEED_BUG(10))
		announce(&me->field, OP_ADD, i, v->sb->n_fields + 1);
	if (v->sb->field_free)
		v->sb->field_free = load_relaxed(&f->next);
	else
		store_release(&v->sb->fields_hi, i + 1);
	memcpy(&f->id, &new->id, sizeof(*f) - offsetof(struct field_rec, id));
	store_relaxed(&f->next, 0);
	if (SEED_BUG(11))
		link_entry(v, i);
	compiler_fence();
	/* Release: pairs with the acquire in match_name(). */
	store_release(&f->state, FIELD_USED);
	compiler_fence();
	if (SEED_BUG(10))
		announce(&me->field, OP_ADD, i, v->sb->n_fields + 1);
	if (!SEED_BUG(11))
		link_entry(v, i);
	compiler_fence();
	finish(v, &me->field);
	return 0;
}

int field_add(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t addr, uint64_t size, const char *type, uint32_t creator)
{
	struct field_rec new = {
		.addr = addr,
		.size = size,
		.created_ns = (uint64_t)clock_realtime_ns(),
		.creator = creator,
	};
	int r = name_check_object(name);

	if (r < 0)
		return r;
	if (type && strlen(type) > FIELD_TYPE_MAX)
		return -ENAMETOOLONG;
	new.hash = hash_name(name);
	strncpy(new.name, name, OBJECT_NAME_MAX);
	if (type)
		strncpy(new.type, type, FIELD_TYPE_MAX);
	r = core_lock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	/* Relaxed: guarded by field_lock here, and only its value matters. */
	new.id = add_relaxed(&v->sb->next_object, 1);
	r = add_locked(v, me, &new);
	core_unlock(v, me, &v->sb->field_lock);
	return r;
}

int field_get(struct view *v, struct thread_rec *me, const char *name,
	      struct field_rec *ret)
{
	struct place found;
	int r = name_check_object(name);

	if (r < 0)
		return r;
	r = core_lock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	if (find(v, hash_name(name), match_name, name, &found))
		memcpy(ret, view_field(v, found.index), sizeof(*ret));
	else
		r = -ENOENT;
	core_unlock(v, me, &v->sb->field_lock);
	return r;
}

/* Commit: the store of state.  Killed before: still there.  After: redone,
 * unlinked and given to the free list. */
static void remove_locked(struct view *v, struct thread_rec *me,
			  const struct place *p)
{
	struct field_rec *f = view_field(v, p->index);

	announce(&me->field, OP_REMOVE, p->index, v->sb->n_fields - 1);
	/* Readers without the lock look again when this has moved. */
	add_release(&v->sb->field_seq, 1);
	store_release(&f->state, FIELD_FREE);
	compiler_fence();
	store_release(p->link, load_relaxed(&f->next));
	compiler_fence();
	push_free(v, p->index);
	compiler_fence();
	finish(v, &me->field);
}

int field_remove(struct view *v, struct thread_rec *me, const char *name)
{
	struct place found;
	int r = name_check_object(name);

	if (r < 0)
		return r;
	r = core_lock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	if (find(v, hash_name(name), match_name, name, &found))
		remove_locked(v, me, &found);
	else
		r = -ENOENT;
	core_unlock(v, me, &v->sb->field_lock);
	return r;
}

/* The dead thread still holds field_lock, so the table stands still. */
int field_recover(struct view *v, struct thread_rec *t)
{
	uint32_t op = load_relaxed(&t->field.op), i;
	struct place found;
	bool used, linked;

	if (!op)
		return 0;
	if ((op != OP_ADD && op != OP_REMOVE) ||
	    t->field.a[0] >= v->geo.max_fields)
		return -EIO;
	i = (uint32_t)t->field.a[0];
	if (i >= published(v)) { /* killed before anything happened */
		store_relaxed(&t->field.op, 0);
		return 0;
	}
	used = load_relaxed(&view_field(v, i)->state) == FIELD_USED;
	linked = find(v, view_field(v, i)->hash, match_index, &i, &found);
	if (used) {
		if (op == OP_ADD && !linked && !SEED_BUG(12))
			link_entry(v, i);
		if (op == OP_ADD)
			v->sb->n_fields = (uint32_t)t->field.a[1];
	} else {
		if (op == OP_REMOVE && linked)
			store_release(found.link,
				      load_relaxed(&view_field(v, i)->next));
		compiler_fence();
		push_free(v, i);
		if (op == OP_REMOVE)
			v->sb->n_fields = (uint32_t)t->field.a[1];
	}
	changed(v);
	compiler_fence();
	store_relaxed(&t->field.op, 0);
	return 0;
}

int field_copy(const struct view *v, uint32_t i, struct field_rec *ret)
{
	const struct field_rec *f = view_field(v, i);

	if (i >= published(v) || load_acquire(&f->state) != FIELD_USED)
		return -ENOENT;
	memcpy(ret, f, sizeof(*ret));
	ret->name[OBJECT_NAME_MAX] = 0;
	ret->type[FIELD_TYPE_MAX] = 0;
	return name_check_object(ret->name) < 0 ? -ENOENT : 0;
}

int field_lookup(const struct view *v, const char *name, uint32_t *ret_index)
{
	struct place found;
	uint32_t seq;

	if (name_check_object(name) < 0)
		return -ENOENT;
	/* A removal under our feet may lead from the chain into the free
	 * list; then field_seq has moved. */
	for (int tries = 0; tries < 4; tries++) {
		seq = load_acquire(&v->sb->field_seq);
		if (find(v, hash_name(name), match_name, name, &found)) {
			*ret_index = found.index;
			return 0;
		}
		if (load_acquire(&v->sb->field_seq) == seq)
			break;
	}
	return -ENOENT;
}

static unsigned fault(void (*report)(void *, const char *), void *ctx,
		      const char *fmt, uint32_t i)
{
	char text[96];

	snprintf(text, sizeof(text), fmt, i);
	if (report)
		report(ctx, text);
	return 1;
}

unsigned field_check(struct view *v, void (*report)(void *, const char *),
		     void *ctx)
{
	uint32_t hi = published(v), used = 0, n_free = 0, at;
	struct place found;
	unsigned bad = 0;

	for (uint32_t i = 0; i < hi; i++) {
		const struct field_rec *f = view_field(v, i);

		if (f->state == FIELD_FREE)
			continue;
		if (f->state != FIELD_USED)
			bad += fault(report, ctx, "field %u: bad state", i);
		used++;
		if (!find(v, f->hash, match_index, &i, &found))
			bad += fault(report, ctx, "field %u: not linked", i);
		if (f->hash != hash_name(f->name))
			bad += fault(report, ctx, "field %u: bad hash", i);
	}
	for (at = v->sb->field_free; at && n_free <= hi; n_free++) {
		if (at > hi) {
			bad += fault(report, ctx, "free list leaves at %u", at);
			break;
		}
		if (view_field(v, at - 1)->state != FIELD_FREE)
			bad += fault(report, ctx, "field %u: used, free", at);
		at = view_field(v, at - 1)->next;
	}
	if (used + n_free != hi)
		bad += fault(report, ctx, "fields: %u entries lost",
			     hi - used - n_free);
	for (uint32_t b = 0; b < v->geo.n_buckets; b++) {
		uint32_t head = *bucket(v, b);

		if (head > hi ||
		    (head && view_field(v, head - 1)->state != FIELD_USED))
			bad += fault(report, ctx, "bucket %u: bad head", b);
	}
	if (v->sb->n_fields != used)
		bad += fault(report, ctx, "fields: count is off, %u used",
			     used);
	return bad;
}
