/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "canvas.h"
#include "words.h"

/* Read a number at *@text, and move *@text behind it. */
static bool take(const char **text, long least, long most, int32_t *ret)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(*text, &end, 10);
	if (end == *text || errno || value < least || value > most)
		return false;
	*text = end;
	*ret = (int32_t)value;
	return true;
}

static bool take_two(const char *text, char between, long least, long most,
		     int32_t *a, int32_t *b)
{
	return take(&text, least, most, a) && *text++ == between &&
	       take(&text, least, most, b) && !*text;
}

bool words_size(const char *text, int32_t *width, int32_t *height)
{
	return take_two(text, 'x', 1, CANVAS_SIDE_MAX, width, height);
}

bool words_point(const char *text, int32_t *x, int32_t *y)
{
	return take_two(text, ',', -1000000, 1000000, x, y);
}

bool words_number(const char *text, int32_t least, int32_t most, int32_t *ret)
{
	return take(&text, least, most, ret) && !*text;
}

bool words_colour(const char *text, uint32_t *pixel)
{
	size_t n = strlen(text);
	unsigned long value;
	char *end;

	if ((n != 6 && n != 8) || strspn(text, "0123456789abcdefABCDEF") != n)
		return false;
	value = strtoul(text, &end, 16);
	if (n == 6)
		value |= 0xff000000u;
	*pixel = pixel_of((uint32_t)(value >> 24), (uint32_t)(value >> 16),
			  (uint32_t)(value >> 8), (uint32_t)value);
	return true;
}

static const struct hint {
	int error;
	const char *text;
} hints[] = {
	{-ENOENT, "no compositor runs there; start one: compositor ARENA"},
	{-EAGAIN, "no compositor runs there; start one: compositor ARENA"},
	{-ETIMEDOUT, "no compositor answers there; start one: compositor "
		     "--standby ARENA"},
	{-EEXIST, "there is one; to wait for its end: compositor --standby "
		  "ARENA"},
	{-EBUSY, "somebody has the whole screen; see its properties/screen"},
	{-EPROTO, "the arena is no compositor's; give it another name"},
	{-ENOSPC, "there are as many windows as can be; close one"},
};

const char *words_hint(int error)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(*hints); i++)
		if (hints[i].error == error)
			return hints[i].text;
	return NULL;
}

int words_fail(const char *program, const char *what, int error,
	       const char *hint)
{
	if (!hint)
		hint = words_hint(error);
	fprintf(stderr, "%s: %s: %s%s%s\n", program, what, strerror(-error),
		hint ? ": " : "", hint ? hint : "");
	return 1;
}
