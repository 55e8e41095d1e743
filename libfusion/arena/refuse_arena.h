/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Refusals that name an arena: see refuse.h. */
#ifndef FUSION_REFUSE_ARENA_H
#define FUSION_REFUSE_ARENA_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/base/refuse.h"

/* Refuse what cannot be done by the name of a thing (@what: "skirmish"): the
 * name cannot be used, nothing has it, or the thing cannot be made. */
int refuse_thing(const struct fusion_arena *arena, int r, const char *what,
		 const char *name) __attribute__((cold));
/* Refuse @size bytes that the arena's heap has not. */
int refuse_memory(const struct fusion_arena *arena, int r, uint64_t size)
	__attribute__((cold));
/* Refuse @arena, which is not, or not any more, the handle of an arena that
 * this process is in: -EINVAL; -ECHILD the handle is of the parent.  Reads
 * nothing there. */
int refuse_dead(const struct fusion_arena *arena) __attribute__((cold));

#endif
