/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Directories of named entries: fields/, skirmishes/, refs/, properties/,
 * calls/, reactors/, pools/
 */
#ifndef FUSIONFS_ENTRIES_H
#define FUSIONFS_ENTRIES_H

#include "fusionfs/world/node.h"

extern const struct items_ops entry_items;

/* Make the entry @name of directory @dir, where a shell can.  0; -EPERM a shell
 * cannot; -EISDIR a directory is made by mkdir; or table_add()'s result. */
int entry_create_in(const struct node *dir, const char *name,
		    enum row_type type, struct node *ret);
/* Remove the entry @name of directory @dir.  0; -EPERM a shell cannot;
 * table_remove()'s result. */
int entry_remove_in(const struct node *dir, const char *name);

#endif
