/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where free runs of spans are: bounds, and the search. */
#ifndef FUSION_CORE_SPAN_FIND_H
#define FUSION_CORE_SPAN_FIND_H

#include "libfusion/core/heap/span.h"

/* Raise the bounds of the groups that [first, first + n) touches, as the spans
 * may be part of a free run now. */
void span_bounds_raise(struct view *v, uint32_t first, uint32_t n);
/* Find a free run of @n spans at a multiple of @align: its first span, 0 none.
 * Under span_lock. */
uint32_t span_find(struct view *v, uint32_t n, uint32_t align);
/* Measure the free run that begins at @i and ends before @hi, at most @want. */
uint32_t span_free_run(const struct view *v, uint32_t i, uint32_t hi,
		       uint32_t want);
/* Say whether the bounds hide the free run [first, first + n) from a search. */
bool span_bounds_hide(const struct view *v, uint32_t first, uint32_t n);

#endif
