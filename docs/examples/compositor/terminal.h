/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Show the screen in a terminal: a half block is two pixels, one above the
 * other. */
#ifndef COMPOSITOR_TERMINAL_H
#define COMPOSITOR_TERMINAL_H

#include "canvas.h"

/* Show the canvas, shrunk so that it fits, in the upper left corner.  Returns 0
 * or an error of write(2). */
int terminal_show(int fd, const struct canvas *canvas);
/* Restore the terminal's colours and cursor. */
void terminal_end(int fd);

/* The canvas as text of half blocks, @columns wide and @rows high; the caller
 * frees it.  NULL: no memory. */
char *terminal_text(const struct canvas *canvas, int32_t columns, int32_t rows);

#endif
