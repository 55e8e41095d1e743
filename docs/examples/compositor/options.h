/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that all clients have. */
#ifndef COMPOSITOR_OPTIONS_H
#define COMPOSITOR_OPTIONS_H

#include "client.h"
#include "font.h"

struct options {
	const char *program;
	const char *arena;
	char **argument; /* arguments after the arena, argc of them */
	int arguments;
	struct wish wish; /* width 0: the program chooses */
	const char *font, *family;
	int32_t line; /* height of the font in pixels */
	uint32_t colour, paper;
	int32_t every_ms;
};

/* Read the command line into *options, whose members have the defaults; the
 * default title is the program's name.  @least and @most limit the arguments
 * after the arena (-1: no limit), and the usage text calls them @arguments.
 * Prints what is wrong and exits with 2. */
void options_read(struct options *options, int argc, char **argv, int least,
		  int most, const char *arguments);

/* Enter the arena and open the window, or print why that fails.  Returns 0 or
 * the status for exit(). */
int options_open(const struct options *options, struct client *client,
		 struct client_window *window);
/* Draw the whole window.  Returns for how many nanoseconds the picture is
 * valid; < 0 for ever. */
typedef int64_t (*options_draw_fn)(const struct canvas *canvas, void *arg);
/* Enter, show what @draw draws until a signal ends the program, exit.  Returns
 * the status for exit(). */
int options_show(const struct options *options, options_draw_fn draw,
		 void *arg);
/* Open the font that the options ask for, or print why that fails. */
int options_font(const struct options *options, struct font **ret);

#endif
