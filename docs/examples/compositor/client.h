/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a client of the compositor does: open a window, draw in it, flip
 *
 *   client_open("desk", &client);
 *   window_open(&client, &wish, &window);
 *   do {
 *           window_begin(&window, &canvas);   (waits until it may be drawn in)
 *           ... draw all of it ...
 *           window_flip(&window, canvas_area(&canvas));
 *   } while (!client_sleep(1000000000));
 *   window_close(&window);
 *   client_close(&client);
 *
 * Pixels are drawn where the compositor reads them: nothing is copied.  When
 * the compositor dies and another takes its place, all of this goes on.  A
 * window ends with its process, however that ends.
 */
#ifndef COMPOSITOR_CLIENT_H
#define COMPOSITOR_CLIENT_H

#include "desk.h"

struct client {
	struct fusion_arena *arena;
	struct desk *desk;
	bool has_screen; /* this thread has purchased the property */
};

struct client_window {
	struct client *client;
	struct surface *surface;
	uint64_t sequence; /* of our last flip */
};

/* Enter the arena.  0, or what entering says; -EPROTO it is no compositor's. */
int client_open(const char *arena, struct client *client);
void client_close(struct client *client);

/* Sleep, or for ever if @ns < 0.  True: SIGTERM or SIGINT came, and the program
 * is to end; in all other places they kill it. */
bool client_sleep(int64_t ns);

/* Have a window; it is transparent until it is flipped.  With
 * SURFACE_FULL_SCREEN it fills the screen, above all, whatever is wished.  0;
 * -EINVAL no such size; -EBUSY somebody has the whole screen; -ENOSPC;
 * -ENOMEM; -ETIMEDOUT there has been no compositor for some seconds. */
int window_open(struct client *client, const struct wish *wish,
		struct client_window *ret);
void window_close(struct client_window *window);

/* The picture that is not shown: what is in it is older than what is seen.
 * Waits until the compositor no longer reads it, also if there is none for a
 * while. */
void window_begin(struct client_window *window, struct canvas *ret);
/* Show it; it differs from what is seen in @area. */
int window_flip(struct client_window *window, struct area area);

#endif
