/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/numbered.h"

#include <errno.h>
#include <stdlib.h>

/* Buckets of both hashes. */
#define BUCKETS 4096u

struct numbered {
	struct numbered *next_ino, *next_name;
	uint64_t ino, lookups;
	struct node node; /* without the arena, which may go first */
	uint64_t serial;  /* node_serial() */
};

static struct numbered *by_ino[BUCKETS], *by_name[BUCKETS];
static uint64_t last = NUMBERED_BIT;

static struct numbered **numbered_at_ino(uint64_t ino)
{
	struct numbered **f = &by_ino[ino % BUCKETS];

	while (*f && (*f)->ino != ino)
		f = &(*f)->next_ino;
	return f;
}

static struct numbered **numbered_bucket(const struct node *n, uint64_t serial)
{
	uint64_t h = (uint64_t)n->item << 32 | n->number;

	h = (h ^ serial) * 0x9e3779b97f4a7c15ull;
	return &by_name[h >> 52];
}

static bool is_same_node(const struct numbered *f, const struct node *n)
{
	return f->serial == node_serial(n) && f->node.row == n->row &&
	       f->node.item == n->item && f->node.number == n->number;
}

static struct numbered *add_numbered(const struct node *n)
{
	uint64_t serial = node_serial(n);
	struct numbered *f = malloc(sizeof(*f)), **at;

	if (!f)
		return NULL;
	*f = (struct numbered){.ino = ++last, .node = *n, .serial = serial};
	f->node.arena = NULL;
	at = &by_ino[f->ino % BUCKETS];
	f->next_ino = *at;
	*at = f;
	at = numbered_bucket(n, serial);
	f->next_name = *at;
	*at = f;
	return f;
}

static void drop_numbered(struct numbered *f)
{
	struct numbered **at = numbered_at_ino(f->ino);

	*at = f->next_ino;
	at = numbered_bucket(&f->node, f->serial);
	while (*at != f)
		at = &(*at)->next_name;
	*at = f->next_name;
	free(f);
}

uint64_t numbered_add(const struct node *n)
{
	struct numbered *f = *numbered_bucket(n, node_serial(n));

	while (f && !is_same_node(f, n))
		f = f->next_name;
	if (!f)
		f = add_numbered(n);
	if (!f)
		return 0;
	f->lookups++;
	return f->ino;
}

int numbered_get(uint64_t ino, struct node *ret)
{
	const struct numbered *f = *numbered_at_ino(ino);
	struct node n;

	if (!f)
		return -ENOENT;
	n = f->node;
	if (node_in_arena(&n, f->serial) < 0)
		return -ENOENT;
	*ret = n;
	return 0;
}

void numbered_forget(uint64_t ino, uint64_t lookups)
{
	struct numbered *f = *numbered_at_ino(ino);

	if (!f)
		return;
	f->lookups = f->lookups > lookups ? f->lookups - lookups : 0;
	if (!f->lookups)
		drop_numbered(f);
}

void numbered_end(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (by_ino[i])
			drop_numbered(by_ino[i]);
}
