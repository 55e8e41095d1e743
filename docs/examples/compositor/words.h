/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Words of the command line, and messages when something fails. */
#ifndef COMPOSITOR_WORDS_H
#define COMPOSITOR_WORDS_H

#include <stdbool.h>
#include <stdint.h>

/* Read "640x480"; "10,-20"; "ff8000", or "80ff8000" with alpha first; "25".
 * Return false if the text is something else. */
bool words_size(const char *text, int32_t *width, int32_t *height);
bool words_point(const char *text, int32_t *x, int32_t *y);
bool words_colour(const char *text, uint32_t *pixel);
bool words_number(const char *text, int32_t least, int32_t most, int32_t *ret);

/* Print "PROGRAM: WHAT: WHY: HINT" to the standard error.  @hint NULL: the hint
 * for that error, if there is one.  Returns 1, for main(). */
int words_fail(const char *program, const char *what, int error,
	       const char *hint);

/* The hint for an error, or NULL. */
const char *words_hint(int error);

#endif
