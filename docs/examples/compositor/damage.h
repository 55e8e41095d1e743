/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Damage: what of the screen is out of date
 *
 * A few areas that together have at least what was added.  Two become one where
 * that costs little, and the nearest do when there are too many: it may grow
 * beyond what was added, never be less.
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
