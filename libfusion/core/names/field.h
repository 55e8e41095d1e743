/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fields: named pointers, the doors into shared data
 *
 * A table (table.h) of what each points to.  Nothing of a field changes while
 * it is there.
 */
#ifndef FUSION_CORE_FIELD_H
#define FUSION_CORE_FIELD_H

#include "libfusion/core/names/table.h"

/* 0; -EINVAL bad name or type; -ENAMETOOLONG; -EEXIST; -ENOSPC table full;
 * -ENOMEM; -EIO the table is damaged; -ETIMEDOUT if v->patience_ns is set. */
int field_add(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t addr, uint64_t size, const char *type, uint32_t creator);
/* 0, -ENOENT, -EINVAL, -EIO; copies the entry. */
int field_get(struct view *v, struct thread_rec *me, const char *name,
	      struct field_rec *ret);
int field_remove(struct view *v, struct thread_rec *me, const char *name);

/* For the lens, without lock: copy field @i if it is used and sane.
 * 0, -ENOENT. */
int field_copy(const struct view *v, uint32_t i, struct field_rec *ret);

/* Make a copy's words printable. */
void field_clean(struct field_rec *f);

void field_init(struct view *v, void *rec, const void *arg); /* kinds.c */

#endif
