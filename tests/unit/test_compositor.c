/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The drawing of docs/examples/compositor: areas, damage, composing, pictures
 *
 * Composing is compared with a model that asks for each pixel of the screen
 * what is seen there.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "docs/examples/compositor/image.h"
#include "docs/examples/compositor/screen.h"
#include "docs/examples/compositor/terminal.h"
#include "docs/examples/compositor/words.h"

#define WIDTH 97
#define HEIGHT 61

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(seed >> 33) % n;
}

static struct area some_area(void)
{
	return (struct area){(int32_t)below(WIDTH + 40) - 20,
			     (int32_t)below(HEIGHT + 40) - 20,
			     (int32_t)below(50), (int32_t)below(50)};
}

static bool is_in(struct area a, int32_t x, int32_t y)
{
	return x >= a.x && y >= a.y && x - a.x < a.width && y - a.y < a.height;
}

static bool is_damaged(const struct damage *damage, int32_t x, int32_t y)
{
	for (size_t i = 0; i < damage->n; i++)
		if (is_in(damage->area[i], x, y))
			return true;
	return false;
}

/* --- Areas and damage ----------------------------------------------------- */

static void area_clip_and_union_are_what_points_say(void **state)
{
	(void)state;
	for (int i = 0; i < 300; i++) {
		struct area a = some_area(), b = some_area();
		struct area clip = area_clip(a, b), both = area_union(a, b);

		for (int32_t y = -25; y < HEIGHT + 70; y++)
			for (int32_t x = -25; x < WIDTH + 70; x++) {
				bool in_a = is_in(a, x, y);
				bool in_b = is_in(b, x, y);

				assert_int_equal(is_in(clip, x, y),
						 in_a && in_b);
				if (in_a || in_b)
					assert_true(is_in(both, x, y));
			}
		assert_true(area_contains(both, a));
		assert_true(area_contains(a, clip));
		assert_true(area_contains(a, b) ==
			    (area_size(clip) == area_size(b)));
	}
}

static void area_beyond_all_positions_does_not_wrap(void **state)
{
	struct area far = {INT32_MAX - 5, INT32_MIN, INT32_MAX, INT32_MAX};
	struct area all = {0, 0, INT32_MAX, INT32_MAX};

	(void)state;
	assert_true(area_is_empty(area_clip(far, all)));
	assert_false(area_contains(all, far));
	assert_int_equal(area_union(far, all).width, INT32_MAX);
}

static void damage_has_all_that_was_added_in_few_areas(void **state)
{
	(void)state;
	for (int round = 0; round < 50; round++) {
		struct damage damage = {0};
		struct area added[60];

		for (int i = 0; i < 60; i++) {
			added[i] = some_area();
			damage_add(&damage, added[i]);
			assert_true(damage.n <= DAMAGE_AREAS);
		}
		for (int i = 0; i < 60; i++)
			for (int32_t y = -20; y < HEIGHT + 70; y++)
				for (int32_t x = -20; x < WIDTH + 70; x++)
					if (is_in(added[i], x, y))
						assert_true(is_damaged(&damage,
								       x, y));
	}
}

static void damage_far_apart_stays_apart(void **state)
{
	struct damage damage = {0};

	(void)state;
	damage_add(&damage, (struct area){0, 0, 10, 10});
	damage_add(&damage, (struct area){90, 50, 5, 5});
	damage_add(&damage, (struct area){2, 2, 3, 3});
	damage_add(&damage, (struct area){7, 7, 0, 9});
	assert_int_equal(damage.n, 2);
	assert_int_equal(area_size(damage.area[0]) + area_size(damage.area[1]),
			 125);
}

/* --- Pixels ----------------------------------------------------------------
 */

static uint32_t channel_over(uint32_t above, uint32_t alpha, uint32_t under)
{
	return above + (under * (255 - alpha) * 2 + 255) / 510;
}

static void pixel_over_is_exact_in_each_channel(void **state)
{
	(void)state;
	for (int i = 0; i < 200000; i++) {
		uint32_t alpha = below(256);
		uint32_t above =
			pixel_of(alpha, below(256), below(256), below(256));
		uint32_t under = 0xff000000u | below(1 << 24);
		uint32_t seen = pixel_over(above, under);

		for (int bit = 0; bit < 32; bit += 8)
			assert_int_equal(seen >> bit & 255,
					 channel_over(above >> bit & 255, alpha,
						      under >> bit & 255));
	}
	assert_int_equal(pixel_over(0, 0xff123456), 0xff123456);
	assert_int_equal(pixel_over(0xff123456, 0xffffffff), 0xff123456);
}

/* --- Composing ------------------------------------------------------------ */

static void fill_somehow(struct canvas *canvas)
{
	for (int32_t y = 0; y < canvas->height; y++)
		for (int32_t x = 0; x < canvas->width; x++)
			*canvas_at(canvas, x, y) = pixel_of(
				below(256), below(256), below(256), below(256));
}

static void open_window(struct screen *screen, int *key)
{
	struct window window = {
		.key = key,
		.layer = {.x = (int32_t)below(WIDTH + 30) - 30,
			  .y = (int32_t)below(HEIGHT + 30) - 30,
			  .opaque = below(2)},
		.z = (int32_t)below(4),
	};

	assert_int_equal(canvas_make(&window.layer.canvas,
				     1 + (int32_t)below(60),
				     1 + (int32_t)below(60)),
			 0);
	fill_somehow(&window.layer.canvas);
	assert_int_equal(screen_add(screen, &window), 0);
	assert_int_equal(screen_add(screen, &window), -EEXIST);
}

static void close_window(struct screen *screen, const int *key)
{
	struct window *window = screen_find(screen, key);

	assert_non_null(window);
	free(window->layer.canvas.pixels);
	screen_remove(screen, key);
	assert_null(screen_find(screen, key));
}

static void draw_in_window(struct screen *screen, const int *key)
{
	struct window *window = screen_find(screen, key);
	struct canvas *canvas = &window->layer.canvas;
	struct area area = area_clip(some_area(), canvas_area(canvas));

	canvas_fill(canvas, area, pixel_of(below(256), 200, 100, 50));
	screen_flip(screen, window, canvas->pixels, area);
}

static uint32_t seen_at(const struct screen *screen, int32_t x, int32_t y)
{
	uint32_t pixel = screen->background;

	for (size_t i = 0; i < screen->n; i++) {
		const struct layer *layer = &screen->window[i].layer;
		uint32_t above;

		if (i > 0)
			assert_true(screen->window[i - 1].z <=
				    screen->window[i].z);
		if (!is_in(layer_area(layer), x, y))
			continue;
		above = *canvas_at(&layer->canvas, x - layer->x, y - layer->y);
		pixel = layer->opaque ? above : pixel_over(above, pixel);
	}
	return pixel;
}

static void assert_screen_is_right(const struct screen *screen)
{
	for (int32_t y = 0; y < HEIGHT; y++)
		for (int32_t x = 0; x < WIDTH; x++)
			assert_int_equal(*canvas_at(&screen->canvas, x, y),
					 seen_at(screen, x, y));
}

/* Opened, closed and drawn in at random, it looks as if all were drawn anew. */
static void screen_after_any_changes_shows_what_the_model_sees(void **state)
{
	static struct screen screen;
	int key[12];
	bool open[12] = {false};

	(void)state;
	assert_int_equal(screen_init(&screen, WIDTH, HEIGHT, 0x336699), 0);
	for (int step = 0; step < 600; step++) {
		uint32_t i = below(12);

		if (!open[i])
			open_window(&screen, &key[i]);
		else if (below(4) == 0)
			close_window(&screen, &key[i]);
		else
			draw_in_window(&screen, &key[i]);
		open[i] = screen_find(&screen, &key[i]);
		if (below(3) > 0)
			continue;
		screen_compose(&screen);
		assert_false(screen_is_damaged(&screen));
		assert_screen_is_right(&screen);
	}
	for (int i = 0; i < 12; i++)
		if (open[i])
			close_window(&screen, &key[i]);
	screen_finish(&screen);
}

/* What is hidden, or not damaged, is not drawn. */
static void compose_draws_no_more_than_it_must(void **state)
{
	static struct screen screen;
	int key[2];
	struct window window = {.layer = {.opaque = true}};

	(void)state;
	assert_int_equal(screen_init(&screen, 100, 100, 0), 0);
	assert_int_equal(screen_compose(&screen), 100 * 100);
	assert_int_equal(canvas_make(&window.layer.canvas, 100, 100), 0);
	for (int i = 0; i < 2; i++) {
		window.key = &key[i];
		assert_int_equal(screen_add(&screen, &window), 0);
	}
	assert_int_equal(screen_compose(&screen), 100 * 100);
	screen_flip(&screen, screen_find(&screen, &key[1]),
		    window.layer.canvas.pixels, (struct area){10, 10, 5, 4});
	assert_int_equal(screen_compose(&screen), 5 * 4);
	assert_int_equal(screen_compose(&screen), 0);
	free(window.layer.canvas.pixels);
	screen_finish(&screen);
}

static void screen_full_of_windows_takes_no_more(void **state)
{
	static struct screen screen;
	static char key[SCREEN_WINDOWS + 1];
	uint32_t pixel = 0;
	struct window window = {
		.layer.canvas = {&pixel, 1, 1, 1},
	};

	(void)state;
	assert_int_equal(screen_init(&screen, 10, 10, 0), 0);
	for (int i = 0; i <= SCREEN_WINDOWS; i++) {
		window.key = &key[i];
		assert_int_equal(screen_add(&screen, &window),
				 i < SCREEN_WINDOWS ? 0 : -ENOSPC);
	}
	screen_finish(&screen);
}

/* --- Pictures --------------------------------------------------------------
 */

static void image_png_comes_back_as_it_was(void **state)
{
	struct canvas canvas, again;
	size_t size;
	void *png;

	(void)state;
	assert_int_equal(canvas_make(&canvas, 31, 17), 0);
	for (int i = 0; i < 31 * 17; i++)
		canvas.pixels[i] = 0xff000000u | below(1 << 24);
	assert_int_equal(image_encode_png(&canvas, &png, &size), 0);
	assert_int_equal(image_decode_png(png, size, &again), 0);
	assert_int_equal(again.width, 31);
	assert_int_equal(again.height, 17);
	assert_memory_equal(again.pixels, canvas.pixels,
			    31 * 17 * sizeof(uint32_t));
	free(again.pixels);
	for (size_t cut = 0; cut < size - 12; cut += 7)
		assert_true(image_decode_png(png, cut, &again) < 0);
	free(png);
	free(canvas.pixels);
}

static void image_that_is_none_is_refused(void **state)
{
	static const unsigned char jpeg[] = {0xff, 0xd8, 0xff, 0xe0, 0, 16, 'J',
					     'F',  'I',	 'F',  0,    1, 1,  0};
	struct canvas canvas;

	(void)state;
	assert_int_equal(image_decode_jpeg(jpeg, sizeof(jpeg), &canvas),
			 -EBADMSG);
	assert_int_equal(image_read("/proc/self/maps", &canvas), -EINVAL);
	assert_int_equal(image_read("/", &canvas), -EISDIR);
	assert_int_equal(image_read("/no/such", &canvas), -ENOENT);
	assert_int_equal(canvas_make(&canvas, 0, 5), -EINVAL);
}

/* --- The terminal and words ------------------------------------------------
 */

static void terminal_half_blocks_have_the_colours(void **state)
{
	uint32_t pixels[] = {0xff0000ff, 0xff0000ff, 0xff00ff00, 0xff00ff00,
			     0xffff0000, 0xffff0000, 0xff000000, 0xff020202};
	struct canvas canvas = {pixels, 2, 4, 2};
	char *text = terminal_text(&canvas, 1, 2);

	(void)state;
	assert_string_equal(
		text, "\033[38;2;0;0;255m\033[48;2;0;255;0m\u2580\033[0m\n"
		      "\033[38;2;255;0;0m\033[48;2;1;1;1m\u2580\033[0m\n");
	free(text);
}

static void words_that_are_none_are_refused(void **state)
{
	int32_t a, b;
	uint32_t pixel;

	(void)state;
	assert_true(words_size("640x480", &a, &b) && a == 640 && b == 480);
	assert_true(words_point("-3,7", &a, &b) && a == -3 && b == 7);
	assert_true(words_colour("ff8000", &pixel) && pixel == 0xffff8000);
	assert_true(words_colour("00ffffff", &pixel) && pixel == 0);
	assert_true(words_number("7", 1, 9, &a) && a == 7);
	assert_false(words_size("640", &a, &b));
	assert_false(words_size("640x0", &a, &b));
	assert_false(words_size("9999x10", &a, &b));
	assert_false(words_size("10x10x", &a, &b));
	assert_false(words_point("7", &a, &b));
	assert_false(words_colour("-f8000", &pixel));
	assert_false(words_colour("red", &pixel));
	assert_false(words_number("10", 1, 9, &a));
	assert_false(words_number("", 1, 9, &a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(area_clip_and_union_are_what_points_say),
		cmocka_unit_test(area_beyond_all_positions_does_not_wrap),
		cmocka_unit_test(damage_has_all_that_was_added_in_few_areas),
		cmocka_unit_test(damage_far_apart_stays_apart),
		cmocka_unit_test(pixel_over_is_exact_in_each_channel),
		cmocka_unit_test(
			screen_after_any_changes_shows_what_the_model_sees),
		cmocka_unit_test(compose_draws_no_more_than_it_must),
		cmocka_unit_test(screen_full_of_windows_takes_no_more),
		cmocka_unit_test(image_png_comes_back_as_it_was),
		cmocka_unit_test(image_that_is_none_is_refused),
		cmocka_unit_test(terminal_half_blocks_have_the_colours),
		cmocka_unit_test(words_that_are_none_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
