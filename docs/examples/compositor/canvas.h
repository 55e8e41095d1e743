/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Canvases: pixels to draw on, wherever they lie
 *
 * A pixel is 0xAARRGGBB with red, green and blue multiplied by alpha already,
 * so that laying one over another takes one product a channel, and pixels that
 * were laid over each other may be laid over others.
 *
 * All that draws is clipped to the canvas.
 */
#ifndef COMPOSITOR_CANVAS_H
#define COMPOSITOR_CANVAS_H

#include "area.h"

#define CANVAS_SIDE_MAX 8192

struct canvas {
	uint32_t *pixels;
	int32_t width, height;
	int32_t stride; /* pixels from one line to the next */
};

static inline struct area canvas_area(const struct canvas *canvas)
{
	return (struct area){0, 0, canvas->width, canvas->height};
}

static inline uint32_t *canvas_at(const struct canvas *canvas, int32_t x,
				  int32_t y)
{
	return canvas->pixels + (int64_t)y * canvas->stride + x;
}

/* Private memory for one, all pixels 0.  0; -ENOMEM; -EINVAL no such size.
 * Free its pixels. */
int canvas_make(struct canvas *canvas, int32_t width, int32_t height);

/* The same colour with @alpha of 255 of it. */
uint32_t pixel_fade(uint32_t pixel, uint32_t alpha);
/* What is seen with @above over @below. */
uint32_t pixel_over(uint32_t above, uint32_t below);
/* From red, green and blue that are not multiplied yet. */
uint32_t pixel_of(uint32_t alpha, uint32_t red, uint32_t green, uint32_t blue);

void canvas_fill(const struct canvas *canvas, struct area area, uint32_t pixel);
/* Lay @area of @above, which lies at @x, @y of the canvas, over it.  @area is
 * in the canvas' coordinates. */
void canvas_copy(const struct canvas *canvas, const struct canvas *above,
		 int32_t x, int32_t y, struct area area);
void canvas_blend(const struct canvas *canvas, const struct canvas *above,
		  int32_t x, int32_t y, struct area area);

#endif
