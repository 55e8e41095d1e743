/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Objects and their pools
 *
 * A pool is a record with a name, an object a nameless record that says which
 * pool it belongs to.  What an object has is found from its record alone: its
 * data (a slot of malloc_to), its items, its reference and its reactor.  The
 * last two are records that name the object back; one that does not is not the
 * object's.
 *
 *   NEW -> INIT -> ACTIVE -> DEINIT
 *
 * Fall: ref_tell() of an object's reference sets the object's bit in a map of
 * all objects, and wakes the member that has the duty of the pool.  A bit that
 * is set without a reason does no harm, so recovery may set it again.  It is
 * cleared last, after which its reason is looked for once more.
 *
 * Claim: one word says which member destroys the object.  If that member is
 * dead, the next one that has the duty takes the claim over.  DEINIT is stored
 * before the destructor runs, and so says that it was begun.  What follows,
 * object_reap(), may be done again by the next claimer.  A claim is a reason
 * for the bit.
 *
 * Making an object: thread_rec.object is {MAKE, record, id} from before the
 * commit of the record until the object is INIT; recovery reaps an object that
 * still is NEW.  Nobody but its maker touches a NEW object.
 *
 * Files: object.c makes objects, their references and reactors; object_pool.c
 * has pools and duties, object_fall.c the bits, object_item.c the items;
 * object_reap.c claims and frees, object_recover.c is for the dead, and the
 * checker.
 */
#ifndef FUSION_CORE_OBJECT_H
#define FUSION_CORE_OBJECT_H

#include "libfusion/core/names/table.h"
#include "libfusion/core/refs/ref.h"

/*
 * The record of a pool.
 *
 * Invariants: id is e.id until the pool is destroyed, and 0 afterwards.  The
 * destroyer of the pool sets dying, and waits for each object that becomes INIT
 * nevertheless (object_pool_is()).  One member at most has the duty.
 *
 * Dead owner of the duty: object_recover_member() makes it nobody's, and wakes
 * all members that registered for it.
 */
struct object_pool {
	struct entry e;
	uint32_t id;	/* atomic: e.id, 0 once destroyed */
	uint32_t dying; /* atomic: no new objects are made */
	uint64_t object_size, message_size;
	uint64_t duty; /* atomic: REF_WHO() that has it, 0 nobody */
	/* Atomic, statistics. */
	uint64_t made, destroyed;
	uint8_t pad[112];
};
static_assert(sizeof(struct object_pool) == ENTRY_SIZE, "ABI: bump FORMAT");

enum object_state {
	OBJECT_NEW = 0,	   /* only its maker knows it */
	OBJECT_INIT = 1,   /* programs may find it */
	OBJECT_ACTIVE = 2, /* a member has activated it */
	OBJECT_DEINIT = 3, /* its destructor was begun */
};

/*
 * The record of an object.
 *
 * Invariants: pool, pool_id and size never change. id is e.id until the object
 * is being reaped, and 0 afterwards: nobody gives it anything then.  While
 * nobody is at work with it, an object that is claimed, or whose reference has
 * fallen, has its bit set.  The chain of items is changed under lock, each
 * change by one store.
 *
 * Dead owner of the claim: its bit is set, and the next member with the duty
 * takes it over.  Dead owner of the lock: object_recover_locked() settles which
 * blocks are in the chain, before the lock is freed.
 */
struct object {
	struct entry e;
	uint32_t id;	/* atomic: e.id; 0 is the commit of its end */
	uint32_t state; /* atomic: enum object_state */
	uint32_t pool, pool_id;
	/* Atomic: index + 1, 0 none; each names the object back. */
	uint32_t ref, reactor;
	uint64_t size;

	uint64_t data;	       /* slot: address of the block; 0 none */
	uint64_t claim;	       /* atomic: REF_WHO() of the claimer, 0 nobody */
	struct core_lock lock; /* guards items */
	uint64_t items;	       /* address of the first one; 0 none */
	uint8_t pad[96];
};
static_assert(sizeof(struct object) == ENTRY_SIZE, "ABI: bump FORMAT");

/* The head of the block that has the data. */
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

/* Argument of object_init(). */
struct object_make {
	struct thread_rec *me;
	uint32_t pool, pool_id;
	uint64_t size;
};

/* --- Objects (object.c) --------------------------------------------------- */

/*
 * Make an object of @pool, in state NEW, and its reference.  Then the caller
 * gives it data and a count, and says object_made().
 *
 *   0 and *ret
 *   -EIDRM   the pool is destroyed, or is dying
 *   others as table_add(): if *ret was written, the caller reaps it
 */
int object_make(struct view *v, struct thread_rec *me, struct object_pool *pool,
		uint32_t creator, struct object **ret);
/* Tell whether the pool of @o is there and not dying.  If so, it waits for the
 * object, which is in the table. */
bool object_pool_is(const struct view *v, const struct object *o);
/* Publish a new object: it is INIT from now on. */
void object_made(struct thread_rec *me, struct object *o);
/* Find the reference or the reactor of an object; NULL: it has none that names
 * it back. */
struct ref *object_ref(const struct view *v, const struct object *o);
struct reactor *object_reactor(const struct view *v, const struct object *o);
/* Find the reactor of an object, or make it. 0 and *ret; -EIDRM the object is
 * being reaped; others as table_add(). */
int object_reactor_make(struct view *v, struct thread_rec *me, struct object *o,
			uint32_t creator, struct reactor **ret);
/* Rows of kinds.c: names/kind.h says what they do. */
void object_has_ref(const struct view *v, uint32_t i, uint32_t ref);
void object_announce_reactor(const struct view *v, struct thread_rec *me,
			     const struct reactor *re);
/* Tell whether programs may find the object. */
static inline bool object_is_there(const struct object *o)
{
	/* Acquire: pairs with the release in object_made().  A program that
	 * finds the object must see what it has. */
	uint32_t state = load_acquire(&o->state);

	return load_acquire(&o->e.state) == ENTRY_USED &&
	       load_acquire(&o->id) && state >= OBJECT_INIT &&
	       state <= OBJECT_DEINIT;
}
/* Tell whether the object belongs to pool @i, which has @id. */
static inline bool object_is_of(const struct object *o, uint32_t i, uint32_t id)
{
	return load_relaxed(&o->pool) == i && load_relaxed(&o->pool_id) == id;
}

/* --- Items (object_item.c) ------------------------------------------------ */

/* Which item: of one of @kinds (a mask of 1 << kind), with what is not NULL
 * here. */
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
