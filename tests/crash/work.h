/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Work to be killed at: everything the API has, at random
 *
 * What workers have is published in a table in the arena, so that it outlives
 * them.  A worker's successor goes on with what it finds there.
 */
#ifndef TESTS_CRASH_WORK_H
#define TESTS_CRASH_WORK_H

#include <fusion/fusion.h>

#include <stdint.h>
#include <sys/types.h>

#include "tests/crash/rng.h"

#define WORKERS 4
#define ROW 16
#define GUARDED 4
#define LOCKS 4 /* that each worker makes and unmakes */
#define COUNTED 3
#define REFS 4 /* as LOCKS */
#define TICKETS 32
#define PLACES 8
#define SPOKEN 3

/* Changed by who has the lock, count first; the two differ only in between. */
struct guarded {
	struct fusion_skirmish *lock;
	uint32_t inside; /* worker + 1 */
	uint64_t count, twin;
};

struct leased {
	struct fusion_property *property;
	uint32_t member; /* id of who is at it */
};

struct counted {
	struct fusion_ref *ref;
	uint32_t member; /* id of who has it at zero */
	/* Global counts: of each worker, and down and up that are in doubt. */
	int64_t booked[WORKERS];
	uint32_t doubt[2];
};

/* Of which all hear, and on which all dispatch. */
struct spoken {
	struct fusion_reactor *reactor;
	uint64_t said[WORKERS]; /* by each worker */
};

/* A global count on its way into the books. */
struct flight {
	uint32_t ref; /* index + 1, 0 none */
	bool up;
};

/* That one worker counts, and nobody else. */
struct own {
	struct fusion_ref *ref;
	uint32_t state;
	uint64_t falls; /* before it rose */
};

/* Of an object, by its maker. */
struct ticket {
	uint32_t state;
	uint32_t serial;
	uint32_t begun; /* its destructor, how often; atomic */
	fusion_id_t id;
};

struct places {
	void *exact[WORKERS][ROW]; /* by malloc_to() and free_from() */
	void *plain[WORKERS][ROW]; /* exchanged by anybody */
	struct guarded guarded[GUARDED];
	struct leased leased[GUARDED];
	struct counted counted[COUNTED];
	struct flight flight[WORKERS];
	struct own own[WORKERS];
	fusion_id_t who[WORKERS]; /* that are at work */
	struct fusion_object_pool *objects;
	struct ticket tickets[WORKERS][TICKETS];
	struct fusion_object *place[WORKERS][PLACES];
	struct spoken spoken[SPOKEN];
	uint32_t lives[WORKERS]; /* that each worker has had */
};

/* What a death may leave that nobody knows: the two blocks of a realloc(). */
#define LEAK_MAX 2u

/* Put an empty table into the arena and make it the root. */
struct places *work_prepare(struct fusion_arena *a);

/* Be worker @w for @n operations. */
void work(struct fusion_arena *a, unsigned w, struct rng *rng, unsigned n);

/* Everybody is dead: what is wrong with their locks?  NULL: nothing, and all
 * are free.  Removes those that the workers have made. */
const char *audit_locks(struct fusion_arena *a, struct places *t);

/* The same of their references. */
const char *audit_refs(struct fusion_arena *a, struct places *t);

/* The same of their objects; @kills since the last time.  Makes a new pool. */
const char *audit_objects(struct fusion_arena *a, struct places *t,
			  unsigned kills);

/* The same of their reactors, when their objects are gone.  Makes new ones. */
const char *audit_reactors(struct fusion_arena *a, struct places *t,
			   unsigned kills);

/* Have workers do nothing but with objects, or with reactors and objects. */
void work_only_objects(void);
void work_only_reactors(void);

/* Names of what worker @w may have left. */
void work_field_name(char name[32], unsigned w, unsigned i);
void work_pool_name(char name[32], unsigned w);

#endif
