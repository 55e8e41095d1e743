/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of named things: fields, skirmishes, references, properties
 *
 * A kind has a table of records, each beginning with a struct entry, and a hash
 * of chains; both are indices.  Commit of creation and of removal is the one
 * store of entry.state: before it, recovery gives the record back; after it,
 * recovery links or unlinks.  Guarded by superblock.tables[kind].lock.
 *
 * Records are type-stable.  A handle that programs have is the address of the
 * record; who may meet one that was removed compares the id that the kind
 * keeps beside its own words (kind_ops.fini takes it away).
 */
#ifndef FUSION_CORE_TABLE_H
#define FUSION_CORE_TABLE_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/names/kind.h"

/*
 * Make a record.  @name NULL: nameless, "#<id>".  @arg is for the kind's
 * init().  0 and *ret_index; -EINVAL bad name; -ENAMETOOLONG; -EEXIST;
 * -ENOSPC table full; -ENOMEM; -EIO the table is damaged; -ETIMEDOUT if
 * v->patience_ns is set.  Logs an event.
 */
int table_add(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t creator, const void *arg,
	      uint32_t *ret_index);
/* Find by name, or by "#<id>".  0 and the whole record in *ret (if not NULL);
 * -ENOENT, -EINVAL, -EIO, -ETIMEDOUT. */
int table_get(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t *ret_index, void *ret);
/* 0, or the same errors; -EIDRM the record at @index is not @id any more. */
int table_remove(struct view *v, struct thread_rec *me, enum entry_kind kind,
		 uint32_t index, uint32_t id);
int table_remove_name(struct view *v, struct thread_rec *me,
		      enum entry_kind kind, const char *name);

/* Recovery of t->table.  Idempotent. */
int table_recover(struct view *v, struct thread_rec *t);

/* Records below were ever used. */
uint32_t table_hi(const struct view *v, enum entry_kind kind);
/* For a new object of any kind.  0 is nobody's, also when they begin anew. */
uint32_t table_next_id(struct view *v);
/* Index of the record of @kind at @p, or -EINVAL: @p is no such address.  Says
 * nothing of its state. */
int64_t table_index(const struct view *v, enum entry_kind kind, const void *p);

/* For the lens, without lock: copy record @i if it is used and sane.  0,
 * -ENOENT.  table_lookup(): index of @name, by its chain or as "#<id>"; a
 * bounded walk. */
int table_copy(const struct view *v, enum entry_kind kind, uint32_t i,
	       void *ret);
int table_lookup(const struct view *v, enum entry_kind kind, const char *name,
		 uint32_t *ret_index);

/* Faults of one table of a quiet arena. */
unsigned table_check(struct view *v, enum entry_kind kind,
		     check_report_fn report, void *ctx);

#endif
