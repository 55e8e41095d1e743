/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options that the clients have in common. */
#ifndef COMPOSITOR_OPTIONS_H
#define COMPOSITOR_OPTIONS_H

#include "client.h"
#include "font.h"

struct options {
	const char *program;
	const char *arena;
	char **argument; /* behind the arena, argc of them */
	int arguments;
	struct wish wish; /* width 0: as the program likes */
	const char *font, *family;
	int32_t line; /* height of the font in pixels */
	uint32_t colour, paper;
	int32_t every_ms;
};

/* Read them; wish.title is the program's name.  What the caller has set stays
 * where nothing is said.  @arguments: how many there are at least and at most
 * behind the arena, -1 for any number, and how they are called.  Prints what is
 * wrong and exits with 2. */
void options_read(struct options *options, int argc, char **argv, int least,
		  int most, const char *arguments);

/* Enter and open the window, or say why not: 0 or the status for exit(). */
int options_open(const struct options *options, struct client *client,
		 struct client_window *window);
/* How a client draws all of its window, and how long its picture is good for,
 * in nanoseconds; < 0 for ever. */
typedef int64_t (*options_draw_fn)(const struct canvas *canvas, void *arg);
/* Enter, show what @draw draws until the program is to end, leave.  As
 * options_open(). */
int options_show(const struct options *options, options_draw_fn draw,
		 void *arg);
/* The font that is asked for, or say why not. */
int options_font(const struct options *options, struct font **ret);

#endif
