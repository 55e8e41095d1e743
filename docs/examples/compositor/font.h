/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text: fontconfig finds the font, FreeType draws the glyphs. */
#ifndef COMPOSITOR_FONT_H
#define COMPOSITOR_FONT_H

#include "canvas.h"

struct font;

/* Open a font: that of @file, or if @file is NULL the one that fontconfig finds
 * for @family ("sans", "DejaVu Sans Mono").  @size is the height of a line in
 * pixels.  Returns 0; -ENOENT: there is no such font; -EINVAL: the file is not
 * a font; -ENOMEM. */
int font_open(const char *file, const char *family, int32_t size,
	      struct font **ret);
void font_close(struct font *font);

int32_t font_line_height(const struct font *font);
/* The width of a line in pixels. */
int32_t font_width(struct font *font, const char *text);
/* Draw a line of UTF-8 whose upper left corner is @x, @y. */
void font_draw(struct font *font, const struct canvas *canvas, int32_t x,
	       int32_t y, const char *text, uint32_t pixel);

#endif
