/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text: glyphs by FreeType, the font found by fontconfig. */
#ifndef COMPOSITOR_FONT_H
#define COMPOSITOR_FONT_H

#include "canvas.h"

struct font;

/* @file: a font's file; NULL: what fontconfig has for @family ("sans", "DejaVu
 * Sans Mono").  @size: height of a line in pixels.  0; -ENOENT there is no such
 * font; -EINVAL the file is none; -ENOMEM. */
int font_open(const char *file, const char *family, int32_t size,
	      struct font **ret);
void font_close(struct font *font);

int32_t font_line_height(const struct font *font);
/* Pixels that a line takes. */
int32_t font_width(struct font *font, const char *text);
/* Draw a line of UTF-8; @x, @y is its upper left corner. */
void font_draw(struct font *font, const struct canvas *canvas, int32_t x,
	       int32_t y, const char *text, uint32_t pixel);

#endif
