/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "area.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Computed in 64 bits, since an edge may be beyond the largest position. */
static struct area between(int64_t left, int64_t top, int64_t right,
			   int64_t bottom)
{
	return (struct area){
		.x = (int32_t)left,
		.y = (int32_t)top,
		.width = (int32_t)least(most(right - left, 0), INT32_MAX),
		.height = (int32_t)least(most(bottom - top, 0), INT32_MAX),
	};
}

struct area area_clip(struct area a, struct area b)
{
	if (area_is_empty(a) || area_is_empty(b))
		return (struct area){0};
	return between(most(a.x, b.x), most(a.y, b.y),
		       least((int64_t)a.x + a.width, (int64_t)b.x + b.width),
		       least((int64_t)a.y + a.height, (int64_t)b.y + b.height));
}

struct area area_union(struct area a, struct area b)
{
	if (area_is_empty(a))
		return b;
	if (area_is_empty(b))
		return a;
	return between(least(a.x, b.x), least(a.y, b.y),
		       most((int64_t)a.x + a.width, (int64_t)b.x + b.width),
		       most((int64_t)a.y + a.height, (int64_t)b.y + b.height));
}

bool area_contains(struct area a, struct area b)
{
	return area_is_empty(b) ||
	       (a.x <= b.x && a.y <= b.y &&
		(int64_t)a.x + a.width >= (int64_t)b.x + b.width &&
		(int64_t)a.y + a.height >= (int64_t)b.y + b.height);
}
