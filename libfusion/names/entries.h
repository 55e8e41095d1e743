/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of named things, as the calls of all kinds of things find them. */
#ifndef FUSION_ENTRIES_H
#define FUSION_ENTRIES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/names/table.h"
#include "libfusion/heap/tls.h"

/* Read the id of the record that @handle leads to, at the offset @id_at: the
 * copy beside its hot words, which is 0 once the thing was destroyed. */
static inline uint32_t entry_word(const void *handle, size_t id_at)
{
	const char *rec = handle_entry(handle);
	const void *id = rec + id_at;

	/* Acquire: pairs with the releases in the init() and fini() of the
	 * kind. */
	return load_acquire((const uint32_t *)id);
}

/* Return the calling thread's cache of the arena to whose entries of @kind
 * @handle leads; NULL and *ret_error: -EINVAL @handle is not one; -EIDRM the
 * entry was destroyed, and another entry has its record, with the id at @id_at.
 * A free record is not refused. */
struct tcache *entry_cache(enum entry_kind kind, const void *handle,
			   size_t id_at, int *ret_error);
/* Return the cache of an entry that was not destroyed.  NULL and *ret_error:
 * -EIDRM it was, and others. */
static inline struct tcache *entry_cache_live(enum entry_kind kind,
					      const void *handle, size_t id_at,
					      int *ret_error)
{
	struct tcache *c = entry_cache(kind, handle, id_at, ret_error);

	/* Not before the check: the program may have given any pointer. */
	if (!c || entry_word(handle, id_at))
		return c;
	*ret_error = -EIDRM;
	return NULL;
}

/* End a call that creates a thing called @name, which has returned @r: tell the
 * daemon, or say why not. */
int entry_created(struct fusion_arena *arena, enum entry_kind kind,
		  const char *name, int r);
/* How things of a kind are made. */
struct entry_maker {
	enum entry_kind kind;
	/* Find a thing of that name that will do.  0 and *ret, its handle;
	 * -ENOENT.  NULL: by the name alone, with entry_find(). */
	int (*find)(struct fusion_arena *arena, const char *name,
		    const void *params, void **ret);
	/* Create it.  0 and *ret, its handle; -EEXIST the name is taken. */
	int (*create)(struct fusion_arena *arena, struct thread_rec *me,
		      const char *name, const void *params, void **ret);
};

/*
 * Create a thing called @name; or, if @or_find is set, find it if there is one.
 * Tells the daemon of what it creates, and a program why it fails.
 *
 * To find is a look of its own, which gives the handle of the thing that had
 * the name then.  If another thread takes the name between the look and the
 * creation, the function looks again: so each turn more, another thread has
 * created the thing or destroyed it.
 */
int entry_make(struct fusion_arena *arena, const char *name,
	       const struct entry_maker *maker, const void *params,
	       bool or_find, void **ret);
/* Find the handle of the entry called @name.  0, -ENOENT, -EINVAL, -ENOMEM,
 * -EMFILE. */
int entry_find(struct fusion_arena *arena, enum entry_kind kind,
	       const char *name, void **ret);
/* Find the handle of the entry with @id for a program, and tell it why there is
 * none.  Under the lock of the table.  An entry without a name is in the chain
 * of its id; for one with a name this walks through the table. */
int entry_get(struct fusion_arena *arena, enum entry_kind kind, uint32_t id,
	      void **ret);
/* Check the arguments of a program that looks for an id.  0; -EINVAL. */
int entry_check_get(const struct fusion_arena *arena, const char *what,
		    uint32_t id, const void *ret);
/* Return the id of the entry of @kind that @handle leads to, which is at the
 * offset @id_at; 0: it is no entry of an arena that this process is in, or was
 * destroyed. */
uint32_t entry_id(enum entry_kind kind, const void *handle, size_t id_at);
/* Find the handle of the entry called @name for a program, and tell it why
 * there is none. */
int entry_lookup(struct fusion_arena *arena, enum entry_kind kind,
		 const char *name, void **ret);

#endif
