/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The screen in a terminal: half blocks, two pixels a character. */
#ifndef COMPOSITOR_TERMINAL_H
#define COMPOSITOR_TERMINAL_H

#include "canvas.h"

/* Show the canvas, made smaller so that it fits, where the cursor's home is.
 * 0, or what writing says. */
int terminal_show(int fd, const struct canvas *canvas);
/* Colours and cursor as they were. */
void terminal_end(int fd);

/* The pixels of @canvas as half blocks, @columns wide and @rows high, as text:
 * free it.  NULL: no memory. */
char *terminal_text(const struct canvas *canvas, int32_t columns, int32_t rows);

#endif
