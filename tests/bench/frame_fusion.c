/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames in the shared heap: server and client of docs/examples/compositor, in
 * the arena that $BENCH_ARENA names. */
#include "docs/examples/compositor/client.h"
#include "docs/examples/compositor/server.h"
#include "frame_load.h"

static struct client client;
static struct client_window windows[FRAME_WINDOWS];
static uint64_t shown;

static const char *arena(void)
{
	const char *name = getenv("BENCH_ARENA");

	return name ? name : "bench-frame";
}

static void frame_serve(unsigned i)
{
	static const volatile sig_atomic_t stop;
	const struct server_options options = {
		.width = SCREEN_WIDTH,
		.height = SCREEN_HEIGHT,
	};

	(void)i;
	peers_ready();
	server_run(arena(), &options, &stop);
}

/* The server is on its way. */
static int enter(void)
{
	int r = client_open(arena(), &client);

	while ((r == -ENOENT || r == -EAGAIN || r == -ETIMEDOUT) &&
	       !peers_died()) {
		client_sleep(1000000);
		r = client_open(arena(), &client);
	}
	return r;
}

static int frame_enter(void)
{
	int r = enter();

	for (unsigned i = 0; i < FRAME_WINDOWS && r >= 0; i++) {
		const struct wish wish = {
			.x = frame_area[i].x,
			.y = frame_area[i].y,
			.z = -(int32_t)i,
			.width = frame_area[i].width,
			.height = frame_area[i].height,
			.flags = SURFACE_OPAQUE,
		};

		r = window_open(&client, &wish, &windows[i]);
	}
	return r;
}

static int frame_canvas(unsigned window, struct canvas *ret)
{
	window_begin(&windows[window], ret);
	return 0;
}

static int frame_show(unsigned window)
{
	struct canvas canvas;
	int r = window_flip(&windows[window],
			    (struct area){0, 0, frame_area[window].width,
					  frame_area[window].height});

	if (r == 0)
		window_begin(&windows[window], &canvas);
	shown++;
	return r;
}

/* What is dispatched, and the words that say that it is seen. */
static uint64_t frame_bytes(void)
{
	struct fusion_reactor_stat stat;

	if (fusion_reactor_stat(client.desk->flips, &stat, sizeof(stat)) < 0)
		return 0;
	return stat.bytes + shown * sizeof(uint64_t);
}

int main(void)
{
	return frame_main();
}
