/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories of named things: fields/, skirmishes/, refs/, properties/,
 * calls/, reactors/, pools/
 *
 * The rows of such a directory and of its files say of which kind they are.
 */
#ifndef FUSIONFS_OBJECTS_H
#define FUSIONFS_OBJECTS_H

#include "fusionfs/world/node.h"
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
	uint64_t room[ENTRY_SIZE / sizeof(uint64_t)];
};
static_assert(sizeof(union record) == ENTRY_SIZE, "the largest record");

/* Copy what @n stands for.  0, -EIO, -ENOENT it is not there any more. */
int object_get(const struct node *n, union record *ret);
/* Make and destroy, where a shell can: -EPERM elsewhere, -EISDIR a directory is
 * made by mkdir; table_add()'s and table_remove()'s results. */
int object_create(const struct node *dir, const char *name, enum row_type type,
		  struct node *ret);
int object_remove(const struct node *dir, const char *name);
/* What stands for record @index with @id in a node of @dir. */
uint32_t object_item(const struct node *dir, uint32_t index, uint32_t id);
/* items_ops.check(): is it there still? */
int object_items_check(const struct node *n);
/* Its place in the table, when object_get() has just found it. */
uint32_t object_index(const struct node *n);

#endif
