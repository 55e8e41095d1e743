/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Canvases: pixels to draw on, in private or shared memory
 *
 * A pixel is 0xAARRGGBB with premultiplied alpha: red, green and blue have been
 * multiplied by it.  So drawing a pixel over another takes one product for each
 * channel, and the result can be drawn over others.  The rule is the operator
 * "over" of Porter and Duff.
 *
 * All functions clip what they draw to the canvas.
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

/* Allocate a canvas in private memory, all pixels 0; the caller frees its
 * pixels.  Returns 0; -ENOMEM; -EINVAL: the size is not valid. */
int canvas_make(struct canvas *canvas, int32_t width, int32_t height);

/* The colour, @alpha / 255 as strong. */
uint32_t pixel_fade(uint32_t pixel, uint32_t alpha);
/* The colour that is seen if @above lies over @below. */
uint32_t pixel_over(uint32_t above, uint32_t below);
/* Make a pixel; multiplies red, green and blue by @alpha. */
uint32_t pixel_of(uint32_t alpha, uint32_t red, uint32_t green, uint32_t blue);

void canvas_fill(const struct canvas *canvas, struct area area, uint32_t pixel);
/* Draw @above, which lies at @x, @y of the canvas, over the canvas in @area.
 * @area is in the canvas' coordinates. */
void canvas_copy(const struct canvas *canvas, const struct canvas *above,
		 int32_t x, int32_t y, struct area area);
void canvas_blend(const struct canvas *canvas, const struct canvas *above,
		  int32_t x, int32_t y, struct area area);

#endif
