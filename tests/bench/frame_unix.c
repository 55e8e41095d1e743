/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames through a unix socket: the client has pixels of its own and sends
 * them, the server receives them into others. */
#include <sys/socket.h>

#include "frame_load.h"

static int fd[2];
static struct canvas mine[FRAME_WINDOWS]; /* the client's, or the server's */
static uint64_t bytes;

static int make_canvases(void)
{
	int r = 0;

	for (unsigned i = 0; i < FRAME_WINDOWS && r >= 0; i++)
		r = canvas_make(&mine[i], frame_area[i].width,
				frame_area[i].height);
	return r;
}

static int send_all(int to, const void *data, size_t size)
{
	ssize_t n;

	for (; size > 0; size -= (size_t)n) {
		n = send(to, data, size, MSG_NOSIGNAL);
		if (n < 0)
			return -errno;
		data = (const char *)data + n;
	}
	return 0;
}

static int receive_all(int from, void *data, size_t size)
{
	ssize_t n;

	for (; size > 0; size -= (size_t)n) {
		n = recv(from, data, size, MSG_WAITALL);
		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		data = (char *)data + n;
	}
	return 0;
}

static size_t size_of(unsigned window)
{
	return sizeof(uint32_t) * (size_t)mine[window].width *
	       (size_t)mine[window].height;
}

static void add_windows(struct screen *screen)
{
	for (unsigned i = 0; i < FRAME_WINDOWS; i++) {
		const struct window window = {
			.key = &mine[i],
			.z = -(int32_t)i,
			.layer = {.canvas = mine[i],
				  .x = frame_area[i].x,
				  .y = frame_area[i].y,
				  .opaque = true},
		};

		screen_add(screen, &window);
	}
}

static int serve_frame(struct screen *screen)
{
	uint32_t i;
	int r = receive_all(fd[1], &i, sizeof(i));

	if (r == 0)
		r = receive_all(fd[1], mine[i].pixels, size_of(i));
	if (r < 0)
		return r;
	screen_flip(screen, screen_find(screen, &mine[i]), mine[i].pixels,
		    canvas_area(&mine[i]));
	screen_compose(screen);
	return send_all(fd[1], &i, sizeof(i));
}

static void frame_serve(unsigned i)
{
	static struct screen screen;

	(void)i;
	close(fd[0]);
	if (make_canvases() < 0 ||
	    screen_init(&screen, SCREEN_WIDTH, SCREEN_HEIGHT, 0) < 0)
		_exit(1);
	add_windows(&screen);
	peers_ready();
	while (serve_frame(&screen) == 0)
		;
}

static int frame_enter(void)
{
	close(fd[1]);
	return make_canvases();
}

static int frame_canvas(unsigned window, struct canvas *ret)
{
	*ret = mine[window];
	return 0;
}

static int frame_show(unsigned window)
{
	uint32_t i = window;
	int r = send_all(fd[0], &i, sizeof(i));

	if (r == 0)
		r = send_all(fd[0], mine[window].pixels, size_of(window));
	if (r == 0)
		r = receive_all(fd[0], &i, sizeof(i));
	bytes += 2 * sizeof(i) + size_of(window);
	return r;
}

static uint64_t frame_bytes(void)
{
	return bytes;
}

int main(void)
{
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd))
		worker_fail("socketpair", errno);
	return frame_main();
}
