/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/fresh.h"

#include <errno.h>
#include <stdlib.h>

#define BUCKETS 4096u /* numbers run on, so each gets its share */

struct fresh {
	struct fresh *next;
	uint64_t ino;
	struct node node; /* but for the arena, which may go */
	uint32_t serial;  /* which is named by this */
};

static struct fresh *buckets[BUCKETS];
static uint64_t last;

static struct fresh **find(uint64_t ino)
{
	struct fresh **f = &buckets[ino % BUCKETS];

	while (*f && (*f)->ino != ino)
		f = &(*f)->next;
	return f;
}

uint64_t fresh_add(const struct node *n)
{
	struct fresh *f = malloc(sizeof(*f)), **at;

	if (!f)
		return 0;
	*f = (struct fresh){
		.ino = FRESH_BIT | ++last,
		.node = *n,
		.serial = n->arena->serial,
	};
	f->node.arena = NULL;
	at = &buckets[f->ino % BUCKETS];
	f->next = *at;
	*at = f;
	return f->ino;
}

int fresh_get(uint64_t ino, struct node *ret)
{
	const struct fresh *f = *find(ino);
	struct node n;

	if (!f)
		return -ENOENT;
	n = f->node;
	if (node_in_arena(&n, f->serial) < 0)
		return -ENOENT;
	*ret = n;
	return 0;
}

void fresh_drop(uint64_t ino)
{
	struct fresh **at = find(ino), *f = *at;

	if (!f)
		return;
	*at = f->next;
	free(f);
}

void fresh_end(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (buckets[i])
			fresh_drop(buckets[i]->ino);
}
