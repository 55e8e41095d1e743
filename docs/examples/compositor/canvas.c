/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"

int canvas_make(struct canvas *canvas, int32_t width, int32_t height)
{
	uint32_t *pixels;

	if (width < 1 || height < 1 || width > CANVAS_SIDE_MAX ||
	    height > CANVAS_SIDE_MAX)
		return -EINVAL;
	pixels = calloc((size_t)width * (size_t)height, sizeof(*pixels));
	if (!pixels)
		return -ENOMEM;
	*canvas = (struct canvas){
		.pixels = pixels,
		.width = width,
		.height = height,
		.stride = width,
	};
	return 0;
}

/* Scale two channels at once, in bits 0 to 7 and 16 to 23, and round. */
static uint32_t scale(uint32_t two, uint32_t by)
{
	two = two * by + 0x00800080u;
	return ((two + ((two >> 8) & 0x00ff00ffu)) >> 8) & 0x00ff00ffu;
}

uint32_t pixel_fade(uint32_t pixel, uint32_t alpha)
{
	return scale(pixel & 0x00ff00ffu, alpha) |
	       scale((pixel >> 8) & 0x00ff00ffu, alpha) << 8;
}

uint32_t pixel_over(uint32_t above, uint32_t below)
{
	return above + pixel_fade(below, 255 - (above >> 24));
}

uint32_t pixel_of(uint32_t alpha, uint32_t red, uint32_t green, uint32_t blue)
{
	uint32_t pixel = 0xff000000u | (red & 255) << 16 | (green & 255) << 8 |
			 (blue & 255);

	return pixel_fade(pixel, alpha & 255);
}

void canvas_fill(const struct canvas *canvas, struct area area, uint32_t pixel)
{
	uint32_t *to;

	area = area_clip(area, canvas_area(canvas));
	for (int32_t y = 0; y < area.height; y++) {
		to = canvas_at(canvas, area.x, area.y + y);
		for (int32_t x = 0; x < area.width; x++)
			to[x] = pixel;
	}
}

/* The part of @area that lies in both canvases. */
static struct area in_both(const struct canvas *canvas,
			   const struct canvas *above, int32_t x, int32_t y,
			   struct area area)
{
	struct area there = {x, y, above->width, above->height};

	return area_clip(area_clip(area, there), canvas_area(canvas));
}

void canvas_copy(const struct canvas *canvas, const struct canvas *above,
		 int32_t x, int32_t y, struct area area)
{
	area = in_both(canvas, above, x, y, area);
	for (int32_t row = area.y; row < area.y + area.height; row++)
		memcpy(canvas_at(canvas, area.x, row),
		       canvas_at(above, area.x - x, row - y),
		       (size_t)area.width * sizeof(uint32_t));
}

void canvas_blend(const struct canvas *canvas, const struct canvas *above,
		  int32_t x, int32_t y, struct area area)
{
	const uint32_t *from;
	uint32_t *to;

	area = in_both(canvas, above, x, y, area);
	for (int32_t row = area.y; row < area.y + area.height; row++) {
		to = canvas_at(canvas, area.x, row);
		from = canvas_at(above, area.x - x, row - y);
		for (int32_t i = 0; i < area.width; i++)
			to[i] = pixel_over(from[i], to[i]);
	}
}
