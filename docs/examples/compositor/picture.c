/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* picture ARENA FILE: show a PNG or JPEG in a window of its size, or of the
 * size that --size says. */
#include <errno.h>
#include <stdlib.h>

#include "image.h"
#include "options.h"
#include "words.h"

/* Scale the picture: each pixel of the canvas gets the nearest one. */
static int64_t draw(const struct canvas *canvas, void *arg)
{
	const struct canvas *picture = arg;

	for (int32_t y = 0; y < canvas->height; y++)
		for (int32_t x = 0; x < canvas->width; x++)
			*canvas_at(canvas, x, y) = *canvas_at(
				picture,
				(int32_t)((int64_t)x * picture->width /
					  canvas->width),
				(int32_t)((int64_t)y * picture->height /
					  canvas->height));
	return -1;
}

int main(int argc, char **argv)
{
	struct options options = {.program = "picture"};
	struct canvas picture;
	const char *hint = NULL;
	int r;

	options_read(&options, argc, argv, 1, 1, "FILE");
	r = image_read(options.argument[0], &picture);
	if (r == -ENOENT || r == -EISDIR || r == -EACCES)
		hint = "give the file of a picture that can be read";
	else if (r == -EINVAL || r == -EBADMSG)
		hint = "it is no whole PNG or JPEG";
	else if (r == -EFBIG)
		hint = "8192 pixels a side and 64 MiB are the most";
	if (r < 0)
		return words_fail("picture", options.argument[0], r,
				  hint ? hint : "");
	if (!options.wish.width) {
		options.wish.width = picture.width;
		options.wish.height = picture.height;
	}
	r = options_show(&options, draw, &picture);
	free(picture.pixels);
	return r;
}
