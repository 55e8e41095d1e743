/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Areas: rectangles of pixels.  An area without width or height is empty,
 * wherever it is. */
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

/* The area that lies in both. */
struct area area_clip(struct area a, struct area b);
/* The smallest area around both; an empty area adds nothing. */
struct area area_union(struct area a, struct area b);
/* Does @a contain all of @b? */
bool area_contains(struct area a, struct area b);

#endif
