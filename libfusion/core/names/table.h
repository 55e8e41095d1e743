/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tables of named things: fields, skirmishes, references, properties ...
 *
 * Each kind has a table: an array of records, each beginning with a struct
 * entry, and a hash of chains.  Links in chains are indices.  The commit of
 * creation and of removal is the one store of entry.state.  Before it, recovery
 * gives the record back; after it, recovery links or unlinks the record.  The
 * lock of a table is superblock.tables[kind].lock.
 *
 * Invariant, while nobody holds the lock: a record in use is in the chain of
 * its bucket, any other record below the mark is in the free list, each once
 * (table_check.c).
 *
 * Records are type-stable: their bytes stay a record of this kind as long as
 * the file lives.  A program's handle is the address of a record, which may
 * have been removed.  So each kind keeps a copy of the id beside its own words,
 * and kind_ops.fini() clears it; a user of a handle compares the ids.
 *
 *   table.c          creation, lookup under the lock, removal
 *   table_lens.c     lookup and copies without a lock
 *   table_recover.c  recovery of a thread that died in an operation
 *   table_check.c    the checker
 *   table_parts.c    what these share
 */
#ifndef FUSION_CORE_TABLE_H
#define FUSION_CORE_TABLE_H

#include "libfusion/core/names/kind.h"

/*
 * Create a record called @name, or a nameless one ("#<id>") if @name is NULL.
 * The kind's init() gets @arg.  Logs an event.
 * 0 and *ret_index.
 * -EINVAL the name is bad.
 * -ENAMETOOLONG the name is too long.
 * -EEXIST the name exists: *ret_index is the record that has it.
 * -ENOSPC the table is full.
 * -ENOMEM there is no memory for the record.
 * -EIO the table is damaged.
 * -ETIMEDOUT as core_lock().
 */
int table_add(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t creator, const void *arg,
	      uint32_t *ret_index);
/*
 * Find a record by name, or by "#<id>".
 * 0, *ret_index and, if @ret is not NULL, the whole record in *ret.
 * -ENOENT there is no such record.
 * -EINVAL, -ENAMETOOLONG, -EIO, -ETIMEDOUT as table_add().
 */
int table_get(struct view *v, struct thread_rec *me, enum entry_kind kind,
	      const char *name, uint32_t *ret_index, void *ret);
/*
 * Remove the record at @index.  Logs an event.
 * 0.
 * -EIDRM the record does not have @id any more.
 * -EIO, -ETIMEDOUT as table_add().
 */
int table_remove(struct view *v, struct thread_rec *me, enum entry_kind kind,
		 uint32_t index, uint32_t id);
/* Remove the record called @name.  0; errors as table_get(). */
int table_remove_name(struct view *v, struct thread_rec *me,
		      enum entry_kind kind, const char *name);

/* Read the mark of a table: records at and above it were never used. */
uint32_t table_hi(const struct view *v, enum entry_kind kind);
/* Take a new id for an entry of any kind.  Never 0, not even after the numbers
 * have begun anew. */
uint32_t table_next_id(struct view *v);
/* Compute the index of the record of @kind at @p.  -EINVAL: no record of that
 * kind begins there.  The record may be in use or not. */
int64_t table_index(const struct view *v, enum entry_kind kind, const void *p);

#endif
