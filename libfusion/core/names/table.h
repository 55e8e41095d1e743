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
 * the file lives.  A program's handle is the address of a record, plus the low
 * byte of the record's id, for which the size of a record leaves room.  The
 * record may have been removed, or be another thing's by now.  So each kind
 * keeps a copy of the id beside its own words, and kind_ops.fini() clears it; a
 * user of a handle compares the byte with that copy.
 *
 * The free list is a queue: the record that is free for the longest time is
 * used next.  So a record does not soon become another thing's.
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

/* --- Handles -------------------------------------------------------------- */

#define HANDLE_ID 0xffu /* the part of a handle that is of the id */
static_assert(ENTRY_SIZE == HANDLE_ID + 1, "a record has room for the byte");

/* Make the handle of the record @rec, whose id is @id. */
static inline void *entry_handle(const void *rec, uint32_t id)
{
	return (void *)((uintptr_t)rec + (id & HANDLE_ID));
}

/* Return the record that @handle leads to, which another thing may have. */
static inline void *handle_entry(const void *handle)
{
	return (void *)((uintptr_t)handle & ~(uintptr_t)HANDLE_ID);
}

/* Say whether @handle can be that of the thing with @id. */
static inline bool handle_has_id(const void *handle, uint32_t id)
{
	return (uint8_t)(uintptr_t)handle == (uint8_t)id;
}

/* Say whether the record of @handle, which has @id now, is another thing's.  0
 * is the id of a record that is free: it was destroyed, but is not another's.
 */
static inline bool handle_is_stale(const void *handle, uint32_t id)
{
	return !handle_has_id(handle, id) && id;
}

/* --- Records -------------------------------------------------------------- */

/*
 * Create a record called @name, or a nameless one ("#<id>") if @name is NULL.
 * The kind's init() gets @arg.  Logs an event.
 * 0 and *ret_index.
 * -EINVAL the name is bad.
 * -ENAMETOOLONG the name is too long.
 * -EEXIST the name exists.
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
 * 0, *ret_index, and *ret_id, by which the caller sees later whether the record
 * belongs to another thing by then.
 * -ENOENT there is no such record.
 * -EINVAL, -ENAMETOOLONG, -EIO, -ETIMEDOUT as table_add().
 */
int table_find(struct view *v, struct thread_rec *me, enum entry_kind kind,
	       const char *name, uint32_t *ret_index, uint32_t *ret_id);
/* As table_find(), but copy the whole record to *ret.  @ret_index may be NULL.
 * Other threads may change the record meanwhile, but for what its kind's init()
 * has written. */
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
