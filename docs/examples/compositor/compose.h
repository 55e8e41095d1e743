/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Composing: windows laid over each other, where the screen is damaged. */
#ifndef COMPOSITOR_COMPOSE_H
#define COMPOSITOR_COMPOSE_H

#include <stddef.h>

#include "canvas.h"
#include "damage.h"

/* A window as composing sees it. */
struct layer {
	struct canvas canvas;
	int32_t x, y;
	bool opaque; /* its alpha does not count */
};

static inline struct area layer_area(const struct layer *layer)
{
	return (struct area){layer->x, layer->y, layer->canvas.width,
			     layer->canvas.height};
}

/* Draw what is damaged: the layers, the lowest first, over @background, which
 * is opaque.  Returns how many pixels were drawn. */
int64_t compose(const struct canvas *screen, uint32_t background,
		const struct layer *layers, size_t n,
		const struct damage *damage);

#endif
