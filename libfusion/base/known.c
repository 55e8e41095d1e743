/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/known.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define BUCKETS 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf */
static struct known *buckets[BUCKETS];

static struct known **bucket_of(const void *p)
{
	return &buckets[(uintptr_t)p / 16 * 2654435761u / 64 % BUCKETS];
}

/* The link that leads to @p, or the last one.  lock is held. */
static struct known **link_to(const void *p)
{
	struct known **at = bucket_of(p);

	while (*at && *at != p)
		at = &(*at)->next_known;
	return at;
}

void known_add_kind(struct known *k, void *whose, uint64_t kind)
{
	struct known **first = bucket_of(k);

	k->whose = whose;
	k->kind = kind;
	pthread_mutex_lock(&lock);
	k->next_known = *first;
	*first = k;
	pthread_mutex_unlock(&lock);
}

void known_add(struct known *k, void *whose)
{
	known_add_kind(k, whose, KNOWN_PLAIN);
}

bool known_take(struct known *k, uint64_t kind)
{
	struct known **at;
	bool found;

	pthread_mutex_lock(&lock);
	at = link_to(k);
	found = *at && (*at)->kind == kind;
	if (found)
		*at = k->next_known;
	pthread_mutex_unlock(&lock);
	return found;
}

bool known_remove(struct known *k)
{
	return known_take(k, KNOWN_PLAIN);
}

void *known_whose(const void *p)
{
	const struct known *k;
	void *whose;

	pthread_mutex_lock(&lock);
	k = *link_to(p);
	whose = k && k->kind == KNOWN_PLAIN ? k->whose : NULL;
	pthread_mutex_unlock(&lock);
	return whose;
}

uint64_t known_kind(const void *p)
{
	const struct known *k;
	uint64_t kind;

	pthread_mutex_lock(&lock);
	k = *link_to(p);
	kind = k ? k->kind : 0;
	pthread_mutex_unlock(&lock);
	return kind;
}

void known_after_fork(void)
{
	pthread_mutex_init(&lock, NULL);
}
