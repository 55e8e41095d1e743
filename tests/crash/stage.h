/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The stage: an arena with a past, and a way in
 *
 * An operation is tried on an arena that has been lived in: a random history
 * of two other members has run over it and every byte that the protocol leaves
 * undefined is stale.  One of the two has left (its slabs are orphans); the
 * other, the peer, lives on, its process being a stand-in that does nothing.
 */
#ifndef TESTS_CRASH_STAGE_H
#define TESTS_CRASH_STAGE_H

#include <sys/types.h>

#include "libfusion/arena/arena_private.h"
#include "tests/crash/ledger.h"
#include "tests/crash/rng.h"

#define STAGE_BASE ((void *)0x550000000000ull)
#define STAGE_SPAN SPAN_MIN
#define STAGE_MEMBERS 16
#define NO_PID 0x3ffffff0 /* above any pid there can be */

struct stage {
	struct view view; /* the tester's, with fd -1: recovery of an image
			   * must not touch the file */
	int fd;
	pid_t stand_in;
	uint64_t seed;
	struct ledger *ledger;
};

/* An arena aged with @seed. */
void stage_open(struct stage *s, uint64_t seed);
void stage_close(struct stage *s);

/* In a child of the tester: map the arena anew, with a descriptor of its own,
 * as nobody. */
struct fusion_arena *stage_map(struct stage *s);
/* The same, and become a member.  @ready: ALIVE, else JOINING. */
struct fusion_arena *stage_enter(struct stage *s, uint32_t role, bool ready);
/* The same, and become the undertaker. */
struct fusion_arena *stage_undertake(struct stage *s);

/* Say in @v that the process of member @slot is @pid. */
void stage_identify(struct view *v, uint32_t slot, pid_t pid);

/* Live at random for @n steps: blocks and fields come and go. */
void stage_live(struct stage *s, struct fusion_arena *a, struct rng *rng,
		unsigned n);

/* A pointer for field @name, the same each time. */
void *stage_field_addr(const struct stage *s, const char *name);
/* The array of slots for malloc_to(). */
void **stage_slots(const struct stage *s);

#endif
