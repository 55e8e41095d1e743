/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "screen.h"

int screen_init(struct screen *screen, int32_t width, int32_t height,
		uint32_t background)
{
	int r;

	memset(screen, 0, sizeof(*screen));
	screen->background = background | 0xff000000u;
	r = canvas_make(&screen->canvas, width, height);
	if (r == 0)
		damage_add(&screen->damage, canvas_area(&screen->canvas));
	return r;
}

void screen_finish(struct screen *screen)
{
	free(screen->canvas.pixels);
	screen->canvas.pixels = NULL;
}

static void add_damage(struct screen *screen, struct area area)
{
	damage_add(&screen->damage,
		   area_clip(area, canvas_area(&screen->canvas)));
}

int screen_add(struct screen *screen, const struct window *window)
{
	size_t i = screen->n;

	if (screen_find(screen, window->key))
		return -EEXIST;
	if (i == SCREEN_WINDOWS)
		return -ENOSPC;
	for (; i > 0 && screen->window[i - 1].z > window->z; i--)
		screen->window[i] = screen->window[i - 1];
	screen->window[i] = *window;
	screen->n++;
	add_damage(screen, layer_area(&window->layer));
	return 0;
}

struct window *screen_find(struct screen *screen, const void *key)
{
	for (size_t i = 0; i < screen->n; i++)
		if (screen->window[i].key == key)
			return &screen->window[i];
	return NULL;
}

void screen_remove(struct screen *screen, const void *key)
{
	struct window *window = screen_find(screen, key);

	if (!window)
		return;
	add_damage(screen, layer_area(&window->layer));
	screen->n--;
	memmove(window, window + 1,
		(size_t)(screen->window + screen->n - window) *
			sizeof(*window));
}

void screen_flip(struct screen *screen, struct window *window, uint32_t *pixels,
		 struct area area)
{
	struct layer *layer = &window->layer;

	layer->canvas.pixels = pixels;
	area = area_clip(area, canvas_area(&layer->canvas));
	if (area_is_empty(area))
		return;
	area.x += layer->x;
	area.y += layer->y;
	add_damage(screen, area);
}

int64_t screen_compose(struct screen *screen)
{
	int64_t drawn;

	for (size_t i = 0; i < screen->n; i++)
		screen->layer[i] = screen->window[i].layer;
	drawn = compose(&screen->canvas, screen->background, screen->layer,
			screen->n, &screen->damage);
	screen->damage.n = 0;
	return drawn;
}
