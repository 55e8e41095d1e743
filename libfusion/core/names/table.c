/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/names/table.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/names/name.h"

/*
 * thread_rec.table: op, kind, and
 *   a[0]  index of the record
 *   a[1]  its bucket
 *   a[2]  TABLE_OP_ADD: 1 if the record is taken from behind the mark
 *   a[3]  the table's n when the operation is done
 */
enum { TABLE_OP_NONE = 0, TABLE_OP_ADD = 1, TABLE_OP_REMOVE = 2 };

#define PAGE 4096
#define LOOKUP_TRIES 16 /* of the lens, when a writer was in its way */
#define CHAIN_SEEN 4096 /* records of a chain that the lens looks at */

/* One table, as an operation needs it. */
struct place {
	struct view *v;
	const struct table *t;
	struct table_head *head;
	enum entry_kind kind;
};

static struct place place_of(struct view *v, enum entry_kind kind)
{
	return (struct place){
		.v = v,
		.t = &v->geo.tables[kind],
		.head = &v->sb->tables[kind],
		.kind = kind,
	};
}

static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	while (*name)
		h = (h ^ (unsigned char)*name++) * 16777619u;
	return h;
}

/* @name as a "#<id>", 0 if it is none. */
static uint32_t name_id(const char *name)
{
	unsigned long long id;
	char *end;

	if (*name != '#' || name[1] < '1' || name[1] > '9')
		return 0;
	id = strtoull(name + 1, &end, 10);
	return *end || id > UINT32_MAX ? 0 : (uint32_t)id;
}

/* Of a record that is in use: given, or made from its id. */
static bool name_is_sane(const char *name)
{
	return name_id(name) || name_check_entry(name) == 0;
}

static struct entry *entry_at(const struct place *p, uint32_t i)
{
	return view_entry(p->v, p->kind, i);
}

static uint32_t *bucket_at(const struct view *v, const struct table *t,
			   uint32_t bucket)
{
	return (uint32_t *)(v->base + t->off_buckets) + bucket;
}

uint32_t table_hi(const struct view *v, enum entry_kind kind)
{
	return view_hi(&v->sb->tables[kind].hi, v->geo.tables[kind].max);
}

int64_t table_index(const struct view *v, enum entry_kind kind, const void *p)
{
	const struct table *t = &v->geo.tables[kind];
	uint64_t at = (uint64_t)((uintptr_t)p - (uintptr_t)v->base) - t->off;

	if (at >= (uint64_t)t->max * t->stride || at % t->stride ||
	    at / t->stride >= table_hi(v, kind))
		return -EINVAL;
	return (int64_t)(at / t->stride);
}

/* Find @name in its chain; the caller holds the lock.  *ret_prev is the link
 * that leads to it.  0, -ENOENT, -EIO the chain leads nowhere or in a ring. */
static int chain_find(const struct place *p, const char *name, uint32_t hash,
		      uint32_t *ret_index, uint32_t **ret_prev)
{
	uint32_t *link = bucket_at(p->v, p->t, hash % p->t->n_buckets);
	uint32_t hi = table_hi(p->v, p->kind), next;

	for (uint32_t n = 0; (next = load_relaxed(link)); n++) {
		struct entry *e = entry_at(p, next - 1);

		if (next > hi || n >= hi)
			return -EIO;
		if (e->hash == hash &&
		    !strncmp(e->name, name, sizeof(e->name))) {
			*ret_index = next - 1;
			*ret_prev = link;
			return 0;
		}
		link = &e->next;
	}
	return -ENOENT;
}

/* Index of the record with @id, however it is called. */
static int find_id(const struct view *v, enum entry_kind kind, uint32_t id,
		   uint32_t *ret_index)
{
	uint32_t hi = table_hi(v, kind);

	for (uint32_t i = 0; i < hi; i++) {
		const struct entry *e = view_entry(v, kind, i);

		/* Acquire: pairs with the release in add_locked(). */
		if (load_acquire(&e->state) == ENTRY_USED &&
		    load_relaxed(&e->id) == id) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOENT;
}

static int find_locked(const struct place *p, const char *name,
		       uint32_t *ret_index)
{
	uint32_t *prev;
	int r = chain_find(p, name, name_hash(name), ret_index, &prev);

	if (r == -ENOENT && name_id(name) && !kind_ops[p->kind].nameless)
		r = find_id(p->v, p->kind, name_id(name), ret_index);
	return r;
}

static void announce(struct thread_rec *me, const struct place *p, uint32_t op,
		     uint32_t index, uint32_t bucket, bool fresh, uint32_t n)
{
	me->table.kind = p->kind;
	me->table.a[0] = index;
	me->table.a[1] = bucket;
	me->table.a[2] = fresh;
	me->table.a[3] = n;
	compiler_fence();
	store_relaxed(&me->table.op, op);
	compiler_fence();
}

static void finish(const struct place *p, struct intent *intent)
{
	store_relaxed(&p->head->n, (uint32_t)intent->a[3]);
	/* Release: pairs with the acquire in who waits for a field. */
	add_release(&p->head->seq, 1);
	compiler_fence();
	store_relaxed(&intent->op, TABLE_OP_NONE);
}

/* Memory for the record at the mark, if it reaches into a fresh page. */
static int grow(const struct place *p, uint32_t hi)
{
	uint64_t off = p->t->off + (uint64_t)hi * p->t->stride;
	uint64_t last = off + p->t->stride - 1;

	if (hi >= p->t->max)
		return -ENOSPC;
	if (hi && (off - 1) / PAGE == last / PAGE)
		return 0;
	return view_reserve(p->v, off, p->t->stride);
}

/*
 *   who uses a record again            the lens
 *   state = FREE (the remover)         id
 *   fence (release)                    what it says
 *   what it says                       fence (acquire)
 *   id, state = USED                   USED, and the same id?
 *
 * The lens saw something of the new contents: then it sees that the state, or
 * the id, is another.
 */
static void fill(const struct place *p, struct entry *e, uint32_t next,
		 const struct entry *from, const void *arg)
{
	release_fence();
	store_relaxed(&e->next, next);
	store_relaxed(&e->id, from->id);
	e->hash = from->hash;
	e->created_ns = from->created_ns;
	e->creator = from->creator;
	memcpy(e->name, from->name, sizeof(e->name));
	kind_ops[p->kind].init(p->v, e, arg);
}

/* Commit: state = USED.  Killed before: recovery gives the record to the free
 * list; after: it links it into its chain. */
static int add_locked(const struct place *p, struct thread_rec *me,
		      const struct entry *from, const void *arg,
		      uint32_t *ret_index)
{
	uint32_t bucket = from->hash % p->t->n_buckets, *head, *prev;
	uint32_t i = load_relaxed(&p->head->free);
	uint32_t hi = table_hi(p->v, p->kind);
	bool fresh = !i;
	struct entry *e;
	int r;

	r = chain_find(p, from->name, from->hash, &i, &prev);
	if (r != -ENOENT)
		return r ? r : -EEXIST;
	if (i > hi)
		return -EIO;
	if (fresh) {
		r = grow(p, hi);
		if (r < 0)
			return r;
		i = hi + 1;
	}
	e = entry_at(p, --i);
	if (!SEED_BUG(10))
		announce(me, p, TABLE_OP_ADD, i, bucket, fresh, p->head->n + 1);
	if (fresh)
		/* Release: pairs with the acquire in view_hi(). */
		store_release(&p->head->hi, hi + 1);
	else
		store_relaxed(&p->head->free, e->next);
	compiler_fence();
	if (SEED_BUG(10))
		announce(me, p, TABLE_OP_ADD, i, bucket, fresh, p->head->n + 1);

	head = bucket_at(p->v, p->t, bucket);
	fill(p, e, load_relaxed(head), from, arg);
	/* Release: pairs with the acquires in table_copy(), find_id(). */
	store_release(&e->state, ENTRY_USED);
	/* Release: pairs with the acquire in lookup_once(). */
	store_release(head, i + 1);
	compiler_fence();
	finish(p, &me->table);
	*ret_index = i;
	return 0;
}

uint32_t table_next_id(struct view *v)
{
	uint32_t id;

	do
		id = add_relaxed(&v->sb->next_entry, 1);
	while (!id);
	return id;
}

static int name_entry(struct view *v, struct entry *e, const char *name)
{
	int r = name ? name_check_entry(name) : 0;

	if (r < 0)
		return r;
	e->id = table_next_id(v);
	if (name)
		strncpy(e->name, name, ENTRY_NAME_MAX);
	else
		snprintf(e->name, sizeof(e->name), "#%u", e->id);
	e->hash = name_hash(e->name);
	return 0;
}

static bool is_quiet(const struct place *p, uint32_t i)
{
	const struct kind_ops *ops = &kind_ops[p->kind];

	return ops->quiet && ops->quiet(entry_at(p, i));
}

static int add_once(struct view *v, struct thread_rec *me, enum entry_kind kind,
		    const char *name, uint32_t creator, const void *arg,
		    uint32_t *ret_index)
{
	struct place p = place_of(v, kind);
	struct entry from = {
		.created_ns = (uint64_t)clock_realtime_ns(),
		.creator = creator,
	};
	int r = name_entry(v, &from, name);
	bool quiet;

	if (r < 0)
		return r;
	r = core_lock(v, me, &p.head->lock);
	if (r < 0)
		return r;
	r = add_locked(&p, me, &from, arg, ret_index);
	quiet = r == 0 && is_quiet(&p, *ret_index);
	core_unlock(v, me, &p.head->lock);
	if (r < 0 || quiet)
		return r;
	futex_wake(&p.head->seq, INT_MAX);
	event_log(v, me, EVENT_CREATED, creator, "%s %s", kind_ops[kind].name,
		  from.name);
	return 0;
}

int table_add(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t creator, const void *arg,
	      uint32_t *ret_index)
{
	int r;

	/* After 2^32 of them an id may be that of one that is still there. */
	do
		r = add_once(v, me, kind, name, creator, arg, ret_index);
	while (r == -EEXIST && !name);
	return r;
}

static int check_wanted(const char *name)
{
	return name && name_id(name) ? 0 : name_check_entry(name);
}

int table_get(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t *ret_index, void *ret)
{
	struct place p = place_of(v, kind);
	int r = check_wanted(name);
	uint32_t i;

	if (!r)
		r = core_lock(v, me, &p.head->lock);
	if (r < 0)
		return r;
	r = find_locked(&p, name, &i);
	if (!r && ret)
		memcpy(ret, entry_at(&p, i), p.t->stride);
	if (!r && ret_index)
		*ret_index = i;
	core_unlock(v, me, &p.head->lock);
	return r;
}

static void push_free(const struct place *p, uint32_t i)
{
	/* Release: pairs with the acquire of `next` in lookup_once().  A lens
	 * that follows this link must see that the record is not in use, and
	 * must not take the free list for the rest of its chain. */
	store_release(&entry_at(p, i)->next, load_relaxed(&p->head->free));
	compiler_fence();
	store_relaxed(&p->head->free, i + 1);
	compiler_fence();
}

static void turn_away(const struct place *p, struct entry *e)
{
	if (kind_ops[p->kind].fini)
		kind_ops[p->kind].fini(p->v, e);
}

/* Commit: state = FREE.  Killed before: nothing has happened; after: recovery
 * takes the record out of its chain and frees it. */
static void remove_locked(const struct place *p, struct thread_rec *me,
			  uint32_t i, uint32_t *prev)
{
	struct entry *e = entry_at(p, i);

	announce(me, p, TABLE_OP_REMOVE, i, e->hash % p->t->n_buckets, false,
		 p->head->n - 1);
	/* Before `next` leads elsewhere: push_free() has the release. */
	store_relaxed(&e->state, ENTRY_FREE);
	compiler_fence();
	turn_away(p, e);
	compiler_fence();
	store_release(prev, e->next);
	compiler_fence();
	push_free(p, i);
	finish(p, &me->table);
}

/* The chain is walked though the index is known: it leads to the record.
 * *ret_name is what to say of it, empty nothing. */
static int remove_found(const struct place *p, struct thread_rec *me,
			uint32_t i, char *ret_name)
{
	struct entry *e = entry_at(p, i);
	uint32_t at, *prev;
	int r;

	memcpy(ret_name, e->name, sizeof(e->name));
	ret_name[ENTRY_NAME_MAX] = '\0';
	r = chain_find(p, ret_name, e->hash, &at, &prev);
	if (r < 0 || at != i)
		return -EIO;
	if (is_quiet(p, i))
		*ret_name = '\0';
	remove_locked(p, me, i, prev);
	return 0;
}

static int log_removal(const struct place *p, struct thread_rec *me,
		       const char *name)
{
	if (!*name)
		return 0;
	futex_wake(&p->head->seq, INT_MAX);
	event_log(p->v, me, EVENT_DESTROYED, view_member(p->v, p->v->slot)->id,
		  "%s %s", kind_ops[p->kind].name, name);
	return 0;
}

int table_remove(struct view *v, struct thread_rec *me, enum entry_kind kind,
		 uint32_t index, uint32_t id)
{
	struct place p = place_of(v, kind);
	char name[ENTRY_NAME_MAX + 1];
	int r = core_lock(v, me, &p.head->lock);

	if (r < 0)
		return r;
	if (index >= table_hi(v, kind) ||
	    load_relaxed(&entry_at(&p, index)->state) != ENTRY_USED ||
	    load_relaxed(&entry_at(&p, index)->id) != id)
		r = -EIDRM;
	else
		r = remove_found(&p, me, index, name);
	core_unlock(v, me, &p.head->lock);
	return r < 0 ? r : log_removal(&p, me, name);
}

int table_remove_name(struct view *v, struct thread_rec *me,
		      enum entry_kind kind, const char *name)
{
	struct place p = place_of(v, kind);
	char found[ENTRY_NAME_MAX + 1];
	int r = check_wanted(name);
	uint32_t i;

	if (!r)
		r = core_lock(v, me, &p.head->lock);
	if (r < 0)
		return r;
	r = find_locked(&p, name, &i);
	if (!r)
		r = remove_found(&p, me, i, found);
	core_unlock(v, me, &p.head->lock);
	return r < 0 ? r : log_removal(&p, me, found);
}

/* --- Recovery -------------------------------------------------------------
 *
 * The dead thread holds the lock (it is freed after this), so nobody else has
 * touched the table since. */

static void recover_add(const struct place *p, uint32_t i, uint32_t bucket,
			bool fresh)
{
	struct entry *e = entry_at(p, i);
	uint32_t *head = bucket_at(p->v, p->t, bucket);

	if (load_relaxed(&e->state) == ENTRY_USED) {
		if (load_relaxed(head) == i + 1)
			return;
		store_relaxed(&e->next, load_relaxed(head));
		compiler_fence();
		store_release(head, i + 1);
		return;
	}
	/* Not taken yet: still behind the mark, or first of the free list (or
	 * put back there by an earlier recoverer). */
	if ((fresh && i >= load_relaxed(&p->head->hi)) ||
	    load_relaxed(&p->head->free) == i + 1)
		return;
	push_free(p, i);
}

static int recover_remove(const struct place *p, uint32_t i, uint32_t bucket)
{
	struct entry *e = entry_at(p, i);
	uint32_t *link = bucket_at(p->v, p->t, bucket), next;
	uint32_t hi = table_hi(p->v, p->kind);

	if (load_relaxed(&e->state) == ENTRY_USED)
		return 0;
	turn_away(p, e);
	for (uint32_t n = 0; (next = load_relaxed(link)); n++) {
		if (next > hi || n >= hi)
			return -EIO;
		if (next == i + 1 && !SEED_BUG(11)) {
			store_release(link, e->next);
			compiler_fence();
			break;
		}
		link = &entry_at(p, next - 1)->next;
	}
	if (load_relaxed(&p->head->free) != i + 1)
		push_free(p, i);
	return 0;
}

int table_recover(struct view *v, struct thread_rec *t)
{
	struct intent in = t->table;
	struct place p;
	uint32_t hi;
	bool done;
	int r = 0;

	if (in.op == TABLE_OP_NONE)
		return 0;
	if (in.op > TABLE_OP_REMOVE || in.kind >= N_KINDS)
		goto bad;
	p = place_of(v, in.kind);
	hi = table_hi(v, in.kind);
	if (in.a[0] > hi || in.a[0] >= p.t->max || in.a[1] >= p.t->n_buckets)
		goto bad;
	/* A record behind the mark has no memory of its own to look at. */
	if (in.a[0] == hi) {
		store_relaxed(&t->table.op, TABLE_OP_NONE);
		return 0;
	}
	done = (load_relaxed(&entry_at(&p, (uint32_t)in.a[0])->state) ==
		ENTRY_USED) == (in.op == TABLE_OP_ADD);
	if (SEED_BUG(15))
		store_relaxed(&t->table.op, TABLE_OP_NONE);
	if (in.op == TABLE_OP_ADD)
		recover_add(&p, (uint32_t)in.a[0], (uint32_t)in.a[1], in.a[2]);
	else
		r = recover_remove(&p, (uint32_t)in.a[0], (uint32_t)in.a[1]);
	compiler_fence();
	if (done)
		finish(&p, &t->table);
	else
		store_relaxed(&t->table.op, TABLE_OP_NONE);
	futex_wake(&p.head->seq, INT_MAX);
	return r;

bad:
	store_relaxed(&t->table.op, TABLE_OP_NONE);
	return -EIO;
}

/* --- The lens: no lock, no trust ------------------------------------------ */

/* After a look at @e, whose id was @id: was it in use as that all the time?
 * The drawing is at fill(). */
static bool is_still(const struct entry *e, uint32_t id)
{
	acquire_fence();
	return SEED_BUG(84) || (load_relaxed(&e->state) == ENTRY_USED &&
				load_relaxed(&e->id) == id);
}

int table_copy(const struct view *v, enum entry_kind kind, uint32_t i,
	       void *ret)
{
	const struct table *t = &v->geo.tables[kind];
	struct entry *copy = ret;

	if (i >= table_hi(v, kind))
		return -ENOENT;
	/* Acquire: pairs with the release in add_locked(). */
	if (load_acquire(&((struct entry *)view_entry(v, kind, i))->state) !=
	    ENTRY_USED)
		return -ENOENT;
	memcpy(ret, view_entry(v, kind, i), t->stride);
	copy->name[ENTRY_NAME_MAX] = '\0';
	/* Torn by a writer, or scribbled on: not there. */
	if (!is_still(view_entry(v, kind, i), copy->id) ||
	    copy->state != ENTRY_USED || !name_is_sane(copy->name) ||
	    copy->hash != name_hash(copy->name))
		return -ENOENT;
	return 0;
}

/* Is record @i in use under @name? */
static bool is_called(const struct view *v, enum entry_kind kind, uint32_t i,
		      const char *name)
{
	const struct entry *e = view_entry(v, kind, i);
	/* Relaxed: whatever life of the record it is of, is_still() says
	 * whether the name is of that one. */
	uint32_t id = load_relaxed(&e->id);
	char copy[ENTRY_NAME_MAX + 1];

	memcpy(copy, e->name, sizeof(copy));
	copy[ENTRY_NAME_MAX] = '\0';
	return is_still(e, id) && !strcmp(copy, name);
}

/* -EAGAIN: a writer was in the way. */
static int lookup_once(const struct view *v, enum entry_kind kind,
		       const char *name, uint32_t hash, uint32_t *ret_index)
{
	const struct table *t = &v->geo.tables[kind];
	uint32_t bucket = hash % t->n_buckets, hi = table_hi(v, kind);
	/* Acquire: pairs with the releases in add_locked(), remove_locked(). */
	uint32_t next = load_acquire(bucket_at(v, t, bucket));

	for (uint32_t n = 0; next; n++) {
		const struct entry *e;
		uint32_t i = next - 1, state;

		if (i >= hi || n >= hi || n >= CHAIN_SEEN)
			return -EAGAIN;
		e = view_entry(v, kind, i);
		/* Acquire: pairs with the release in push_free() and the fence
		 * in fill(): the state is not older than `next`.  Acquire of
		 * the state: pairs with the release in add_locked(): the hash
		 * is not older than that. */
		next = load_acquire(&e->next);
		state = load_acquire(&e->state);
		/* In the free list, or in another chain by now. */
		if ((state != ENTRY_USED ||
		     load_relaxed(&e->hash) % t->n_buckets != bucket) &&
		    !SEED_BUG(82))
			return -EAGAIN;
		if (load_relaxed(&e->hash) == hash &&
		    is_called(v, kind, i, name)) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOENT;
}

int table_lookup(const struct view *v, enum entry_kind kind, const char *name,
		 uint32_t *ret_index)
{
	uint32_t hash;
	int r = -ENOENT;

	if (check_wanted(name) < 0)
		return -ENOENT;
	hash = name_hash(name);
	for (int i = 0; i < LOOKUP_TRIES; i++) {
		r = lookup_once(v, kind, name, hash, ret_index);
		if (r != -EAGAIN)
			break;
	}
	if (r && name_id(name) && !kind_ops[kind].nameless)
		return find_id(v, kind, name_id(name), ret_index);
	return r ? -ENOENT : 0;
}

/* --- The checker -----------------------------------------------------------
 */

struct table_checker {
	struct checker check;
	struct place p;
	const char *kind; /* begins each line */
	uint8_t *seen;	  /* a byte a record: how often it was met */
	uint32_t hi;
};

static void check_chain(struct table_checker *c, uint32_t bucket)
{
	uint32_t next = load_relaxed(bucket_at(c->p.v, c->p.t, bucket));

	while (next) {
		union {
			struct entry e;
			char room[ENTRY_SIZE];
		} copy;

		if (next > c->hi) {
			check_fault(&c->check,
				    "%s: chain leads out of the table",
				    c->kind);
			return;
		}
		if (c->seen[next - 1]++) {
			check_fault(&c->check, "%s: record is in chains twice",
				    c->kind);
			return;
		}
		if (table_copy(c->p.v, c->p.kind, next - 1, &copy) < 0) {
			check_fault(&c->check,
				    "%s: record in a chain is not in use",
				    c->kind);
			return;
		}
		if (copy.e.hash % c->p.t->n_buckets != bucket)
			check_fault(&c->check,
				    "%s: record is in the wrong chain",
				    c->kind);
		next = copy.e.next;
	}
}

static void check_unique(struct table_checker *c, uint32_t i)
{
	const struct entry *e = entry_at(&c->p, i);
	uint32_t found, *prev;

	if (load_relaxed(&e->state) == ENTRY_USED &&
	    (chain_find(&c->p, e->name, e->hash, &found, &prev) < 0 ||
	     found != i))
		check_fault(&c->check, "%s: a name is there twice", c->kind);
}

static void check_free(struct table_checker *c)
{
	uint32_t next = load_relaxed(&c->p.head->free);

	while (next) {
		struct entry *e;

		if (next > c->hi) {
			check_fault(&c->check,
				    "%s: free list leads out of the table",
				    c->kind);
			return;
		}
		if (c->seen[next - 1]++) {
			check_fault(&c->check, "%s: free record is met twice",
				    c->kind);
			return;
		}
		e = entry_at(&c->p, next - 1);
		if (load_relaxed(&e->state) != ENTRY_FREE) {
			check_fault(&c->check,
				    "%s: record in the free list is in use",
				    c->kind);
			return;
		}
		next = load_relaxed(&e->next);
	}
}

unsigned table_check(struct view *v, enum entry_kind kind,
		     check_report_fn report, void *ctx)
{
	struct table_checker c = {
		.check = {.report = report, .ctx = ctx},
		.p = place_of(v, kind),
		.kind = kind_ops[kind].name,
		.hi = table_hi(v, kind),
	};
	uint32_t n_used = 0;

	c.seen = calloc(c.hi + 1, 1);
	if (!c.seen) {
		check_fault(&c.check, "%s: no memory for the check", c.kind);
		return c.check.faults;
	}
	for (uint32_t b = 0; b < c.p.t->n_buckets; b++)
		check_chain(&c, b);
	check_free(&c);
	for (uint32_t i = 0; i < c.hi; i++) {
		n_used += load_relaxed(&entry_at(&c.p, i)->state) == ENTRY_USED;
		if (!c.seen[i])
			check_fault(&c.check, "%s: record is lost", c.kind);
		else if (!c.check.faults)
			check_unique(&c, i);
	}
	if (n_used != load_relaxed(&c.p.head->n))
		check_fault(&c.check, "%s: the number of records is wrong",
			    c.kind);
	free(c.seen);
	return c.check.faults;
}
