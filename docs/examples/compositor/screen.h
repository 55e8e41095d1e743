/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The screen: windows in their order, the damage, and the composed picture
 *
 * The screen does not know where windows come from: a window has a key, which
 * is a pointer that the screen never follows.  screen_compose() draws what is
 * damaged.
 */
#ifndef COMPOSITOR_SCREEN_H
#define COMPOSITOR_SCREEN_H

#include "compose.h"

#define SCREEN_WINDOWS 1024

struct window {
	const void *key;
	struct layer layer;
	int32_t z;
	uint64_t sequence; /* number of its flip */
};

struct screen {
	struct canvas canvas;
	uint32_t background;
	struct damage damage;
	size_t n;
	struct window window[SCREEN_WINDOWS]; /* lowest first */
	struct layer layer[SCREEN_WINDOWS];   /* these windows, for compose() */
};

/* Make a screen without windows, all of it damaged.  Returns 0; -EINVAL: the
 * size is not valid; -ENOMEM. */
int screen_init(struct screen *screen, int32_t width, int32_t height,
		uint32_t background);
void screen_finish(struct screen *screen);

/* Add a window above all others of its z.  Returns 0; -ENOSPC; -EEXIST: the
 * screen has a window of that key. */
int screen_add(struct screen *screen, const struct window *window);
/* The window with a key, or NULL. */
struct window *screen_find(struct screen *screen, const void *key);
/* Remove the window with a key, if there is one. */
void screen_remove(struct screen *screen, const void *key);

/* Replace the window's pixels.  They differ in @area, which is in the window's
 * coordinates. */
void screen_flip(struct screen *screen, struct window *window, uint32_t *pixels,
		 struct area area);

static inline bool screen_is_damaged(const struct screen *screen)
{
	return screen->damage.n > 0;
}

/* Draw all that is damaged.  Returns how many pixels it drew. */
int64_t screen_compose(struct screen *screen);

#endif
