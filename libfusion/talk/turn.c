/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/turn.h"

#include "libfusion/core/base/atomic.h"

__thread struct dispatcher *my_turns;

void turn_take(struct dispatcher *d)
{
	add_relaxed(&d->wanted, 1);
	pthread_mutex_lock(&d->turn);
	sub_relaxed(&d->wanted, 1);
	turn_taken(d);
}

bool turn_try(struct dispatcher *d)
{
	if (pthread_mutex_trylock(&d->turn) != 0)
		return false;
	turn_taken(d);
	return true;
}

void turn_give(struct dispatcher *d)
{
	struct dispatcher **p = &my_turns;

	/* The child of a fork in a handler has none. */
	while (*p && *p != d)
		p = &(*p)->outer;
	if (*p)
		*p = d->outer;
	pthread_mutex_unlock(&d->turn);
}
