/* SPDX-License-Identifier: GPL-2.0-or-later */
/* picture_compare A B TOLERANCE: are two pictures the same, each channel of
 * each pixel within the tolerance?  Says how far they are apart. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docs/examples/compositor/image.h"

static uint32_t distance(uint32_t a, uint32_t b)
{
	uint32_t most = 0;

	for (int bit = 0; bit < 24; bit += 8) {
		int by = abs((int)(a >> bit & 255) - (int)(b >> bit & 255));

		most = (uint32_t)by > most ? (uint32_t)by : most;
	}
	return most;
}

static int read_picture(const char *path, struct canvas *ret)
{
	int r = image_read(path, ret);

	if (r < 0)
		printf("%s: %s\n", path, strerror(-r));
	return r;
}

static uint32_t compare(const struct canvas *a, const struct canvas *b)
{
	uint32_t most = 0, by;

	for (int32_t y = 0; y < a->height; y++)
		for (int32_t x = 0; x < a->width; x++) {
			by = distance(*canvas_at(a, x, y), *canvas_at(b, x, y));
			most = by > most ? by : most;
		}
	return most;
}

int main(int argc, char **argv)
{
	struct canvas a, b;
	uint32_t by = 255;

	if (argc != 4 || read_picture(argv[1], &a) < 0)
		return 2;
	if (read_picture(argv[2], &b) < 0) {
		free(a.pixels);
		return 2;
	}
	if (a.width == b.width && a.height == b.height)
		by = compare(&a, &b);
	printf("%dx%d %dx%d distance %u\n", a.width, a.height, b.width,
	       b.height, by);
	free(a.pixels);
	free(b.pixels);
	return by > (uint32_t)atoi(argv[3]);
}
