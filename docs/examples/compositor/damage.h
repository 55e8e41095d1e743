/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Damage: the areas of the screen that are out of date
 *
 * Invariant: the areas together contain each area that was added.  Two areas
 * are merged if that costs few pixels, and the nearest two if there are too
 * many.  So damage may contain more than was added, never less.
 */
#ifndef COMPOSITOR_DAMAGE_H
#define COMPOSITOR_DAMAGE_H

#include <stddef.h>

#include "area.h"

#define DAMAGE_AREAS 16

struct damage {
	struct area area[DAMAGE_AREAS];
	size_t n;
};

void damage_add(struct damage *damage, struct area area);

#endif
