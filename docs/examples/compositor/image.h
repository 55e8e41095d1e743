/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Image files: read PNG and JPEG, write PNG. */
#ifndef COMPOSITOR_IMAGE_H
#define COMPOSITOR_IMAGE_H

#include <stddef.h>

#include "canvas.h"

/* Decode the picture in a file; the caller frees its pixels.  Returns 0;
 * -EINVAL: neither PNG nor JPEG; -EBADMSG: damaged; -EFBIG: too large; -ENOMEM;
 * or an error of open(2) or read(2). */
int image_read(const char *path, struct canvas *ret);

/* The decoders of image_read(), which chooses by the first bytes. */
int image_decode_png(const void *data, size_t size, struct canvas *ret);
int image_decode_jpeg(const void *data, size_t size, struct canvas *ret);

/* Encode the canvas as a PNG without alpha in memory; the caller frees *ret.
 * Returns 0; -ENOMEM. */
int image_encode_png(const struct canvas *canvas, void **ret, size_t *ret_size);

/* Test whether image_write_png() can write there.  Returns 0; -EINVAL: not a
 * regular file; -EISDIR; or an error of access(2) for its folder. */
int image_can_write(const char *path);
/* Encode the canvas as a PNG into a file.  At each moment the file has the old
 * picture or the new one. */
int image_write_png(const char *path, const struct canvas *canvas);

#endif
