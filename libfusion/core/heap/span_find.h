/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where free runs of spans are: bounds, and the search. */
#ifndef FUSION_CORE_SPAN_FIND_H
#define FUSION_CORE_SPAN_FIND_H

#include "libfusion/core/heap/span.h"

/* A free run of @n spans may touch these now: raise their bounds. */
void span_bounds_raise(struct view *v, uint32_t first, uint32_t n);
/* First of a free run of @n at a multiple of @align, 0 none.  span_lock. */
uint32_t span_find(struct view *v, uint32_t n, uint32_t align);
/* Length of the free run that begins at @i, at most @want. */
uint32_t span_free_run(const struct view *v, uint32_t i, uint32_t hi,
		       uint32_t want);
/* Is there a bound that forbids to find the free run [first, first + n)? */
bool span_bounds_hide(const struct view *v, uint32_t first, uint32_t n);

#endif
