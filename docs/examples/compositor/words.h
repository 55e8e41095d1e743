/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line: what the compositor and its clients are told in words, and
 * how they say what went wrong. */
#ifndef COMPOSITOR_WORDS_H
#define COMPOSITOR_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* "640x480", "10,-20", "ff8000" or "80ff8000" with alpha first, "25".  False:
 * it is none. */
bool words_size(const char *text, int32_t *width, int32_t *height);
bool words_point(const char *text, int32_t *x, int32_t *y);
bool words_colour(const char *text, uint32_t *pixel);
bool words_number(const char *text, int32_t least, int32_t most, int32_t *ret);

/* One line on the standard error, "PROGRAM: WHAT: WHY: HINT".  Returns 1, for
 * main().  @hint NULL: the one for that error, if there is one. */
int words_fail(const char *program, const char *what, int error,
	       const char *hint);

/* The hint for that error, NULL if there is none. */
const char *words_hint(int error);

#endif
