/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which row of which reference is this member's
 *
 * A private array, indexed by the reference, has the row's index + 1.  What it
 * says is checked against the row at each use, so it is never cleaned up.
 */
#ifndef FUSION_REF_ROWS_H
#define FUSION_REF_ROWS_H

#include "libfusion/arena/arena_private.h"

/* Return the arena's array, made when there is none; NULL: no memory. */
uint32_t *ref_rows_of(struct fusion_arena *arena);
/* Free the array. */
void ref_rows_free(struct fusion_arena *arena);

#endif
