/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Composing: draw windows over each other where the screen is damaged. */
#ifndef COMPOSITOR_COMPOSE_H
#define COMPOSITOR_COMPOSE_H

#include <stddef.h>

#include "canvas.h"
#include "damage.h"

/* A window as composing sees it. */
struct layer {
	struct canvas canvas;
	int32_t x, y;
	bool opaque; /* draw it as if its alpha were 255 */
};

static inline struct area layer_area(const struct layer *layer)
{
	return (struct area){layer->x, layer->y, layer->canvas.width,
			     layer->canvas.height};
}

/* Draw the damaged areas: the layers, lowest first, over @background, which is
 * opaque.  Returns how many pixels it drew. */
int64_t compose(const struct canvas *screen, uint32_t background,
		const struct layer *layers, size_t n,
		const struct damage *damage);

#endif
