/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* clock ARENA: show a clock with hands, and the time in figures below. */
#include <math.h>
#include <time.h>

#include "options.h"

#define CLEAR 0x00000000u

/* Draw a hand as discs along a line from the middle; @turn is its angle,
 * clockwise from the top, in full turns. */
static void draw_hand(const struct canvas *canvas, int32_t middle, double turn,
		      double from, double to, double radius, uint32_t pixel)
{
	double x = sin(turn * 2 * M_PI), y = -cos(turn * 2 * M_PI);
	int32_t r = (int32_t)ceil(radius);

	for (double at = from; at <= to; at += 0.5) {
		int32_t cx = middle + (int32_t)lround(x * at);
		int32_t cy = middle + (int32_t)lround(y * at);

		for (int32_t dy = -r; dy <= r; dy++)
			for (int32_t dx = -r; dx <= r; dx++)
				if (dx * dx + dy * dy <= radius * radius)
					canvas_fill(canvas,
						    (struct area){cx + dx,
								  cy + dy, 1,
								  1},
						    pixel);
	}
}

static void draw_disc(const struct canvas *canvas, int32_t middle,
		      uint32_t pixel)
{
	int32_t r = middle - 1;

	for (int32_t dy = -r; dy <= r; dy++) {
		int32_t half = (int32_t)sqrt((double)r * r - (double)dy * dy);

		canvas_fill(canvas,
			    (struct area){middle - half, middle + dy,
					  2 * half + 1, 1},
			    pixel);
	}
}

static void draw_face(const struct canvas *canvas,
		      const struct options *options, const struct tm *now)
{
	int32_t middle = canvas->width / 2;
	double r = middle - 1, second = now->tm_sec / 60.0;
	double minute = (now->tm_min + second) / 60;
	double hour = (now->tm_hour % 12 + minute) / 12;

	draw_disc(canvas, middle, options->paper);
	for (int i = 0; i < 12; i++)
		draw_hand(canvas, middle, i / 12.0, r * 0.85, r * 0.93, r / 40,
			  options->colour);
	draw_hand(canvas, middle, hour, 0, r * 0.5, r / 16, options->colour);
	draw_hand(canvas, middle, minute, 0, r * 0.75, r / 24, options->colour);
	draw_hand(canvas, middle, second, 0, r * 0.85, r / 60, 0xffff5030);
}

struct clock {
	const struct options *options;
	struct font *font;
};

static int64_t to_the_next_second(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return 1000000000 - now.tv_nsec;
}

static int64_t draw(const struct canvas *canvas, void *arg)
{
	const struct clock *clock = arg;
	struct font *font = clock->font;
	time_t seconds = time(NULL);
	struct tm now;
	char text[16];

	localtime_r(&seconds, &now);
	strftime(text, sizeof(text), "%H:%M:%S", &now);
	canvas_fill(canvas, canvas_area(canvas), CLEAR);
	draw_face(canvas, clock->options, &now);
	font_draw(font, canvas, (canvas->width - font_width(font, text)) / 2,
		  canvas->height - font_line_height(font), text, 0xffffffff);
	return to_the_next_second();
}

int main(int argc, char **argv)
{
	struct options options = {
		.program = "clock",
		.family = "DejaVu Sans Mono",
		.line = 16,
		.colour = 0xff202428,
		.paper = 0xe0e0e0e0,
	};
	struct clock clock = {.options = &options};
	int r;

	options_read(&options, argc, argv, 0, 0, "");
	r = options_font(&options, &clock.font);
	if (r)
		return r;
	if (!options.wish.width) {
		options.wish.width = 120;
		options.wish.height = 120 + font_line_height(clock.font);
	}
	r = options_show(&options, draw, &clock);
	font_close(clock.font);
	return r;
}
