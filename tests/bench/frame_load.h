/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of a compositor and a client, compiled for each way that pixels go
 *
 * The client draws a whole window, the server lays it on its screen, and the
 * client goes on when it is seen.  Both draw with the same code, that of
 * docs/examples/compositor.  The includer says how they talk:
 *
 *   frame_serve(i)       in the server: peers_ready(), then frames, for ever
 *   frame_enter()        in the client, when the server is ready
 *   frame_canvas(w, c)   where to draw window w
 *   frame_show(w)        have it seen, and wait for that
 *   frame_bytes()        bytes that client and server have copied to each
 *                        other so far, both ways
 *
 * Rows: small, large: ns per frame; bytes: of the last one, per frame; cpu.
 */
#ifndef BENCH_FRAME_LOAD_H
#define BENCH_FRAME_LOAD_H

#include "docs/examples/compositor/screen.h"
#include "peers.h"

#define SCREEN_WIDTH 1280
#define SCREEN_HEIGHT 720
#define FRAME_WINDOWS 2

/* The small one lies on the large one. */
static const struct area frame_area[FRAME_WINDOWS] = {
	{16, 16, 320, 200},
	{0, 0, SCREEN_WIDTH, SCREEN_HEIGHT},
};

static double frame_bytes_each;

static void frame_serve(unsigned i);
static int frame_enter(void);
static int frame_canvas(unsigned window, struct canvas *ret);
static int frame_show(unsigned window);
static uint64_t frame_bytes(void);

static inline int frame_draw(unsigned window, uint64_t number)
{
	int32_t step = (int32_t)(number % 100);
	struct canvas canvas;
	int r = frame_canvas(window, &canvas);

	if (r < 0)
		return r;
	canvas_fill(&canvas, canvas_area(&canvas), 0xff203040);
	canvas_fill(&canvas, (struct area){step, step, 60, 40}, 0xffe0c020);
	return frame_show(window);
}

static inline int frame_run(unsigned window, uint64_t n, double *ret_ns)
{
	uint64_t bytes = frame_bytes();
	double start;
	int r = 0;

	peers_begin();
	start = wall_ns();
	for (uint64_t i = 0; i < n && r >= 0; i++)
		r = peers_died() ? -ECHILD : frame_draw(window, i);
	*ret_ns = (wall_ns() - start) / (double)n;
	peers_stop(n);
	frame_bytes_each = (double)(frame_bytes() - bytes) / (double)n;
	return r < 0 ? r : 0;
}

static int run_small(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return frame_run(0, n, ret_ns);
}

static int run_large(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return frame_run(1, n, ret_ns);
}

static int run_bytes(uint64_t n, const char *arg, double *ret_ns)
{
	(void)n;
	(void)arg;
	*ret_ns = frame_bytes_each;
	return 0;
}

static inline int frame_main(void)
{
	static const struct worker_row rows[] = {
		{"small", run_small}, {"large", run_large},
		{"bytes", run_bytes}, {"cpu", run_cpu},
		{NULL, NULL},
	};

	return peers_work(1, frame_serve, frame_enter, rows);
}

#endif
