/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "compose.h"

/* The topmost layer that hides all layers below it in @area, or @n. */
static size_t lowest_seen(const struct layer *layers, size_t n,
			  struct area area)
{
	for (size_t i = n; i-- > 0;)
		if (layers[i].opaque &&
		    area_contains(layer_area(&layers[i]), area))
			return i;
	return n;
}

static int64_t lay(const struct canvas *screen, const struct layer *layer,
		   struct area area)
{
	if (layer->opaque)
		canvas_copy(screen, &layer->canvas, layer->x, layer->y, area);
	else
		canvas_blend(screen, &layer->canvas, layer->x, layer->y, area);
	return area_size(area_clip(area, layer_area(layer)));
}

static int64_t compose_area(const struct canvas *screen, uint32_t background,
			    const struct layer *layers, size_t n,
			    struct area area)
{
	size_t i = lowest_seen(layers, n, area);
	int64_t drawn = 0;

	if (i == n) {
		canvas_fill(screen, area, background);
		drawn = area_size(area);
		i = 0;
	}
	for (; i < n; i++)
		drawn += lay(screen, &layers[i], area);
	return drawn;
}

int64_t compose(const struct canvas *screen, uint32_t background,
		const struct layer *layers, size_t n,
		const struct damage *damage)
{
	int64_t drawn = 0;

	for (size_t i = 0; i < damage->n; i++)
		drawn += compose_area(
			screen, background, layers, n,
			area_clip(damage->area[i], canvas_area(screen)));
	return drawn;
}
