/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/field.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/event.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/lock.h"
#include "libfusion/core/seed.h"

/*
 * thread_rec.field: op, and
 *   a[0]  index of the entry
 *   a[1]  its bucket
 *   a[2]  FIELD_OP_ADD: 1 if the entry is taken from behind fields_hi
 *   a[3]  n_fields when the operation is done
 */
enum { FIELD_OP_NONE = 0, FIELD_OP_ADD = 1, FIELD_OP_REMOVE = 2 };

#define PAGE 4096
#define LOOKUP_TRIES 16 /* of the lens, when a writer was in its way */

static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	while (*name)
		h = (h ^ (unsigned char)*name++) * 16777619u;
	return h;
}

static uint32_t *bucket_at(const struct view *v, uint32_t bucket)
{
	return (uint32_t *)(v->base + v->geo.off_buckets) + bucket;
}

static uint32_t fields_hi(const struct view *v)
{
	return view_hi(&v->sb->fields_hi, v->geo.max_fields);
}

/* Find @name in its chain; the caller holds field_lock.  *ret_prev is the link
 * that leads to it.  0, -ENOENT, -EIO the chain leads nowhere or in a ring. */
static int chain_find(const struct view *v, const char *name, uint32_t hash,
		      uint32_t *ret_index, uint32_t **ret_prev)
{
	uint32_t *link = bucket_at(v, hash % v->geo.n_buckets);
	uint32_t hi = fields_hi(v), next;

	for (uint32_t n = 0; (next = load_relaxed(link)); n++) {
		struct field_rec *f = view_field(v, next - 1);

		if (next > hi || n >= hi)
			return -EIO;
		if (f->hash == hash &&
		    !strncmp(f->name, name, sizeof(f->name))) {
			*ret_index = next - 1;
			*ret_prev = link;
			return 0;
		}
		link = &f->next;
	}
	return -ENOENT;
}

static void announce(struct thread_rec *me, uint32_t op, uint32_t index,
		     uint32_t bucket, bool fresh, uint32_t n_fields)
{
	me->field.a[0] = index;
	me->field.a[1] = bucket;
	me->field.a[2] = fresh;
	me->field.a[3] = n_fields;
	compiler_fence();
	store_relaxed(&me->field.op, op);
	compiler_fence();
}

static void finish(struct view *v, struct intent *intent)
{
	store_relaxed(&v->sb->n_fields, (uint32_t)intent->a[3]);
	/* Release: pairs with the acquire in who waits for a field. */
	add_release(&v->sb->field_seq, 1);
	compiler_fence();
	store_relaxed(&intent->op, FIELD_OP_NONE);
}

/* Memory for the entry at fields_hi, if it reaches into a fresh page. */
static int grow(struct view *v, uint32_t hi)
{
	uint64_t off = view_off(v, view_field(v, hi));
	uint64_t last = off + sizeof(struct field_rec) - 1;

	if (hi >= v->geo.max_fields)
		return -ENOSPC;
	if (hi && (off - 1) / PAGE == last / PAGE)
		return 0;
	return view_reserve(v, off, sizeof(struct field_rec));
}

static void fill(struct field_rec *f, uint32_t next,
		 const struct field_rec *from)
{
	f->next = next;
	f->id = from->id;
	f->hash = from->hash;
	f->addr = from->addr;
	f->size = from->size;
	f->created_ns = from->created_ns;
	f->creator = from->creator;
	memcpy(f->name, from->name, sizeof(f->name));
	memcpy(f->type, from->type, sizeof(f->type));
}

/* Commit: state = USED.  Killed before: recovery gives the entry to the free
 * list; after: it links it into its chain. */
static int add_locked(struct view *v, struct thread_rec *me,
		      const struct field_rec *from)
{
	uint32_t bucket = from->hash % v->geo.n_buckets, *head, *prev;
	uint32_t i = load_relaxed(&v->sb->field_free), hi = fields_hi(v);
	bool fresh = !i;
	struct field_rec *f;
	int r;

	r = chain_find(v, from->name, from->hash, &i, &prev);
	if (r != -ENOENT)
		return r ? r : -EEXIST;
	if (i > hi)
		return -EIO;
	if (fresh) {
		r = grow(v, hi);
		if (r < 0)
			return r;
		i = hi + 1;
	}
	f = view_field(v, --i);
	if (!SEED_BUG(10))
		announce(me, FIELD_OP_ADD, i, bucket, fresh,
			 v->sb->n_fields + 1);
	if (fresh)
		/* Release: pairs with the acquire in view_hi(). */
		store_release(&v->sb->fields_hi, hi + 1);
	else
		store_relaxed(&v->sb->field_free, f->next);
	compiler_fence();
	if (SEED_BUG(10))
		announce(me, FIELD_OP_ADD, i, bucket, fresh,
			 v->sb->n_fields + 1);

	head = bucket_at(v, bucket);
	fill(f, load_relaxed(head), from);
	/* Release: pairs with the acquire in field_copy(). */
	store_release(&f->state, FIELD_USED);
	/* Release: pairs with the acquire in lookup_once(). */
	store_release(head, i + 1);
	compiler_fence();
	finish(v, &me->field);
	return 0;
}

static int name_and_type(struct field_rec *f, const char *name,
			 const char *type)
{
	int r = name_check_object(name);

	if (r < 0)
		return r;
	if (type && strlen(type) > FIELD_TYPE_MAX)
		return -ENAMETOOLONG;
	if (type)
		for (const char *p = type; *p; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				return -EINVAL;
	f->hash = name_hash(name);
	strncpy(f->name, name, OBJECT_NAME_MAX);
	strncpy(f->type, type ? type : "", FIELD_TYPE_MAX);
	return 0;
}

int field_add(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t addr, uint64_t size, const char *type, uint32_t creator)
{
	struct field_rec from = {
		.addr = addr,
		.size = size,
		.created_ns = (uint64_t)clock_realtime_ns(),
		.creator = creator,
	};
	int r = name_and_type(&from, name, type);

	if (r < 0)
		return r;
	r = core_lock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	from.id = add_relaxed(&v->sb->next_object, 1);
	r = add_locked(v, me, &from);
	core_unlock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	futex_wake(&v->sb->field_seq, INT_MAX);
	event_log(v, me, EVENT_CREATED, creator, "field %s", name);
	return 0;
}

int field_get(struct view *v, struct thread_rec *me, const char *name,
	      struct field_rec *ret)
{
	uint32_t i, *prev;
	int r = name_check_object(name);

	if (r < 0)
		return r;
	r = core_lock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	r = chain_find(v, name, name_hash(name), &i, &prev);
	if (!r)
		*ret = *view_field(v, i);
	core_unlock(v, me, &v->sb->field_lock);
	return r;
}

static void push_free(struct view *v, uint32_t i)
{
	/* Relaxed: under field_lock, whose release publishes it. */
	store_relaxed(&view_field(v, i)->next,
		      load_relaxed(&v->sb->field_free));
	compiler_fence();
	store_relaxed(&v->sb->field_free, i + 1);
	compiler_fence();
}

/* Commit: state = FREE.  Killed before: nothing has happened; after: recovery
 * takes the entry out of its chain and frees it. */
static void remove_locked(struct view *v, struct thread_rec *me, uint32_t i,
			  uint32_t *prev)
{
	struct field_rec *f = view_field(v, i);

	announce(me, FIELD_OP_REMOVE, i, f->hash % v->geo.n_buckets, false,
		 v->sb->n_fields - 1);
	/* Release: pairs with the acquire in lookup_once(), which must not
	 * follow `next` into the free list. */
	store_release(&f->state, FIELD_FREE);
	compiler_fence();
	store_release(prev, f->next);
	compiler_fence();
	push_free(v, i);
	finish(v, &me->field);
}

int field_remove(struct view *v, struct thread_rec *me, const char *name)
{
	uint32_t i, *prev;
	int r = name_check_object(name);

	if (r < 0)
		return r;
	r = core_lock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	r = chain_find(v, name, name_hash(name), &i, &prev);
	if (!r)
		remove_locked(v, me, i, prev);
	core_unlock(v, me, &v->sb->field_lock);
	if (r < 0)
		return r;
	futex_wake(&v->sb->field_seq, INT_MAX);
	event_log(v, me, EVENT_DESTROYED, view_member(v, v->slot)->id,
		  "field %s", name);
	return 0;
}

/* --- Recovery -------------------------------------------------------------
 *
 * The dead thread holds field_lock (it is freed after this), so nobody else
 * has touched the tables since. */

static void recover_add(struct view *v, uint32_t i, uint32_t bucket, bool fresh)
{
	struct field_rec *f = view_field(v, i);
	uint32_t *head = bucket_at(v, bucket);

	if (load_relaxed(&f->state) == FIELD_USED) {
		if (load_relaxed(head) == i + 1)
			return;
		f->next = load_relaxed(head);
		compiler_fence();
		store_release(head, i + 1);
		return;
	}
	/* Not taken yet: still behind the mark, or first of the free list (or
	 * put back there by an earlier recoverer). */
	if ((fresh && i >= load_relaxed(&v->sb->fields_hi)) ||
	    load_relaxed(&v->sb->field_free) == i + 1)
		return;
	push_free(v, i);
}

static int recover_remove(struct view *v, uint32_t i, uint32_t bucket)
{
	struct field_rec *f = view_field(v, i);
	uint32_t *link = bucket_at(v, bucket), hi = fields_hi(v), next;

	if (load_relaxed(&f->state) == FIELD_USED)
		return 0;
	for (uint32_t n = 0; (next = load_relaxed(link)); n++) {
		if (next > hi || n >= hi)
			return -EIO;
		if (next == i + 1 && !SEED_BUG(11)) {
			store_release(link, f->next);
			compiler_fence();
			break;
		}
		link = &view_field(v, next - 1)->next;
	}
	if (load_relaxed(&v->sb->field_free) != i + 1)
		push_free(v, i);
	return 0;
}

int field_recover(struct view *v, struct thread_rec *t)
{
	struct intent in = t->field;
	uint32_t hi = fields_hi(v);
	bool done;
	int r = 0;

	if (in.op == FIELD_OP_NONE)
		return 0;
	if (in.op > FIELD_OP_REMOVE || in.a[0] > hi ||
	    in.a[0] >= v->geo.max_fields || in.a[1] >= v->geo.n_buckets) {
		store_relaxed(&t->field.op, FIELD_OP_NONE);
		return -EIO;
	}
	/* An entry behind the mark has no memory of its own to look at. */
	if (in.a[0] == hi) {
		store_relaxed(&t->field.op, FIELD_OP_NONE);
		return 0;
	}
	done = (load_relaxed(&view_field(v, (uint32_t)in.a[0])->state) ==
		FIELD_USED) == (in.op == FIELD_OP_ADD);
	if (SEED_BUG(15))
		store_relaxed(&t->field.op, FIELD_OP_NONE);
	if (in.op == FIELD_OP_ADD)
		recover_add(v, (uint32_t)in.a[0], (uint32_t)in.a[1], in.a[2]);
	else
		r = recover_remove(v, (uint32_t)in.a[0], (uint32_t)in.a[1]);
	compiler_fence();
	if (done)
		finish(v, &t->field);
	else
		store_relaxed(&t->field.op, FIELD_OP_NONE);
	futex_wake(&v->sb->field_seq, INT_MAX);
	return r;
}

/* --- The lens: no lock, no trust ------------------------------------------ */

int field_copy(const struct view *v, uint32_t i, struct field_rec *ret)
{
	struct field_rec f;

	if (i >= fields_hi(v))
		return -ENOENT;
	/* Acquire: pairs with the release in add_locked(). */
	if (load_acquire(&view_field(v, i)->state) != FIELD_USED)
		return -ENOENT;
	memcpy(&f, view_field(v, i), sizeof(f));
	f.name[OBJECT_NAME_MAX] = '\0';
	f.type[FIELD_TYPE_MAX] = '\0';
	/* Torn by a writer, or scribbled on: not there. */
	if (f.state != FIELD_USED || name_check_object(f.name) < 0 ||
	    f.hash != name_hash(f.name))
		return -ENOENT;
	for (char *p = f.type; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	*ret = f;
	return 0;
}

/* -EAGAIN: a writer was in the way. */
static int lookup_once(const struct view *v, const char *name, uint32_t hash,
		       uint32_t *ret_index)
{
	uint32_t bucket = hash % v->geo.n_buckets, hi = fields_hi(v);
	/* Acquire: pairs with the releases in add_locked(), remove_locked(). */
	uint32_t next = load_acquire(bucket_at(v, bucket));
	struct field_rec copy;

	for (uint32_t n = 0; next; n++) {
		const struct field_rec *f;
		uint32_t i = next - 1, h;

		if (i >= hi || n >= hi)
			return -EAGAIN;
		f = view_field(v, i);
		next = load_acquire(&f->next);
		h = load_relaxed(&f->hash);
		/* In the free list, or in another chain by now. */
		if (load_relaxed(&f->state) != FIELD_USED ||
		    h % v->geo.n_buckets != bucket)
			return -EAGAIN;
		if (h == hash && !field_copy(v, i, &copy) &&
		    !strcmp(copy.name, name)) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOENT;
}

int field_lookup(const struct view *v, const char *name, uint32_t *ret_index)
{
	uint32_t hash;
	int r = -ENOENT;

	if (name_check_object(name) < 0)
		return -ENOENT;
	hash = name_hash(name);
	for (int i = 0; i < LOOKUP_TRIES; i++) {
		r = lookup_once(v, name, hash, ret_index);
		if (r != -EAGAIN)
			return r;
	}
	return -ENOENT;
}

/* --- The checker -----------------------------------------------------------
 */

struct checker {
	struct view *v;
	uint8_t *seen; /* a byte an entry: how often it was met */
	uint32_t hi;
	unsigned faults;
	void (*report)(void *, const char *);
	void *ctx;
};

static void fault(struct checker *c, const char *what)
{
	c->faults++;
	if (c->report)
		c->report(c->ctx, what);
}

static void check_chain(struct checker *c, uint32_t bucket)
{
	uint32_t next = load_relaxed(bucket_at(c->v, bucket));

	while (next) {
		struct field_rec copy;

		if (next > c->hi) {
			fault(c, "field: chain leads out of the table");
			return;
		}
		if (c->seen[next - 1]++) {
			fault(c, "field: entry is in chains twice");
			return;
		}
		if (field_copy(c->v, next - 1, &copy) < 0) {
			fault(c, "field: entry in a chain is not in use");
			return;
		}
		if (copy.hash % c->v->geo.n_buckets != bucket)
			fault(c, "field: entry is in the wrong chain");
		next = copy.next;
	}
}

static void check_unique(struct checker *c, uint32_t i)
{
	uint32_t found, *prev;
	struct field_rec copy;

	if (!field_copy(c->v, i, &copy) &&
	    (chain_find(c->v, copy.name, copy.hash, &found, &prev) < 0 ||
	     found != i))
		fault(c, "field: a name is there twice");
}

static void check_free(struct checker *c)
{
	uint32_t next = load_relaxed(&c->v->sb->field_free);

	while (next) {
		struct field_rec *f = view_field(c->v, next - 1);

		if (next > c->hi) {
			fault(c, "field: free list leads out of the table");
			return;
		}
		if (c->seen[next - 1]++) {
			fault(c, "field: free entry is met twice");
			return;
		}
		if (load_relaxed(&f->state) != FIELD_FREE) {
			fault(c, "field: entry in the free list is in use");
			return;
		}
		next = load_relaxed(&f->next);
	}
}

unsigned field_check(struct view *v, void (*report)(void *, const char *),
		     void *ctx)
{
	struct checker c = {
		.v = v, .hi = fields_hi(v), .report = report, .ctx = ctx};
	uint32_t n_used = 0;

	c.seen = calloc(c.hi + 1, 1);
	if (!c.seen) {
		fault(&c, "field: no memory for the check");
		return c.faults;
	}
	for (uint32_t b = 0; b < v->geo.n_buckets; b++)
		check_chain(&c, b);
	check_free(&c);
	for (uint32_t i = 0; i < c.hi; i++) {
		n_used += load_relaxed(&view_field(v, i)->state) == FIELD_USED;
		if (!c.seen[i])
			fault(&c, "field: entry is lost");
		else if (!c.faults)
			check_unique(&c, i);
	}
	if (n_used != load_relaxed(&v->sb->n_fields))
		fault(&c, "field: n_fields is not the number of fields");
	free(c.seen);
	return c.faults;
}
