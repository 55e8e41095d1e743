/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* text ARENA LINE...: show each argument as a line of text. */
#include "options.h"

#define MARGIN 6

struct lines {
	const struct options *options;
	struct font *font;
};

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

static int64_t draw(const struct canvas *canvas, void *arg)
{
	const struct lines *lines = arg;
	const struct options *options = lines->options;

	canvas_fill(canvas, canvas_area(canvas), options->paper);
	for (int i = 0; i < options->arguments; i++)
		font_draw(lines->font, canvas, MARGIN,
			  MARGIN + i * font_line_height(lines->font),
			  options->argument[i], options->colour);
	return -1;
}

int main(int argc, char **argv)
{
	struct options options = {
		.program = "text",
		.family = "DejaVu Sans",
		.line = 24,
		.colour = 0xffffffff,
	};
	struct lines lines = {.options = &options};
	int r;

	options_read(&options, argc, argv, 1, -1, "LINE...");
	r = options_font(&options, &lines.font);
	if (r)
		return r;
	fit(&options, lines.font);
	r = options_show(&options, draw, &lines);
	font_close(lines.font);
	return r;
}
