/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fontconfig/fontconfig.h>
#include <ft2build.h>
#include <stdlib.h>
#include FT_FREETYPE_H

#include "font.h"

struct font {
	FT_Library library;
	FT_Face face;
};

/* The file of the font that fontconfig finds nearest; the caller frees it. */
static char *find_file(const char *family)
{
	FcPattern *pattern = FcNameParse((const FcChar8 *)family), *match;
	FcChar8 *file = NULL;
	FcResult result;
	char *copy = NULL;

	if (!pattern)
		return NULL;
	FcConfigSubstitute(NULL, pattern, FcMatchPattern);
	FcDefaultSubstitute(pattern);
	match = FcFontMatch(NULL, pattern, &result);
	if (match && !FcPatternGetString(match, FC_FILE, 0, &file))
		copy = (char *)FcStrCopy(file);
	if (match)
		FcPatternDestroy(match);
	FcPatternDestroy(pattern);
	return copy;
}

static int open_face(struct font *font, const char *file, int32_t size)
{
	FT_Error error = FT_New_Face(font->library, file, 0, &font->face);

	if (error)
		return error == FT_Err_Cannot_Open_Resource ? -ENOENT : -EINVAL;
	return FT_Set_Pixel_Sizes(font->face, 0, (FT_UInt)size) ? -EINVAL : 0;
}

static int open_file(const char *file, int32_t size, struct font **ret)
{
	struct font *font = calloc(1, sizeof(*font));
	int r;

	if (!font)
		return -ENOMEM;
	if (FT_Init_FreeType(&font->library)) {
		free(font);
		return -ENOMEM;
	}
	r = open_face(font, file, size);
	if (r < 0)
		font_close(font);
	else
		*ret = font;
	return r;
}

int font_open(const char *file, const char *family, int32_t size,
	      struct font **ret)
{
	char *found;
	int r;

	if (file)
		return open_file(file, size, ret);
	found = find_file(family);
	FcFini();
	if (!found)
		return -ENOENT;
	r = open_file(found, size, ret);
	free(found);
	return r;
}

void font_close(struct font *font)
{
	if (!font)
		return;
	/* Frees the face too. */
	FT_Done_FreeType(font->library);
	free(font);
}

int32_t font_line_height(const struct font *font)
{
	return (int32_t)(font->face->size->metrics.height + 63) / 64;
}

/* Take one character of UTF-8; a byte that begins none counts as one. */
static uint32_t next_character(const char **text)
{
	const unsigned char *at = (const unsigned char *)*text;
	uint32_t c = *at++;
	int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

	if (more)
		c &= 0x3fu >> more;
	for (; more > 0 && (*at & 0xc0) == 0x80; more--)
		c = c << 6 | (*at++ & 0x3f);
	*text = (const char *)at;
	return c;
}

int32_t font_width(struct font *font, const char *text)
{
	FT_Pos width = 0;

	while (*text)
		if (!FT_Load_Char(font->face, next_character(&text),
				  FT_LOAD_DEFAULT))
			width += font->face->glyph->advance.x;
	return (int32_t)(width + 63) / 64;
}

/* Draw a glyph: its coverage of a pixel is the alpha of the text's colour. */
static void draw_glyph(const FT_Bitmap *glyph, const struct canvas *canvas,
		       int32_t x, int32_t y, uint32_t pixel)
{
	struct area all = {x, y, (int32_t)glyph->width, (int32_t)glyph->rows};
	struct area area = area_clip(all, canvas_area(canvas));
	uint32_t *to;

	for (int32_t row = area.y; row < area.y + area.height; row++)
		for (int32_t i = area.x; i < area.x + area.width; i++) {
			to = canvas_at(canvas, i, row);
			*to = pixel_over(
				pixel_fade(
					pixel,
					glyph->buffer[(row - y) * glyph->pitch +
						      i - x]),
				*to);
		}
}

void font_draw(struct font *font, const struct canvas *canvas, int32_t x,
	       int32_t y, const char *text, uint32_t pixel)
{
	FT_GlyphSlot glyph = font->face->glyph;
	FT_Pos at = (FT_Pos)x * 64;

	y += (int32_t)(font->face->size->metrics.ascender + 63) / 64;
	while (*text) {
		if (FT_Load_Char(font->face, next_character(&text),
				 FT_LOAD_RENDER))
			continue;
		draw_glyph(&glyph->bitmap, canvas,
			   (int32_t)(at / 64) + glyph->bitmap_left,
			   y - glyph->bitmap_top, pixel);
		at += glyph->advance.x;
	}
}
