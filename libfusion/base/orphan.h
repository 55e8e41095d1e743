/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles that a fork has left behind
 *
 * A program may use a handle of its parent in the child of a fork, where the
 * handle is dead.  The ranges and the handles of the parent's arenas are known
 * here, so that the error says what is wrong.  Only errors ask for them.
 */
#ifndef FUSION_ORPHAN_H
#define FUSION_ORPHAN_H

#include <stdbool.h>
#include <stdint.h>

/* Part of the handle of an arena. */
struct orphan {
	const void *handle;
	uintptr_t base;
	uint64_t span;
	struct orphan *next;
};

/* The fork has left @o behind, in the child. */
void orphan_add(struct orphan *o);
/* An arena lies at @base now: what points into it is no orphan any more. */
void orphan_adopt(uintptr_t base, uint64_t span);
/* Is @p the handle of an arena of the parent, or a pointer into one?  Nothing
 * is read there. */
bool orphan_is(const void *p);
/* Make the lock anew, in the child of a fork. */
void orphan_after_fork(void);

#endif
