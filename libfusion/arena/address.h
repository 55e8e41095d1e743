/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finding an arena by an address, and knowing which handles are good. */
#ifndef FUSION_ADDRESS_H
#define FUSION_ADDRESS_H

#include "libfusion/arena/arena_private.h"

/* Find the handle in whose range @p is; NULL.  No lock; any thread. */
struct fusion_arena *arena_of(const void *p);

/* Is @arena the handle of an arena that this process is in?  @arena may be any
 * pointer: nothing is read there. */
bool arena_is_in(const struct fusion_arena *arena);

/* Make a mapped arena known to arena_of().  -EFAULT: the arena does not begin a
 * slot (WINDOW_SLOT) of the user's address space. */
int address_add(struct fusion_arena *arena);
/* Make it unknown, if it was known. */
void address_remove(const struct fusion_arena *arena);
/* Make the lock anew, in the child of a fork. */
void address_after_fork_child(void);

#endif
