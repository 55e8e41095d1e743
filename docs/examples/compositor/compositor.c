/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compositor ARENA: the screen, and what shows it; see README.md. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "image.h"
#include "server.h"
#include "terminal.h"
#include "words.h"

struct output {
	const char *png; /* NULL: none */
	bool terminal;
};

static volatile sig_atomic_t stop;

static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
}

static void show(const struct canvas *canvas, const struct damage *damage,
		 void *ctx)
{
	const struct output *output = ctx;

	(void)damage;
	if (output->png)
		image_write_png(output->png, canvas);
	if (output->terminal)
		terminal_show(STDOUT_FILENO, canvas);
}

static const struct option longs[] = {
	{"size", required_argument, NULL, 's'},
	{"background", required_argument, NULL, 'b'},
	{"fps", required_argument, NULL, 'f'},
	{"png", required_argument, NULL, 'p'},
	{"terminal", no_argument, NULL, 't'},
	{"standby", no_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void usage(FILE *to)
{
	fprintf(to, "Usage: compositor [OPTION...] ARENA\n"
		    "  --size WxH           of the screen (640x400)\n"
		    "  --background RRGGBB  where no window is\n"
		    "  --fps N              frames a second, at most (60)\n"
		    "  --png FILE           write each frame there\n"
		    "  --terminal           and show it here\n"
		    "  --standby            wait until there is no compositor, "
		    "then be it\n");
}

static bool set(struct server_options *options, struct output *output,
		int option, const char *value)
{
	switch (option) {
	case 's':
		return words_size(value, &options->width, &options->height);
	case 'b':
		return words_colour(value, &options->background);
	case 'f':
		return words_number(value, 1, 1000,
				    &options->frames_per_second);
	case 'p':
		output->png = value;
		return true;
	case 't':
		output->terminal = true;
		return true;
	case 'w':
		options->standby = true;
		return true;
	default:
		return false;
	}
}

/* -1: go on; else the status for exit(). */
static int read_options(int argc, char **argv, struct server_options *options,
			struct output *output)
{
	int option, at;

	while ((option = getopt_long(argc, argv, "", longs, &at)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (option == '?') {
			usage(stderr);
			return 2;
		}
		if (!set(options, output, option, optarg)) {
			fprintf(stderr,
				"compositor: --%s %s: bad value: see "
				"compositor --help\n",
				longs[at].name, optarg);
			return 2;
		}
	}
	if (optind + 1 == argc)
		return -1;
	usage(stderr);
	return 2;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct output output = {0};
	struct server_options options = {
		.width = 640,
		.height = 400,
		.background = 0xff203040,
		.frames_per_second = 60,
		.show = show,
		.ctx = &output,
	};
	int r = read_options(argc, argv, &options, &output);

	if (r >= 0)
		return r;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	r = server_run(argv[optind], &options, &stop);
	if (output.terminal)
		terminal_end(STDOUT_FILENO);
	return r < 0 ? words_fail("compositor", argv[optind], r, NULL) : 0;
}
