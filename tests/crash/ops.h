/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is stepped through: one row an operation (docs/crash.md says how to add
 * one)
 */
#ifndef TESTS_CRASH_OPS_H
#define TESTS_CRASH_OPS_H

#include "tests/crash/stage.h"

/* As what the victim comes onto the stage. */
enum part {
	PART_MEMBER,	 /* a slave, with a thread record */
	PART_NEWCOMER,	 /* the same, without a record */
	PART_JOINING,	 /* not ready yet */
	PART_MASTER,	 /* a member that is master */
	PART_ALONE,	 /* a member, and the peer has left */
	PART_UNDERTAKER, /* the daemon */
	PART_NOBODY,	 /* it has only mapped the arena */
};

struct cast {
	struct stage *stage;
	struct ledger *ledger;
	struct fusion_arena *arena;
	struct fusion_heap_pool *pool;
	struct thread_rec *rec;
	void *p[128]; /* prepared blocks */
	uint32_t n;
};

struct op {
	const char *name;
	enum part part;
	/* Not stepped; may be NULL. */
	void (*prepare)(struct cast *c);
	/* Stepped. */
	void (*run)(struct cast *c);
	unsigned extra; /* blocks in flight, at most */
};

extern const struct op field_ops[], heap_ops[], pool_ops[], life_ops[];
extern const struct op lock_ops[], ref_ops[], message_ops[], reactor_ops[];
extern const struct op call_ops[], container_ops[], object_ops[];
extern const struct op transfer_ops[];
extern const unsigned n_transfer_ops;
extern const unsigned n_call_ops, n_container_ops, n_object_ops;
extern const unsigned n_field_ops, n_heap_ops, n_pool_ops, n_life_ops;
extern const unsigned n_lock_ops, n_ref_ops, n_message_ops, n_reactor_ops;

/* A thread of the peer, which lives and does nothing. */
struct thread_rec *cast_peer(struct cast *c);

#define N_OPS(list) (sizeof(list) / sizeof((list)[0]))

#endif
