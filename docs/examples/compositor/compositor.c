/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* compositor ARENA: own a screen and show it; see README.md. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "output.h"
#include "server.h"
#include "words.h"

static volatile sig_atomic_t stop;

/* End politely, but soon: if a wait lasts too long, SIGALRM kills. */
static void on_signal(int signal)
{
	(void)signal;
	stop = 1;
	alarm(1);
}

static const struct option longs[] = {
	{"size", required_argument, NULL, 's'},
	{"background", required_argument, NULL, 'b'},
	{"fps", required_argument, NULL, 'f'},
	{"window", no_argument, NULL, 'x'},
	{"terminal", no_argument, NULL, 't'},
	{"png", required_argument, NULL, 'p'},
	{"headless", no_argument, NULL, 'n'},
	{"standby", no_argument, NULL, 'w'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void usage(void)
{
	printf("Usage: compositor [OPTION...] ARENA\n"
	       "  --size WxH           size of the screen (640x400)\n"
	       "  --background RRGGBB  colour where no window is\n"
	       "  --fps N              most frames a second (60)\n"
	       "  --window             show it in a window of the X "
	       "server at DISPLAY\n"
	       "  --terminal           show it in this terminal\n"
	       "  --png FILE           write each frame to FILE\n"
	       "  --headless           show it nowhere\n"
	       "  --standby            wait until there is no compositor, "
	       "then become it\n"
	       "Without --window, --terminal, --png and --headless it chooses: "
	       "a window if\n"
	       "there is an X server, else the terminal if it runs in its "
	       "foreground.\n"
	       "ARENA/calls/screen.png always has the picture.\n");
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
	case 'x':
		output->window = true;
		return true;
	case 't':
		output->terminal = true;
		return true;
	case 'p':
		output->png = value;
		return *value;
	case 'n':
		output->headless = true;
		return true;
	case 'w':
		options->standby = true;
		return true;
	default:
		return false;
	}
}

static int complain(const char *what)
{
	fprintf(stderr, "compositor: %s: see compositor --help\n", what);
	return 2;
}

/* Returns -1 to go on, else the status for exit(). */
static int read_options(int argc, char **argv, struct server_options *options,
			struct output *output)
{
	int option, at;

	while ((option = getopt_long(argc, argv, "", longs, &at)) != -1) {
		if (option == 'h') {
			usage();
			return 0;
		}
		if (option == '?')
			return complain("bad option");
		if (!set(options, output, option, optarg)) {
			fprintf(stderr,
				"compositor: --%s %s: bad value: see "
				"compositor --help\n",
				longs[at].name, optarg);
			return 2;
		}
	}
	if (optind + 1 != argc || !*argv[optind])
		return complain("give one ARENA");
	if (output->headless &&
	    (output->window || output->terminal || output->png))
		return complain("--headless shows nothing, so not with "
				"--window, --terminal or --png");
	return -1;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_signal};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct output output = {.stop = &stop};
	struct server_options options = {
		.width = 640,
		.height = 400,
		.background = 0xff203040,
		.frames_per_second = 60,
		.show = output_show,
		.attend = output_attend,
		.ctx = &output,
	};
	int r = read_options(argc, argv, &options, &output);

	if (r >= 0)
		return r;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	/* Writing to a dead X server or terminal must fail, not kill. */
	sigaction(SIGPIPE, &ignore, NULL);
	r = output_open(&output, argv[optind]);
	if (r)
		return r;
	r = server_run(argv[optind], &options, &stop);
	output_close(&output);
	if (r >= 0 || (r == -EINTR && stop))
		return 0;
	return words_fail("compositor", argv[optind], r,
			  words_hint(r) ? NULL : fusion_strerror(r));
}
