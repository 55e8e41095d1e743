/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The container that the victim works on
 *
 * After recovery the peer is its next user (next_user.h): it reads, and must
 * find what was before or what is after; then it changes the container and must
 * find that; then it destroys it, and no block is left.
 */
#ifndef TESTS_CRASH_CONTAINER_H
#define TESTS_CRASH_CONTAINER_H

#include <fusion/list.h>

#include "tests/crash/stage.h"

#define CONTAINER_RANGES 144

struct container_range {
	const void *at;
	size_t size; /* a multiple of 8 */
};

/* The memory of the container, for the overlay: as far as it can be followed.
 * How many. */
unsigned container_ranges(const struct stage *s, struct container_range *ret);

/* Of a recovered image; @bad hears what is wrong. */
void container_ask(const struct stage *s, void (*bad)(void *, const char *),
		   void *ctx);

/* Who uses a container next, and how many blocks are not the container's. */
struct user {
	const struct ledger_container *c;
	struct fusion_arena *arena;
	uint64_t others;
};

/* Read all that is in it, in every way. */
void user_read(const struct user *u, struct ledger_content *ret);
bool content_is_same(const struct ledger_content *a,
		     const struct ledger_content *b);
/* Complain unless it has what it must have. */
void user_expect(const struct user *u, const struct ledger_content *want);
/* Change it, and @now too. */
void user_use(struct user *u, struct ledger_content *now);
/* Complain unless it has @own blocks. */
void user_ask_blocks(const struct user *u, uint64_t own);
uint64_t container_blocks(const struct ledger_container *c,
			  const struct ledger_content *now);
int container_destroy(const struct ledger_container *c);

/* The key of value @i of a hash. */
struct fusion_key container_key(uint32_t keys, uint32_t i);
/* A value as it goes into the container of @c, which owns it or not. */
struct fusion_value container_value(struct fusion_arena *arena, uint32_t owns,
				    uint64_t word);
/* Set value @i of the hash of @c.  As fusion_hash_replace(). */
int container_put(struct fusion_arena *arena, const struct ledger_container *c,
		  uint32_t i, uint64_t word);
/* Insert a value at the back of @list, which is of @c. */
int container_insert(struct fusion_arena *arena,
		     const struct ledger_container *c, struct fusion_list *list,
		     uint64_t word, struct fusion_list_node **ret);
/* Are the blocks of its values its own? */
bool container_owns(const struct ledger_container *c);

#endif
