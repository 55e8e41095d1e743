/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "terminal.h"

/* The mean of the pixels of @area, as 0xRRGGBB. */
static uint32_t mean(const struct canvas *canvas, struct area area)
{
	uint64_t red = 0, green = 0, blue = 0, n;
	uint32_t pixel;

	area = area_clip(area, canvas_area(canvas));
	n = (uint64_t)area_size(area);
	for (int32_t y = area.y; y < area.y + area.height; y++)
		for (int32_t x = area.x; x < area.x + area.width; x++) {
			pixel = *canvas_at(canvas, x, y);
			red += pixel >> 16 & 255;
			green += pixel >> 8 & 255;
			blue += pixel & 255;
		}
	if (n == 0)
		return 0;
	return (uint32_t)(red / n << 16 | green / n << 8 | blue / n);
}

/* Pixel @x, @y of the canvas if it were @columns wide and @lines high. */
static uint32_t shrunk(const struct canvas *canvas, int32_t x, int32_t y,
		       int32_t columns, int32_t lines)
{
	int32_t left = (int32_t)((int64_t)x * canvas->width / columns);
	int32_t right = (int32_t)((int64_t)(x + 1) * canvas->width / columns);
	int32_t top = (int32_t)((int64_t)y * canvas->height / lines);
	int32_t bottom = (int32_t)((int64_t)(y + 1) * canvas->height / lines);

	return mean(canvas,
		    (struct area){left, top, right > left ? right - left : 1,
				  bottom > top ? bottom - top : 1});
}

/* Set the colour of the upper half (@which 38) or the lower one (48). */
static void set_colour(FILE *out, int which, uint32_t *now, uint32_t colour)
{
	if (*now == colour)
		return;
	*now = colour;
	fprintf(out, "\033[%d;2;%u;%u;%um", which, colour >> 16 & 255,
		colour >> 8 & 255, colour & 255);
}

static void put_row(FILE *out, const struct canvas *canvas, int32_t row,
		    int32_t columns, int32_t rows)
{
	uint32_t upper = UINT32_MAX, lower = UINT32_MAX;

	for (int32_t x = 0; x < columns; x++) {
		set_colour(out, 38, &upper,
			   shrunk(canvas, x, row * 2, columns, rows * 2));
		set_colour(out, 48, &lower,
			   shrunk(canvas, x, row * 2 + 1, columns, rows * 2));
		fputs("\u2580", out);
	}
	fputs("\033[0m\n", out);
}

char *terminal_text(const struct canvas *canvas, int32_t columns, int32_t rows)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	for (int32_t row = 0; row < rows; row++)
		put_row(out, canvas, row, columns, rows);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* How many columns and rows the canvas gets: it keeps its shape, and one line
 * stays free for the prompt. */
static void fit(int fd, const struct canvas *canvas, int32_t *columns,
		int32_t *rows)
{
	struct winsize window = {.ws_col = 80, .ws_row = 25};
	struct winsize asked;
	int32_t most;

	if (!ioctl(fd, TIOCGWINSZ, &asked) && asked.ws_col && asked.ws_row > 1)
		window = asked;
	*columns =
		window.ws_col < canvas->width ? window.ws_col : canvas->width;
	*rows = *columns * canvas->height / canvas->width / 2;
	most = window.ws_row - 1;
	if (*rows > most) {
		*rows = most;
		*columns = most * 2 * canvas->width / canvas->height;
	}
	*rows = *rows > 0 ? *rows : 1;
	*columns = *columns > 0 ? *columns : 1;
}

static int put(int fd, const char *text)
{
	size_t left = strlen(text);
	ssize_t n;

	while (left > 0) {
		n = write(fd, text, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= (size_t)n;
	}
	return 0;
}

int terminal_show(int fd, const struct canvas *canvas)
{
	int32_t columns, rows;
	char *text;
	int r;

	fit(fd, canvas, &columns, &rows);
	text = terminal_text(canvas, columns, rows);
	if (!text)
		return -ENOMEM;
	r = put(fd, "\033[?25l\033[H");
	if (r == 0)
		r = put(fd, text);
	free(text);
	return r;
}

void terminal_end(int fd)
{
	put(fd, "\033[0m\033[?25h\n");
}
