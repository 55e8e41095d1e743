/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Pictures in files and back: PNG and JPEG in, PNG out. */
#ifndef COMPOSITOR_IMAGE_H
#define COMPOSITOR_IMAGE_H

#include <stddef.h>

#include "canvas.h"

/* Decode the picture in a file.  0; -EINVAL neither PNG nor JPEG; -EBADMSG it
 * is damaged; -EFBIG; -ENOMEM; what opening and reading it says.  Free its
 * pixels. */
int image_read(const char *path, struct canvas *ret);

/* For image_read(), when the file begins as the one or the other. */
int image_decode_png(const void *data, size_t size, struct canvas *ret);
int image_decode_jpeg(const void *data, size_t size, struct canvas *ret);

/* The canvas as a PNG, without its alpha, in memory: free *ret.  0; -ENOMEM. */
int image_encode_png(const struct canvas *canvas, void **ret, size_t *ret_size);

/* Can image_write_png() write there?  0; -EINVAL it is no file, but a device or
 * the like; -EISDIR; what looking at its folder says. */
int image_can_write(const char *path);
/* The same into a file, which has the old picture or the new one, whenever one
 * looks. */
int image_write_png(const char *path, const struct canvas *canvas);

#endif
