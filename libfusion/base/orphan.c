/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/orphan.h"

#include <pthread.h>
#include <stddef.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static struct orphan *orphans;

void orphan_add(struct orphan *o)
{
	pthread_mutex_lock(&lock);
	o->next = orphans;
	orphans = o;
	pthread_mutex_unlock(&lock);
}

void orphan_adopt(uintptr_t base, uint64_t span)
{
	pthread_mutex_lock(&lock);
	for (struct orphan *o = orphans; o; o = o->next)
		if (o->base < base + span && base < o->base + o->span)
			o->span = 0;
	pthread_mutex_unlock(&lock);
}

bool orphan_is(const void *p)
{
	const struct orphan *o;

	pthread_mutex_lock(&lock);
	for (o = orphans; o; o = o->next)
		if (o->handle == p || (uintptr_t)p - o->base < o->span)
			break;
	pthread_mutex_unlock(&lock);
	return o;
}

void orphan_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
}
