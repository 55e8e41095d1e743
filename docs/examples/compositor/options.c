/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "options.h"
#include "words.h"

static const struct option longs[] = {
	{"at", required_argument, NULL, 'a'},
	{"size", required_argument, NULL, 's'},
	{"z", required_argument, NULL, 'z'},
	{"title", required_argument, NULL, 't'},
	{"full-screen", no_argument, NULL, 'f'},
	{"font", required_argument, NULL, 'F'},
	{"family", required_argument, NULL, 'y'},
	{"line", required_argument, NULL, 'l'},
	{"colour", required_argument, NULL, 'c'},
	{"paper", required_argument, NULL, 'p'},
	{"every", required_argument, NULL, 'e'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void usage(const char *program, const char *arguments)
{
	printf("Usage: %s [OPTION...] ARENA %s\n"
	       "  --at X,Y            upper left corner on the screen\n"
	       "  --size WxH          size of the window\n"
	       "  --z N               windows with a higher N lie above\n"
	       "  --title TEXT        title, which screen.status shows\n"
	       "  --full-screen       purchase the whole screen and fill it\n"
	       "  --colour AARRGGBB   colour of the drawing, or RRGGBB\n"
	       "  --paper AARRGGBB    colour below the drawing, or RRGGBB\n"
	       "  --font FILE         file of the font, or\n"
	       "  --family NAME       family, to be found by fontconfig\n"
	       "  --line N            height of a line in pixels\n"
	       "  --every MS          draw every MS milliseconds\n",
	       program, arguments);
}

static _Noreturn void complain(const char *program, const char *what,
			       const char *more)
{
	fprintf(stderr, "%s: %s%s%s: see %s --help\n", program, what,
		*more ? " " : "", more, program);
	exit(2);
}

static bool set(struct options *options, int option, const char *value)
{
	struct wish *wish = &options->wish;

	switch (option) {
	case 'a':
		return words_point(value, &wish->x, &wish->y);
	case 's':
		return words_size(value, &wish->width, &wish->height);
	case 'z':
		return words_number(value, -1000000, 1000000, &wish->z);
	case 't':
		snprintf(wish->title, sizeof(wish->title), "%s", value);
		return true;
	case 'f':
		wish->flags |= SURFACE_FULL_SCREEN;
		return true;
	case 'F':
		options->font = value;
		return true;
	case 'y':
		options->family = value;
		return true;
	case 'l':
		return words_number(value, 4, 500, &options->line);
	case 'c':
		return words_colour(value, &options->colour);
	case 'p':
		return words_colour(value, &options->paper);
	case 'e':
		return words_number(value, 1, 3600000, &options->every_ms);
	default:
		return false;
	}
}

void options_read(struct options *options, int argc, char **argv, int least,
		  int most, const char *arguments)
{
	int option, at;

	snprintf(options->wish.title, sizeof(options->wish.title), "%s",
		 options->program);
	while ((option = getopt_long(argc, argv, "", longs, &at)) != -1) {
		if (option == 'h') {
			usage(options->program, arguments);
			exit(0);
		}
		if (option == '?')
			complain(options->program, "bad option", "");
		if (!set(options, option, optarg)) {
			fprintf(stderr,
				"%s: --%s %s: bad value: see %s "
				"--help\n",
				options->program, longs[at].name, optarg,
				options->program);
			exit(2);
		}
	}
	options->arguments = argc - optind - 1;
	if (options->arguments < least ||
	    (most >= 0 && options->arguments > most) || !*argv[optind])
		complain(options->program, "give ARENA", arguments);
	options->arena = argv[optind];
	options->argument = argv + optind + 1;
}

/* Print the compositor's hint for the error, or else what Fusion says. */
static int fail(const struct options *options, int r)
{
	return words_fail(options->program, options->arena, r,
			  words_hint(r) ? NULL : fusion_strerror(r));
}

int options_open(const struct options *options, struct client *client,
		 struct client_window *window)
{
	int r = client_open(options->arena, client);

	if (r < 0)
		return fail(options, r);
	r = window_open(client, &options->wish, window);
	if (r == 0)
		return 0;
	fail(options, r);
	client_close(client);
	return 1;
}

int options_show(const struct options *options, options_draw_fn draw, void *arg)
{
	struct client_window window;
	struct client client;
	struct canvas canvas;
	int64_t good_ns;
	int r = options_open(options, &client, &window);

	if (r)
		return r;
	do {
		window_begin(&window, &canvas);
		good_ns = draw(&canvas, arg);
		window_flip(&window, canvas_area(&canvas));
	} while (!client_sleep(good_ns));
	window_close(&window);
	client_close(&client);
	return 0;
}

int options_font(const struct options *options, struct font **ret)
{
	const char *what = options->font ? options->font : options->family;
	int r = font_open(options->font, options->family, options->line, ret);

	return r == 0 ? 0
		      : words_fail(options->program, what, r,
				   "give a font's file with --font, or install "
				   "fonts-dejavu-core");
}
