/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "damage.h"

/* Pixels that one area around both has more than the two. */
static int64_t cost_of(struct area a, struct area b)
{
	return area_size(area_union(a, b)) - area_size(a) - area_size(b) +
	       area_size(area_clip(a, b));
}

static size_t nearest(const struct damage *damage, struct area area)
{
	size_t best = 0;

	for (size_t i = 1; i < damage->n; i++)
		if (cost_of(damage->area[i], area) <
		    cost_of(damage->area[best], area))
			best = i;
	return best;
}

/* Worth it: the one around both is no more than a fourth larger than they. */
static bool is_cheap(struct area a, struct area b)
{
	return cost_of(a, b) * 4 <= area_size(a) + area_size(b);
}

void damage_add(struct damage *damage, struct area area)
{
	size_t i;

	if (area_is_empty(area))
		return;
	/* What is merged may now be near to others. */
	while (damage->n > 0) {
		i = nearest(damage, area);
		if (damage->n < DAMAGE_AREAS &&
		    !is_cheap(damage->area[i], area))
			break;
		area = area_union(damage->area[i], area);
		damage->area[i] = damage->area[--damage->n];
	}
	damage->area[damage->n++] = area;
}
