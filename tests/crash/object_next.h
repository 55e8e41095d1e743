/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The objects that the victim works on
 *
 * After recovery the peer is willing to destroy (next_user.h): what nobody
 * counts must go at once, what has global counts or the peer's must be whole.
 * Then it gives all back and destroys the pool: no block, no reference, no
 * reactor is left, and each object's destructor was begun as often as the
 * ledger says.
 */
#ifndef TESTS_CRASH_OBJECT_NEXT_H
#define TESTS_CRASH_OBJECT_NEXT_H

#include "tests/crash/container.h"

#include <fusion/object.h>

/* What an object of these operations has in its data. */
struct ledger_thing {
	uint64_t number;
};

/* The memory of objects, for the overlay; how many, at most @room. */
unsigned object_ranges(const struct stage *s, struct container_range *ret,
		       unsigned room);
/* Blocks of the heap that belong to objects. */
uint64_t object_blocks(const struct view *v);
uint64_t object_digest(const struct view *v);
/* Of a recovered image; @bad hears what is wrong. */
void object_ask(const struct stage *s, void (*bad)(void *, const char *),
		void *ctx);

/* Counts on the ledger's board. */
void object_ends(struct fusion_object *o, bool zombie, void *ctx);

#endif
