/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load ARENA: draw how busy the processors were (/proc/stat), and print the
 * load (/proc/loadavg). */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"
#include "words.h"

/* Processor time in ticks, since the machine was started. */
struct ticks {
	uint64_t busy, all;
};

struct graph {
	const struct options *options;
	struct font *font;
	struct ticks last;
	int32_t n;
	double *busy; /* a value from 0 to 1 for each column, the newest last */
};

static int read_ticks(struct ticks *ret)
{
	uint64_t t[8] = {0};
	FILE *stat = fopen("/proc/stat", "re");
	int n;

	if (!stat)
		return -errno;
	n = fscanf(stat,
		   "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
		   " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
		   &t[0], &t[1], &t[2], &t[3], &t[4], &t[5], &t[6], &t[7]);
	fclose(stat);
	if (n < 4)
		return -EBADMSG;
	*ret = (struct ticks){0};
	for (int i = 0; i < 8; i++)
		ret->all += t[i];
	/* t[3] is idle time, t[4] idle time during input and output. */
	ret->busy = ret->all - t[3] - t[4];
	return 0;
}

static void measure(struct graph *graph)
{
	struct ticks now, *last = &graph->last;
	double busy = 0;

	if (read_ticks(&now) < 0)
		return;
	if (now.all > last->all && now.busy >= last->busy)
		busy = (double)(now.busy - last->busy) /
		       (double)(now.all - last->all);
	*last = now;
	memmove(graph->busy, graph->busy + 1,
		sizeof(double) * (size_t)(graph->n - 1));
	graph->busy[graph->n - 1] = busy;
}

static void read_load(char *text, size_t size)
{
	FILE *file = fopen("/proc/loadavg", "re");

	snprintf(text, size, "load ?");
	if (!file)
		return;
	memcpy(text, "load ", 5);
	if (!fgets(text + 5, (int)size - 5, file))
		snprintf(text, size, "load ?");
	fclose(file);
	/* Keep the three means, which everybody knows. */
	for (int spaces = 0; *text; text++)
		if (*text == '\n' || (*text == ' ' && ++spaces == 4))
			*text-- = '\0';
}

static int64_t draw(const struct canvas *canvas, void *arg)
{
	struct graph *graph = arg;
	int32_t room = canvas->height - font_line_height(graph->font);
	char text[80];

	measure(graph);
	canvas_fill(canvas, canvas_area(canvas), graph->options->paper);
	for (int32_t x = 0; x < canvas->width; x++) {
		int32_t high = (int32_t)(graph->busy[x] * room + 0.5);

		canvas_fill(canvas,
			    (struct area){x, canvas->height - high, 1, high},
			    graph->options->colour);
	}
	read_load(text, sizeof(text));
	font_draw(graph->font, canvas, 3, 0, text, 0xffffffff);
	return (int64_t)graph->options->every_ms * 1000000;
}

static int show(const struct options *options, struct font *font)
{
	struct graph graph = {
		.options = options,
		.font = font,
		.n = options->wish.width,
	};
	int r = read_ticks(&graph.last);

	if (r < 0)
		return words_fail("load", "/proc/stat", r, "is /proc mounted?");
	/* With --full-screen the window may be wider than was asked. */
	if (options->wish.flags & SURFACE_FULL_SCREEN)
		graph.n = CANVAS_SIDE_MAX;
	graph.busy = calloc((size_t)graph.n, sizeof(double));
	if (!graph.busy)
		return words_fail("load", "graph", -ENOMEM, NULL);
	r = options_show(options, draw, &graph);
	free(graph.busy);
	return r;
}

int main(int argc, char **argv)
{
	struct options options = {
		.program = "load",
		.wish = {.width = 200, .height = 90},
		.family = "DejaVu Sans",
		.line = 13,
		.colour = 0xff40c070,
		.paper = 0xa0102018,
		.every_ms = 1000,
	};
	struct font *font;
	int r;

	options_read(&options, argc, argv, 0, 0, "");
	r = options_font(&options, &font);
	if (r)
		return r;
	r = show(&options, font);
	font_close(font);
	return r;
}
