/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The ledger: what the victim knows that it has
 *
 * It lies in memory that victim and tester share and that is no part of the
 * arena.  The victim writes down a block when it has its pointer and strikes it
 * out before it lets go, so at any instruction the heap holds what is in the
 * ledger, and at most what is in flight besides.
 */
#ifndef TESTS_CRASH_LEDGER_H
#define TESTS_CRASH_LEDGER_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

#include "libfusion/core/file/layout.h"

#define LEDGER_BLOCKS 4096
#define LEDGER_SLOTS 16
#define LEDGER_FIELDS 256
#define LEDGER_LOCKS 64
#define LEDGER_REFS 8
#define LEDGER_MESSAGES 128

/* Of a thing that an operation makes or unmakes. */
enum claim { CLAIM_ABSENT = 0, CLAIM_CHANGING = 1, CLAIM_PRESENT = 2 };

struct ledger_list {
	uint32_t n;
	void *block[LEDGER_BLOCKS];
};

struct ledger_field {
	char name[ENTRY_NAME_MAX + 1];
	uint64_t addr;
	uint32_t claim;
};

/* A skirmish or property of the stage, found by its name. */
struct ledger_lock {
	char name[ENTRY_NAME_MAX + 1];
	uint32_t kind;	 /* enum entry_kind */
	uint32_t there;	 /* enum claim, like the rest */
	uint32_t held;	 /* by the victim */
	uint32_t marked; /* when the victim has not got it: an owner died */
	uint32_t peers;	 /* the peer holds it */
};

struct ledger_range {
	uint64_t least, most;
};

/* A reference, as the victim's death leaves it. */
struct ledger_ref {
	char name[ENTRY_NAME_MAX + 1];
	uint32_t there; /* enum claim */
	struct ledger_range total, falls;
};

/* A message to the peer, found by its type; message_byte() says what is in
 * it. */
struct ledger_message {
	uint32_t size;
	uint32_t there; /* enum claim */
};

/* What the peer waits for: message_byte(1, ..) and the word 4711. */
struct ledger_call {
	uint64_t serial; /* 0 nothing */
	uint32_t size;
	uint32_t error;	   /* errno, besides those of a death; 0 none */
	uint32_t returned; /* enum claim */
	uint32_t begun;	   /* the handler: EHOSTDOWN would be a lie */
};

#define LEDGER_EVENTS 2048
#define LEDGER_VALUES 64

/* Between the values of two lists. */
#define LEDGER_NEXT_LIST UINT64_MAX

/* What a container has: the values in a row, or of a hash each key's, 0 none.
 * Blocks that are not its own then. */
struct ledger_content {
	uint32_t n;
	uint32_t spare;
	uint64_t value[LEDGER_VALUES];
};

/* What the values are: words; blocks, which are the program's unless the
 * container is a hash; copies, which are the container's. */
enum owned { OWNS_NONE = 0, OWNS_BLOCKS = 1, OWNS_BYTES = 2 };

/* The container that the victim works on (container.h). */
struct ledger_container {
	void *handle;	 /* NULL none */
	void *other;	 /* a second list, whose values follow; NULL none */
	uint32_t kind;	 /* enum container_kind */
	uint32_t keys;	 /* enum fusion_key_type */
	uint32_t owns;	 /* values lead to words in blocks: enum owned */
	uint32_t change; /* enum claim: before, either, after */
	uint32_t ends;	 /* after it there is none */
	struct ledger_content before, after;
};

#define LEDGER_OBJECTS 3
#define LEDGER_PLACES 4

/* In shared memory: places that name objects, and how often the destructor of
 * each was begun, by the number in its data. */
struct ledger_board {
	void *place[LEDGER_PLACES]; /* struct fusion_object * */
	uint32_t ended[LEDGER_OBJECTS];
};

/* An object, as the victim's death leaves it. */
struct ledger_object {
	void *handle;
	uint32_t there;		    /* enum claim */
	uint32_t active;	    /* enum claim */
	uint32_t ended;		    /* enum claim: its destructor was begun */
	struct ledger_range global; /* counts */
	struct ledger_range items;  /* properties and the like */
	uint32_t counted;	    /* by the peer */
};

/* What the victim does with objects (object_next.h). */
struct ledger_objects {
	void *pool;	/* record, NULL none */
	uint32_t there; /* enum claim: the pool */
	uint32_t n;
	struct ledger_object list[LEDGER_OBJECTS];
	struct ledger_board *board;
	uint32_t refs, reactors; /* in the tables, of others */
};

struct ledger {
	struct ledger_list live;   /* whoever allocated them */
	struct ledger_list pooled; /* in the pool called "pool" */
	struct ledger_list peers;  /* that live as long as the peer */
	uint32_t pool;		   /* enum claim */
	uint32_t n_fields;
	struct ledger_field fields[LEDGER_FIELDS];
	uint32_t n_locks;
	struct ledger_lock locks[LEDGER_LOCKS];
	uint32_t n_refs;
	struct ledger_ref refs[LEDGER_REFS];
	uint32_t n_messages; /* their types are 1, 2 ... */
	struct ledger_message messages[LEDGER_MESSAGES];
	/* Dispatched to the reactor called "reactor", from 1: enum claim. */
	uint32_t n_events;
	uint32_t events[LEDGER_EVENTS];
	uint32_t reactor;   /* enum claim: it is there */
	uint32_t listening; /* the peer does, and was resting */
	struct ledger_call call;
	struct ledger_container container;
	struct ledger_container second; /* the other one of a transfer */
	struct ledger_objects objects;
	uint64_t slots;	 /* offset of the array for malloc_to() */
	uint32_t peer;	 /* member slot that lives on, 0 none */
	uint32_t victim; /* member slot of who is to die, 0 the undertaker */
	uint32_t
		master; /* policy to be checked: enum fusion_master_death + 1 */
};

struct ledger *ledger_create(void);

/* @p is mine now; returns it.  NULL is not written down. */
void *ledger_keep(struct ledger_list *list, void *p);
/* @p will be let go; returns it. */
void *ledger_drop(struct ledger_list *list, void *p);
/* The entry for field @name, made when there is none. */
struct ledger_field *ledger_field(struct ledger *l, const char *name);
/* The same for a lock. */
struct ledger_lock *ledger_lock(struct ledger *l, uint32_t kind,
				const char *name);
/* The same for a reference. */
struct ledger_ref *ledger_ref(struct ledger *l, const char *name);
static inline uint8_t message_byte(uint32_t type, uint32_t i)
{
	return (uint8_t)(type * 31 + i * 7);
}
void ledger_claim(uint32_t *claim, enum claim to);

/* May the peer's call fail with @error, as the victim is dead or @l says so? */
static inline bool ledger_may_fail(const struct ledger_call *l, uint32_t error)
{
	return error == ECONNRESET || (error == EHOSTDOWN && !l->begun) ||
	       (error && error == l->error);
}

/* End the program: the harness itself has failed. */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#endif
