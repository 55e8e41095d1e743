/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fields: named pointers, through which members find the data that they share
 *
 * Fields are a table (table.h).  Invariant: nothing of a field changes from its
 * creation to its removal.
 */
#ifndef FUSION_CORE_FIELD_H
#define FUSION_CORE_FIELD_H

#include "libfusion/core/names/table.h"

/* Check what a field is to be called, and its type, which may be NULL.  0,
 * -EINVAL, -ENAMETOOLONG. */
int field_check(const char *name, const char *type);

/*
 * Create a field called @name that points to @size bytes of @type at @addr.
 * @type may be NULL.
 * 0.
 * -EINVAL the name or the type is bad.
 * -ENAMETOOLONG the name or the type is too long.
 * -EEXIST, -ENOSPC, -ENOMEM, -EIO, -ETIMEDOUT as table_add().
 */
int field_add(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t addr, uint64_t size, const char *type, uint32_t creator);
/* Copy the field called @name to *ret.  0; errors as table_get(). */
int field_get(struct view *v, struct thread_rec *me, const char *name,
	      struct field_rec *ret);
/* Remove the field called @name.  0; errors as table_get(). */
int field_remove(struct view *v, struct thread_rec *me, const char *name);

/* Copy field @i, checked and made printable, without a lock.
 * 0; -ENOENT it is not in use, or makes no sense. */
int field_copy(const struct view *v, uint32_t i, struct field_rec *ret);

/* Make the type of a copied field printable. */
void field_clean(struct field_rec *f);

/* Initialize a record: kind_ops.init(). */
void field_init(struct view *v, void *rec, const void *arg);

#endif
