/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "damage.h"

/* How many pixels more the smallest area around both has. */
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

/* Is the smallest area around both at most a fourth larger than the two? */
static bool is_cheap(struct area a, struct area b)
{
	return cost_of(a, b) * 4 <= area_size(a) + area_size(b);
}

void damage_add(struct damage *damage, struct area area)
{
	size_t i;

	if (area_is_empty(area))
		return;
	/* The merged area may now be near others. */
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
