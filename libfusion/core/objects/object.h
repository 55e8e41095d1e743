/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects and their pools
 *
 * A pool is a record by a name, an object a nameless one that says which pool
 * it is of.  What belongs to an object is found from its record alone: its
 * data (a slot of malloc_to), its reference and its reactor (records that name
 * it back; who finds no such answer has found nothing), its items.
 *
 *   NEW -> INIT -> ACTIVE -> DEINIT
 *
 * Fall: ref_tell() of an object's reference sets the object's bit in a map of
 * all, and rings the member that has the duty of the pool.  A bit that is set
 * without a reason does no harm, so recovery may set it again.  It is taken
 * away last, after which its reason is looked for once more.
 *
 * Claim: one word says which member destroys the object; of one that is dead
 * the next who has the duty takes it over.  DEINIT is stored before the
 * destructor runs, and so says that it was begun.  What follows, object_reap(),
 * may be done again by whoever comes next.  A claim is a reason for the bit.
 *
 * Making one: thread_rec.object is {MAKE, record, id} from before the commit of
 * the record until it is INIT; recovery reaps what is NEW still.  Nobody but
 * its maker touches that.
 */
#ifndef FUSION_CORE_OBJECT_H
#define FUSION_CORE_OBJECT_H

#include "libfusion/core/names/table.h"
#include "libfusion/core/refs/ref.h"

struct object_pool {
	struct entry e;
	uint32_t id;	/* atomic: e.id, 0 once destroyed */
	uint32_t dying; /* atomic: no new objects */
	uint64_t object_size, message_size;
	uint64_t duty; /* atomic: REF_WHO() of who has it, 0 nobody */
	/* Atomic, statistics. */
	uint64_t made, destroyed;
	uint8_t pad[112];
};
static_assert(sizeof(struct object_pool) == ENTRY_SIZE, "ABI: bump FORMAT");

enum object_state {
	OBJECT_NEW = 0,
	OBJECT_INIT = 1,
	OBJECT_ACTIVE = 2,
	OBJECT_DEINIT = 3,
};

struct object {
	struct entry e;
	uint32_t id;	/* atomic: e.id, 0 once it is gone; commit of that */
	uint32_t state; /* atomic: enum object_state */
	uint32_t pool, pool_id;
	/* Atomic: index + 1, 0 none; each names the object back. */
	uint32_t ref, reactor;
	uint64_t size;

	uint64_t data;	/* slot: the block, as members see it; 0 none */
	uint64_t claim; /* atomic: REF_WHO() of who destroys it, 0 nobody */
	struct core_lock lock; /* guards items */
	uint64_t items;	       /* the first one, as members see it; 0 none */
	uint8_t pad[96];
};
static_assert(sizeof(struct object) == ENTRY_SIZE, "ABI: bump FORMAT");

/* Before the data, in its block. */
struct object_data {
	uint32_t index, id; /* of the object */
	uint8_t pad[8];
};
static_assert(sizeof(struct object_data) == 16, "ABI: bump FORMAT");

enum object_item_kind {
	ITEM_STRING = 1,
	ITEM_INTEGER = 2,
	ITEM_POINTER = 3,
	ITEM_OWNER = 4,
	ITEM_ACCESS = 5,
	ITEM_DESCRIPTION = 6,
};

/* A block of the heap. */
struct object_item {
	uint64_t next; /* as members see it */
	uint32_t kind; /* enum object_item_kind */
	uint32_t len;  /* of value, with its NUL */
	uint64_t word; /* integer, pointer, member */
	char key[64];
	char value[];
};

#define ITEM_VALUE_MAX 4096u

/* thread_rec.object */
enum {
	OBJECT_OP_NONE = 0,
	OBJECT_OP_MAKE,	   /* a[0] index, a[1] id */
	OBJECT_OP_REACTOR, /* a[0] object, a[1] its id, a[2] index of the
			      reactor
			      + 1, a[3] its id */
	OBJECT_OP_CLAIM,   /* a[0] index, a[1] id */
	OBJECT_OP_ITEM,	   /* under object.lock: a[0] index */
	N_OBJECT_OPS
};

static inline struct object *object_at(const struct view *v, uint32_t i)
{
	return view_entry(v, KIND_OBJECT, i);
}

static inline struct object_pool *object_pool_at(const struct view *v,
						 uint32_t i)
{
	return view_entry(v, KIND_OBJECT_POOL, i);
}

static inline uint32_t object_index_of(const struct view *v,
				       const struct object *o)
{
	return (uint32_t)(o - object_at(v, 0));
}

/* --- Pools (object_pool.c) ------------------------------------------------ */

struct object_pool_params {
	uint64_t object_size, message_size;
};

/* Of object_init(). */
struct object_make {
	struct thread_rec *me;
	uint32_t pool, pool_id;
	uint64_t size;
};

/* --- Objects (object.c) --------------------------------------------------- */

/* The record of a new one, NEW, of @pool; and its reference.  Then the caller
 * gives it data and a count, and says object_made().  -EIDRM no such pool;
 * table_add()'s: the caller reaps what is in *ret nonetheless. */
int object_make(struct view *v, struct thread_rec *me, struct object_pool *pool,
		uint32_t creator, struct object **ret);
/* Is its pool there, and stays until it is INIT? */
bool object_pool_is(const struct view *v, const struct object *o);
void object_made(struct thread_rec *me, struct object *o);
/* Its reference, its reactor; NULL: none that is its own. */
struct ref *object_ref(const struct view *v, const struct object *o);
struct reactor *object_reactor(const struct view *v, const struct object *o);
/* The same, made if need be.  0; -EIDRM; table_add()'s. */
int object_reactor_make(struct view *v, struct thread_rec *me, struct object *o,
			uint32_t creator, struct reactor **ret);
/* The object's row in kinds.c: names/kind.h says what they do. */
void object_has_ref(const struct view *v, uint32_t i, uint32_t ref);
void object_announce_reactor(const struct view *v, struct thread_rec *me,
			     const struct reactor *re);
/* Is it one that programs may find? */
static inline bool object_is_there(const struct object *o)
{
	/* Acquire: pairs with the release in object_made(). */
	uint32_t state = load_acquire(&o->state);

	return load_acquire(&o->e.state) == ENTRY_USED &&
	       load_acquire(&o->id) && state >= OBJECT_INIT &&
	       state <= OBJECT_DEINIT;
}
/* Is it of pool @i, which has @id? */
static inline bool object_is_of(const struct object *o, uint32_t i, uint32_t id)
{
	return load_relaxed(&o->pool) == i && load_relaxed(&o->pool_id) == id;
}

/* --- Items (object_item.c) ------------------------------------------------ */

/* Which item: one of @kinds (a mask of 1 << kind) with what is not NULL here.
 */
struct object_item_key {
	uint32_t kinds;
	const char *key;
	const uint64_t *word;
	const char *value;
};

/* --- Recovery (object_recover.c) ------------------------------------------ */

void object_init(struct view *v, void *rec, const void *arg);
void object_fini(struct view *v, void *rec);
bool object_is_quiet(const void *rec);

#endif
