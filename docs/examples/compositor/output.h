/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where frames are shown: a window of an X server, a terminal, a file
 *
 * One that fails is said so once, and the others go on: what becomes of a
 * picture must not end those who draw it.
 */
#ifndef COMPOSITOR_OUTPUT_H
#define COMPOSITOR_OUTPUT_H

#include <signal.h>

#include "xwindow.h"

struct output {
	bool window, terminal;	     /* wanted; if none of these four is, */
	bool headless;		     /* output_open() chooses one */
	const char *png;	     /* NULL: none */
	volatile sig_atomic_t *stop; /* set when the user closes the window */
	struct xwindow *x;	     /* NULL: none */
};

/* Open what is wanted.  0; or it has said why not, and returns the status for
 * exit(). */
int output_open(struct output *output, const char *title);
void output_close(struct output *output);

/* For struct server_options, with the output as @ctx. */
void output_show(const struct canvas *canvas, const struct damage *damage,
		 void *ctx);
int output_attend(const struct canvas *canvas, void *ctx);

#endif
