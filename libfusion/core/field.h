/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fields: named pointers, the doors into shared data
 *
 * A table of entries and a hash of chains, both indices.  Commit of add and of
 * remove is the one store of entry.state; before it, recovery gives the entry
 * back; after it, recovery links or unlinks.  Guarded by field_lock.
 */
#ifndef FUSION_CORE_FIELD_H
#define FUSION_CORE_FIELD_H

#include "libfusion/core/view.h"

/* 0; -EINVAL bad name or type; -ENAMETOOLONG; -EEXIST; -ENOSPC table full;
 * -ENOMEM; -EIO the table is damaged; -ETIMEDOUT if v->patience_ns is set. */
int field_add(struct view *v, struct thread_rec *me, const char *name,
	      uint64_t addr, uint64_t size, const char *type, uint32_t creator);
/* 0, -ENOENT, -EINVAL, -EIO; copies the entry. */
int field_get(struct view *v, struct thread_rec *me, const char *name,
	      struct field_rec *ret);
int field_remove(struct view *v, struct thread_rec *me, const char *name);

/* Recovery of t->field.  Idempotent. */
int field_recover(struct view *v, struct thread_rec *t);

/* For the lens, without lock: copy entry @i if it is used and sane.
 * 0, -ENOENT.  field_lookup(): index of @name by its chain, bounded walk. */
int field_copy(const struct view *v, uint32_t i, struct field_rec *ret);
int field_lookup(const struct view *v, const char *name, uint32_t *ret_index);

/* 1 to 63 bytes, no '/', no control characters, not beginning with '.'; an
 * object's not beginning with '#' either.  0, -EINVAL, -ENAMETOOLONG. */
int name_check_arena(const char *name);
int name_check_object(const char *name);

unsigned field_check(struct view *v, void (*report)(void *, const char *),
		     void *ctx);

#endif
