/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text ARENA LINE...: lines of text, each in a line of its own. */
#include "options.h"

#define MARGIN 6

static void fit(struct options *options, struct font *font)
{
	struct wish *wish = &options->wish;
	int32_t width;

	if (wish->width)
		return;
	wish->width = 1;
	for (int i = 0; i < options->arguments; i++) {
		width = font_width(font, options->argument[i]);
		wish->width = width > wish->width ? width : wish->width;
	}
	wish->width += 2 * MARGIN;
	wish->height = options->arguments * font_line_height(font) + 2 * MARGIN;
}

static void draw(const struct canvas *canvas, const struct options *options,
		 struct font *font)
{
	canvas_fill(canvas, canvas_area(canvas), options->paper);
	for (int i = 0; i < options->arguments; i++)
		font_draw(font, canvas, MARGIN,
			  MARGIN + i * font_line_height(font),
			  options->argument[i], options->colour);
}

static int show(struct options *options, struct font *font)
{
	struct client_window window;
	struct client client;
	struct canvas canvas;
	int r;

	fit(options, font);
	r = options_open(options, &client, &window);
	if (r)
		return r;
	if (window_begin(&window, &canvas) == 0) {
		draw(&canvas, options, font);
		window_flip(&window, canvas_area(&canvas));
		client_sleep(-1);
	}
	window_close(&window);
	client_close(&client);
	return 0;
}

int main(int argc, char **argv)
{
	struct options options = {
		.program = "text",
		.family = "DejaVu Sans",
		.line = 24,
		.colour = 0xffffffff,
	};
	struct font *font;
	int r;

	options_read(&options, argc, argv, 1, -1, "LINE...");
	r = options_font(&options, &font);
	if (r)
		return r;
	r = show(&options, font);
	font_close(font);
	return r;
}
