/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the kinds of things (skirmish.c, property.c ...) share. */
#ifndef FUSION_ENTRIES_H
#define FUSION_ENTRIES_H

#include "libfusion/core/names/table.h"
#include "libfusion/heap/tls.h"

/* The calling thread's part of the arena where @p is a record of @kind; NULL
 * and *ret_error, -EINVAL if it is none. */
struct tcache *entry_cache(enum entry_kind kind, const void *p, int *ret_error);
/* The same for an entry that is there: whose @id, the copy beside its hot
 * words, is not 0.  -EIDRM: it was destroyed. */
struct tcache *entry_cache_live(enum entry_kind kind, const void *p,
				const uint32_t *id, int *ret_error);
/* End a call that creates a thing called @name, which has returned @r: tell the
 * daemon, or say why not. */
int entry_created(struct fusion_arena *arena, enum entry_kind kind,
		  const char *name, int r);
/* 0; -ENOENT; -EINVAL; -ENOMEM, -EMFILE.  entry_lookup() is for who asked by
 * that name, and tells why not. */
int entry_find(struct fusion_arena *arena, enum entry_kind kind,
	       const char *name, void **ret);
int entry_lookup(struct fusion_arena *arena, enum entry_kind kind,
		 const char *name, void **ret);

#endif
