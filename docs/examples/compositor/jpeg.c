/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decode JPEG with libjpeg, which reports errors by longjmp().  What must be
 * freed after a jump is in the decoder, since a jump loses local variables. */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
/* jpeglib.h uses FILE and size_t, and does not include their headers. */
#include <jpeglib.h>

#include "image.h"

struct decoder {
	struct jpeg_decompress_struct jpeg;
	struct jpeg_error_mgr errors;
	jmp_buf failed;
	struct canvas canvas;
	unsigned char *line;
};

static void fail(j_common_ptr jpeg)
{
	struct decoder *decoder = jpeg->client_data;

	longjmp(decoder->failed, 1);
}

static void say_nothing(j_common_ptr jpeg)
{
	(void)jpeg;
}

static void put_line(const struct decoder *decoder, uint32_t *to)
{
	const unsigned char *from = decoder->line;

	for (int32_t x = 0; x < decoder->canvas.width; x++, from += 3)
		to[x] = pixel_of(255, from[0], from[1], from[2]);
}

static int decode_lines(struct decoder *decoder)
{
	struct jpeg_decompress_struct *jpeg = &decoder->jpeg;
	JSAMPROW line;
	int r;

	jpeg_read_header(jpeg, TRUE);
	if (jpeg->image_width > CANVAS_SIDE_MAX ||
	    jpeg->image_height > CANVAS_SIDE_MAX)
		return -EFBIG;
	jpeg->out_color_space = JCS_RGB;
	jpeg_start_decompress(jpeg);
	r = canvas_make(&decoder->canvas, (int32_t)jpeg->output_width,
			(int32_t)jpeg->output_height);
	if (r < 0)
		return r;
	decoder->line = malloc((size_t)jpeg->output_width * 3);
	if (!decoder->line)
		return -ENOMEM;
	line = decoder->line;
	while (jpeg->output_scanline < jpeg->output_height) {
		jpeg_read_scanlines(jpeg, &line, 1);
		put_line(decoder,
			 canvas_at(&decoder->canvas, 0,
				   (int32_t)jpeg->output_scanline - 1));
	}
	jpeg_finish_decompress(jpeg);
	return jpeg->err->num_warnings ? -EBADMSG : 0;
}

static int decode(struct decoder *decoder, const void *data, size_t size)
{
	if (setjmp(decoder->failed))
		return -EBADMSG;
	jpeg_create_decompress(&decoder->jpeg);
	jpeg_mem_src(&decoder->jpeg, data, size);
	return decode_lines(decoder);
}

int image_decode_jpeg(const void *data, size_t size, struct canvas *ret)
{
	struct decoder *decoder = calloc(1, sizeof(*decoder));
	int r;

	if (!decoder)
		return -ENOMEM;
	decoder->jpeg.err = jpeg_std_error(&decoder->errors);
	decoder->errors.error_exit = fail;
	decoder->errors.output_message = say_nothing;
	decoder->jpeg.client_data = decoder;
	r = decode(decoder, data, size);
	jpeg_destroy_decompress(&decoder->jpeg);
	free(decoder->line);
	if (r == 0)
		*ret = decoder->canvas;
	else
		free(decoder->canvas.pixels);
	free(decoder);
	return r;
}
