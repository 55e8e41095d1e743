/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Clients of the compositor: open a window, draw in it, flip
 *
 *   client_open("desk", &client);
 *   window_open(&client, &wish, &window);
 *   do {
 *           window_begin(&window, &canvas);   (waits until it may draw)
 *           ... draw all of it ...
 *           window_flip(&window, canvas_area(&canvas));
 *   } while (!client_sleep(1000000000));
 *   window_close(&window);
 *   client_close(&client);
 *
 * A client draws pixels where the compositor reads them: nothing is copied.
 * When the compositor dies and another takes its place, the client goes on.  A
 * window ends with its process, however the process ends.
 */
#ifndef COMPOSITOR_CLIENT_H
#define COMPOSITOR_CLIENT_H

#include "desk.h"

struct client {
	struct fusion_arena *arena;
	struct desk *desk;
	bool has_screen; /* this thread has purchased the property `screen` */
};

struct client_window {
	struct client *client;
	struct surface *surface;
	uint64_t sequence; /* number of our last flip */
};

/* Enter the arena.  Returns 0; -EPROTO: the arena has no desk; or another error
 * of fusion_arena_enter(). */
int client_open(const char *arena, struct client *client);
void client_close(struct client *client);

/* Sleep for @ns nanoseconds, or for ever if @ns < 0.  Returns true if SIGTERM
 * or SIGINT came, so that the program ends.  In all other functions these
 * signals kill it. */
bool client_sleep(int64_t ns);

/*
 * Open a window, which is transparent until it is flipped.  With
 * SURFACE_FULL_SCREEN it fills the screen above all windows, whatever else
 * @wish says.  Returns
 *   0           opened
 *   -EINVAL     the size is not valid
 *   -EBUSY      another client has the whole screen
 *   -ENOSPC     the screen has as many windows as it can
 *   -ENOMEM     memory is used up
 *   -ETIMEDOUT  there was no compositor for some seconds
 */
int window_open(struct client *client, const struct wish *wish,
		struct client_window *ret);
void window_close(struct client_window *window);

/* Get the picture that is not shown; it contains the flip before the last one.
 * Waits until the compositor no longer reads it.  If the compositor is gone,
 * waits for another one. */
void window_begin(struct client_window *window, struct canvas *ret);
/* Show the picture, which differs from what is seen in @area only. */
int window_flip(struct client_window *window, struct area area);

#endif
