/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The screen: windows in their order, what is damaged, and the picture of all
 *
 * It knows nothing of where windows come from: a window is known by a pointer
 * that is never followed.  What is damaged is drawn at screen_compose().
 */
#ifndef COMPOSITOR_SCREEN_H
#define COMPOSITOR_SCREEN_H

#include "compose.h"

#define SCREEN_WINDOWS 1024

struct window {
	const void *key;
	struct layer layer;
	int32_t z;
	uint64_t sequence; /* of its picture; for who flips */
};

struct screen {
	struct canvas canvas;
	uint32_t background;
	struct damage damage;
	size_t n;
	struct window window[SCREEN_WINDOWS]; /* the lowest first */
	struct layer layer[SCREEN_WINDOWS];   /* the same, for compose() */
};

/* All of it is damaged.  0; -EINVAL; -ENOMEM. */
int screen_init(struct screen *screen, int32_t width, int32_t height,
		uint32_t background);
void screen_finish(struct screen *screen);

/* Above all of the same z.  0; -ENOSPC; -EEXIST the key is there. */
int screen_add(struct screen *screen, const struct window *window);
/* NULL: there is none. */
struct window *screen_find(struct screen *screen, const void *key);
/* Nothing to do if there is none. */
void screen_remove(struct screen *screen, const void *key);

/* The window's pixels are other ones now, and differ in @area, which is in the
 * window's coordinates. */
void screen_flip(struct screen *screen, struct window *window, uint32_t *pixels,
		 struct area area);

static inline bool screen_is_damaged(const struct screen *screen)
{
	return screen->damage.n > 0;
}

/* Draw what is damaged; then nothing is.  Returns how many pixels. */
int64_t screen_compose(struct screen *screen);

#endif
