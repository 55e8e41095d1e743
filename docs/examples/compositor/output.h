/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Outputs: show frames in a window of an X server, in a terminal, in a file
 *
 * An output that fails is reported once, and the others go on: losing an output
 * must not end the clients.
 */
#ifndef COMPOSITOR_OUTPUT_H
#define COMPOSITOR_OUTPUT_H

#include <signal.h>

#include "xwindow.h"

struct output {
	bool window,
		terminal; /* wanted; if the user chooses none of these four, */
	bool headless;	  /* output_open() does */
	const char *png;  /* NULL: none */
	volatile sig_atomic_t
		*stop;	   /* becomes 1 when the user closes the window */
	struct xwindow *x; /* NULL: none */
};

/* Open the outputs that are wanted, or print why that fails.  Returns 0 or the
 * status for exit(). */
int output_open(struct output *output, const char *title);
void output_close(struct output *output);

/* Functions for struct server_options; their @ctx is the output. */
void output_show(const struct canvas *canvas, const struct damage *damage,
		 void *ctx);
int output_attend(const struct canvas *canvas, void *ctx);

#endif
