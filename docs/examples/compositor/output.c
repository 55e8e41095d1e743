/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "image.h"
#include "output.h"
#include "terminal.h"
#include "words.h"

static const char *why_no_window(int error)
{
	switch (error) {
	case -ENXIO:
		return "DISPLAY is not set; in a terminal: --terminal";
	case -EINVAL:
		return "DISPLAY is no display's name, as :0 is";
	case -ECONNREFUSED:
		return "no X server takes us at what DISPLAY says";
	case -ENOTSUP:
		return "the X screen has no TrueColor of 24 or 32 bits";
	case -ENOSYS:
		return "built without xcb; install libxcb1-dev, build it anew";
	default:
		return NULL;
	}
}

static int open_window(struct output *output, const char *title)
{
	int r = xwindow_open(title, &output->x);

	return r == 0 ? 0
		      : words_fail("compositor", "--window", r,
				   why_no_window(r));
}

/* In the background we would draw over what the user is doing. */
static bool has_terminal(void)
{
	return isatty(STDOUT_FILENO) && tcgetpgrp(STDOUT_FILENO) == getpgrp();
}

static void choose(struct output *output, const char *title)
{
	if (xwindow_open(title, &output->x) < 0)
		output->terminal = has_terminal();
}

int output_open(struct output *output, const char *title)
{
	int r = output->png ? image_can_write(output->png) : 0;

	if (r < 0)
		return words_fail("compositor", output->png, r,
				  "--png takes a file that can be written");
	if (output->window)
		return open_window(output, title);
	if (!output->terminal && !output->headless && !output->png)
		choose(output, title);
	return 0;
}

static void close_window(struct output *output)
{
	xwindow_close(output->x);
	output->x = NULL;
}

void output_close(struct output *output)
{
	close_window(output);
	if (output->terminal)
		terminal_end(STDOUT_FILENO);
}

static void say_lost(const char *what, int error)
{
	words_fail("compositor", what, error, "going on without it");
}

void output_show(const struct canvas *canvas, const struct damage *damage,
		 void *ctx)
{
	struct output *output = ctx;
	int r;

	if (output->x)
		xwindow_show(output->x, canvas, damage);
	r = output->png ? image_write_png(output->png, canvas) : 0;
	if (r < 0) {
		say_lost(output->png, r);
		output->png = NULL;
	}
	r = output->terminal ? terminal_show(STDOUT_FILENO, canvas) : 0;
	if (r < 0) {
		say_lost("the terminal", r);
		output->terminal = false;
	}
}

int output_attend(const struct canvas *canvas, void *ctx)
{
	struct output *output = ctx;
	int r = output->x ? xwindow_attend(output->x, canvas) : 0;

	if (r > 0)
		*output->stop = 1;
	if (r < 0)
		say_lost("the X window", r);
	if (r)
		close_window(output);
	return output->x ? xwindow_fd(output->x) : -1;
}
