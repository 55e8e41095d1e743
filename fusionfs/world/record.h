/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records: the entries of an arena's tables, and the nodes that stand for them.
 * The row of a node says of which kind its entry is. */
#ifndef FUSIONFS_RECORD_H
#define FUSIONFS_RECORD_H

#include "fusionfs/world/node.h"
#include "fusionfs/world/search.h"
#include "libfusion/core/heap/container.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/reactor.h"

/* A record of any kind, copied once. */
union record {
	struct entry e;
	struct field_rec field;
	struct skirmish skirmish;
	struct property property;
	struct call call;
	struct reactor reactor;
	struct ref ref;
	struct object_pool pool;
	struct object object;
	struct container_rec container;
	uint64_t room[ENTRY_SIZE / sizeof(uint64_t)];
};
static_assert(sizeof(union record) == ENTRY_SIZE, "the largest record");

/* Copy what @n stands for.  0, -EIO, -ENOENT it is not there any more. */
int record_get(const struct node *n, union record *ret);
/* items_ops.check(): is what @n stands for still there? */
int record_check(const struct node *n);
/* Its index in the table, when record_get() has just found it. */
uint32_t record_index(const struct node *n);

/* A search among the records of a kind. */
struct record_search {
	struct search search;
	enum entry_kind kind;
	const char *name; /* of the one that is wanted; NULL: by its id */
	union record o;
};

/* All records of the kind; and its functions, for a directory that has only
 * some of them. */
extern const struct search_ops record_search_ops;
uint32_t record_search_end(const struct view *v, const struct search *s);
int record_search_copy(struct view *v, struct search *s);
int record_search_find(struct view *v, struct search *s);

/* For items_ops.find and next, by the search that the caller has begun. */
int record_find_item(const struct node *dir, struct record_search *s,
		     const char *name, struct node *ret);
int record_next_item(const struct node *dir, struct record_search *s,
		     uint64_t *at, char name[256], struct node *ret);

#endif
