/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Searches: the items of a directory that are records in a table of the arena
 *
 * A node has the whole id of its item, so that a file that stays open never
 * shows what comes next at that index.  The index is found by a hint, and if
 * the hint is about another item by a search.
 *
 * A struct search is the beginning of a struct that has room for a copy.  All
 * that looks at the table runs under the guard, and what it finds is copied
 * once.
 */
#ifndef FUSIONFS_SEARCH_H
#define FUSIONFS_SEARCH_H

#include <stdint.h>

#include "fusionfs/base/hint.h"

struct arena;
struct view;

struct search {
	const struct search_ops *ops;
	uint32_t at; /* index in the table */
	uint32_t id; /* of the item that is wanted, or was copied */
};

/* Which items a directory has. */
struct search_ops {
	enum hint hint;
	/* Return the end of the table. */
	uint32_t (*end)(const struct view *v, const struct search *s);
	/* Copy the item at s->at and set s->id.  0; -ENOENT: no item of this
	 * directory is there. */
	int (*copy)(struct view *v, struct search *s);
	/* Set s->at to the index of the wanted item.  0, -ENOENT. */
	int (*find)(struct view *v, struct search *s);
};

/* Find and copy the wanted item.  0, -ENOENT, -EIO, -EAGAIN. */
int search_find(struct arena *a, struct search *s);
/* Copy the first item at or after s->at.  As search_find(). */
int search_next(struct arena *a, struct search *s);
/* Copy item @id, by the hint if that is good.  As search_find(). */
int search_id(struct arena *a, struct search *s, uint32_t id);
/* Keep the hint of the item that was copied.  Returns its id. */
uint32_t search_keep_hint(const struct arena *a, const struct search *s);

#endif
