/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tile ARENA: show a window of one colour with a frame: the smallest client. */
#include "options.h"

static void draw(const struct canvas *canvas, const struct options *options)
{
	struct area inside = {4, 4, canvas->width - 8, canvas->height - 8};

	canvas_fill(canvas, canvas_area(canvas), options->paper);
	canvas_fill(canvas, inside, options->colour);
}

int main(int argc, char **argv)
{
	struct options options = {
		.program = "tile",
		.wish = {.width = 64, .height = 48},
		.colour = 0xff3070b0,
		.paper = 0xffffffff,
	};
	struct client_window window;
	struct client client;
	struct canvas canvas;
	int r;

	options_read(&options, argc, argv, 0, 0, "");
	r = options_open(&options, &client, &window);
	if (r)
		return r;
	window_begin(&window, &canvas);
	draw(&canvas, &options);
	window_flip(&window, canvas_area(&canvas));
	client_sleep(-1);
	window_close(&window);
	client_close(&client);
	return 0;
}
