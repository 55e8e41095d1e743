/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries of named things, as the calls of all kinds of things find them. */
#ifndef FUSION_ENTRIES_H
#define FUSION_ENTRIES_H

#include <errno.h>
#include <stddef.h>

#include "libfusion/core/names/table.h"
#include "libfusion/heap/tls.h"

/* Return the calling thread's cache of the arena in which @p is an entry of
 * @kind; NULL and *ret_error: -EINVAL @p is not one. */
struct tcache *entry_cache(enum entry_kind kind, const void *p, int *ret_error);
/* Return the cache of an entry that was not destroyed: whose id at the offset
 * @id_at, the copy beside its hot words, is not 0.  NULL and *ret_error:
 * -EIDRM it was, and others. */
static inline struct tcache *entry_cache_live(enum entry_kind kind,
					      const void *p, size_t id_at,
					      int *ret_error)
{
	struct tcache *c = entry_cache(kind, p, ret_error);
	const void *id;

	if (!c)
		return NULL;
	/* Not before the check: the program may have given any pointer. */
	id = (const char *)p + id_at;
	/* Acquire: pairs with the releases in the init() and fini() of the
	 * kind: 0 says that the entry was destroyed. */
	if (load_acquire((const uint32_t *)id))
		return c;
	*ret_error = -EIDRM;
	return NULL;
}

/* End a call that creates a thing called @name, which has returned @r: tell the
 * daemon, or say why not. */
int entry_created(struct fusion_arena *arena, enum entry_kind kind,
		  const char *name, int r);
/* End a call that finds or creates a thing called @name: if a thing of that
 * name exists, which @r says with -EEXIST, it is found.  Else as
 * entry_created(). */
int entry_opened(struct fusion_arena *arena, enum entry_kind kind,
		 const char *name, int r);
/* Find the entry called @name.  0, -ENOENT, -EINVAL, -ENOMEM, -EMFILE. */
int entry_find(struct fusion_arena *arena, enum entry_kind kind,
	       const char *name, void **ret);
/* Find the entry with @id for a program, and tell it why there is none. */
int entry_get(struct fusion_arena *arena, enum entry_kind kind, uint32_t id,
	      void **ret);
/* Return the id of the entry @p of @kind, which is at the offset @id_at; 0: @p
 * is no entry of an arena that this process is in, or was destroyed. */
uint32_t entry_id(enum entry_kind kind, const void *p, size_t id_at);
/* Find the entry called @name for a program, and tell it why there is none. */
int entry_lookup(struct fusion_arena *arena, enum entry_kind kind,
		 const char *name, void **ret);

#endif
