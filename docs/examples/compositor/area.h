/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Areas: rectangles of pixels.  One of no width or height is empty, wherever it
 * is. */
#ifndef COMPOSITOR_AREA_H
#define COMPOSITOR_AREA_H

#include <stdbool.h>
#include <stdint.h>

struct area {
	int32_t x, y, width, height;
};

static inline bool area_is_empty(struct area a)
{
	return a.width <= 0 || a.height <= 0;
}

static inline int64_t area_size(struct area a)
{
	return area_is_empty(a) ? 0 : (int64_t)a.width * a.height;
}

/* What is in both. */
struct area area_clip(struct area a, struct area b);
/* The smallest one around both; an empty one adds nothing. */
struct area area_union(struct area a, struct area b);
/* Is all of @b in @a? */
bool area_contains(struct area a, struct area b);

#endif
