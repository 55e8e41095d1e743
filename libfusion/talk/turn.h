/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The turn: a thread that has it may run handlers
 *
 * One thread has the turn of a dispatcher at a time.  A handler in one arena
 * may dispatch in another, so a thread may have the turns of several
 * dispatchers: they form a list, the last one first.
 */
#ifndef FUSION_TURN_H
#define FUSION_TURN_H

#include "libfusion/talk/dispatcher.h"

/* The dispatcher whose turn the calling thread took last; its `outer` leads to
 * the one before.  NULL none. */
extern __thread struct dispatcher *my_turns
	__attribute__((visibility("hidden")));

/* Does the calling thread have the turn of @d? */
static inline bool turn_is_mine(const struct dispatcher *d)
{
	const struct dispatcher *t = my_turns;

	while (t && t != d)
		t = t->outer;
	return t;
}

/* Put a turn whose lock was just taken on the thread's list. */
static inline void turn_taken(struct dispatcher *d)
{
	d->outer = my_turns;
	my_turns = d;
}

/* Take the turn, waiting as long as necessary. */
void turn_take(struct dispatcher *d);
/* Take the turn if no other thread has it. */
bool turn_try(struct dispatcher *d);
/* Give the turn back. */
void turn_give(struct dispatcher *d);

#endif
