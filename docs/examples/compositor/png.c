/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Read and write PNG with libpng's simplified interface, which neither jumps
 * nor prints. */
#include <errno.h>
#include <png.h>
#include <stdlib.h>

#include "image.h"

static void premultiply(struct canvas *canvas)
{
	uint32_t *pixel = canvas->pixels;
	size_t n = (size_t)canvas->width * (size_t)canvas->height;

	for (; n > 0; n--, pixel++)
		*pixel = pixel_of(*pixel >> 24, *pixel >> 16, *pixel >> 8,
				  *pixel);
}

static int decode(png_image *image, struct canvas *ret)
{
	struct canvas canvas;
	int r;

	if (image->width > CANVAS_SIDE_MAX || image->height > CANVAS_SIDE_MAX)
		return -EFBIG;
	r = canvas_make(&canvas, (int32_t)image->width, (int32_t)image->height);
	if (r < 0)
		return r;
	image->format = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
				? PNG_FORMAT_BGRA
				: PNG_FORMAT_ARGB;
	if (!png_image_finish_read(image, NULL, canvas.pixels, 0, NULL)) {
		free(canvas.pixels);
		return -EBADMSG;
	}
	premultiply(&canvas);
	*ret = canvas;
	return 0;
}

int image_decode_png(const void *data, size_t size, struct canvas *ret)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	int r = -EBADMSG;

	if (png_image_begin_read_from_memory(&image, data, size))
		r = decode(&image, ret);
	png_image_free(&image);
	return r;
}

/* The red, green and blue bytes of the canvas, without gaps. */
static unsigned char *bytes_of(const struct canvas *canvas)
{
	unsigned char *bytes, *to;
	uint32_t pixel;

	bytes = malloc((size_t)canvas->width * (size_t)canvas->height * 3);
	to = bytes;
	for (int32_t y = 0; bytes && y < canvas->height; y++)
		for (int32_t x = 0; x < canvas->width; x++) {
			pixel = *canvas_at(canvas, x, y);
			*to++ = (unsigned char)(pixel >> 16);
			*to++ = (unsigned char)(pixel >> 8);
			*to++ = (unsigned char)pixel;
		}
	return bytes;
}

static int encode(png_image *image, const void *bytes, void **ret,
		  size_t *ret_size)
{
	png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(*image);
	void *data = malloc(size);

	if (!data)
		return -ENOMEM;
	if (!png_image_write_to_memory(image, data, &size, 0, bytes, 0, NULL)) {
		free(data);
		return -ENOMEM;
	}
	*ret = data;
	*ret_size = size;
	return 0;
}

int image_encode_png(const struct canvas *canvas, void **ret, size_t *ret_size)
{
	png_image image = {
		.version = PNG_IMAGE_VERSION,
		.width = (png_uint_32)canvas->width,
		.height = (png_uint_32)canvas->height,
		.format = PNG_FORMAT_RGB,
		.flags = PNG_IMAGE_FLAG_FAST,
	};
	unsigned char *bytes = bytes_of(canvas);
	int r;

	if (!bytes)
		return -ENOMEM;
	r = encode(&image, bytes, ret, ret_size);
	png_image_free(&image);
	free(bytes);
	return r;
}
