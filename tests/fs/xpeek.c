/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * xpeek CLASS COMMAND: look at a window of the X server at DISPLAY, the first
 * one whose WM_CLASS begins with CLASS, and do to it what a user does
 *
 *   picture FILE   what is seen of it, as a PNG
 *   title          print _NET_WM_NAME
 *   close          ask it to close, as a window manager does
 *   clear          empty it, as when something has lain over it
 *
 * 1: there is no such window; 2: other errors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>

#include "docs/examples/compositor/image.h"

#define TEXT_WORDS 64

static xcb_connection_t *x;

static int fail(const char *what)
{
	fprintf(stderr, "xpeek: %s\n", what);
	return 2;
}

static xcb_atom_t atom(const char *name)
{
	xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(
		x, xcb_intern_atom(x, 0, (uint16_t)strlen(name), name), NULL);
	xcb_atom_t found = reply ? reply->atom : (xcb_atom_t)XCB_ATOM_NONE;

	free(reply);
	return found;
}

/* Free it.  NULL: there is none. */
static char *text_of(xcb_window_t window, xcb_atom_t property)
{
	xcb_get_property_reply_t *reply = xcb_get_property_reply(
		x,
		xcb_get_property(x, 0, window, property, XCB_ATOM_ANY, 0,
				 TEXT_WORDS),
		NULL);
	char *text = NULL;

	if (reply && reply->type != XCB_ATOM_NONE)
		text = strndup(xcb_get_property_value(reply),
			       (size_t)xcb_get_property_value_length(reply));
	free(reply);
	return text;
}

static bool is_of(xcb_window_t window, const char *class)
{
	char *text = text_of(window, XCB_ATOM_WM_CLASS);
	bool is = text && !strcmp(text, class);

	free(text);
	return is;
}

static xcb_window_t find(xcb_window_t root, const char *class)
{
	xcb_query_tree_reply_t *reply =
		xcb_query_tree_reply(x, xcb_query_tree(x, root), NULL);
	const xcb_window_t *child =
		reply ? xcb_query_tree_children(reply) : NULL;
	int n = reply ? xcb_query_tree_children_length(reply) : 0;
	xcb_window_t found = XCB_WINDOW_NONE;

	for (int i = 0; i < n && !found; i++)
		if (is_of(child[i], class))
			found = child[i];
	free(reply);
	return found;
}

static int write_picture(const xcb_get_geometry_reply_t *size,
			 xcb_get_image_reply_t *image, const char *file)
{
	const struct canvas canvas = {
		.pixels = (uint32_t *)(void *)xcb_get_image_data(image),
		.width = size->width,
		.height = size->height,
		.stride = size->width,
	};
	size_t bytes = sizeof(uint32_t) * size->width * size->height;

	if ((size_t)xcb_get_image_data_length(image) != bytes)
		return fail("no words of 32 bits");
	return image_write_png(file, &canvas) < 0 ? fail("cannot write") : 0;
}

/* It is mapped, and no part of it is outside of the screen, or this fails. */
static int picture(xcb_window_t window, const char *file)
{
	xcb_get_geometry_reply_t *size =
		xcb_get_geometry_reply(x, xcb_get_geometry(x, window), NULL);
	xcb_get_image_reply_t *image = NULL;
	int r;

	if (size)
		image = xcb_get_image_reply(
			x,
			xcb_get_image(x, XCB_IMAGE_FORMAT_Z_PIXMAP, window, 0,
				      0, size->width, size->height, ~0u),
			NULL);
	r = image ? write_picture(size, image, file)
		  : fail("not all of it is on the screen");
	free(image);
	free(size);
	return r;
}

static int title(xcb_window_t window)
{
	char *text = text_of(window, atom("_NET_WM_NAME"));

	printf("%s\n", text ? text : "");
	free(text);
	return 0;
}

static int ask_to_close(xcb_window_t window)
{
	const xcb_client_message_event_t message = {
		.response_type = XCB_CLIENT_MESSAGE,
		.format = 32,
		.window = window,
		.type = atom("WM_PROTOCOLS"),
		.data.data32 = {atom("WM_DELETE_WINDOW"), XCB_CURRENT_TIME},
	};

	xcb_send_event(x, 0, window, XCB_EVENT_MASK_NO_EVENT,
		       (const char *)&message);
	return 0;
}

static int run(xcb_window_t window, const char *command, const char *file)
{
	if (!strcmp(command, "picture") && file)
		return picture(window, file);
	if (!strcmp(command, "title"))
		return title(window);
	if (!strcmp(command, "close"))
		return ask_to_close(window);
	if (strcmp(command, "clear"))
		return fail("no such command");
	xcb_clear_area(x, 1, window, 0, 0, 0, 0);
	return 0;
}

int main(int argc, char **argv)
{
	xcb_window_t window;
	int r = 1;

	if (argc < 3)
		return fail("usage: xpeek CLASS COMMAND [FILE]");
	x = xcb_connect(NULL, NULL);
	if (xcb_connection_has_error(x)) {
		xcb_disconnect(x);
		return fail("no X server");
	}
	window = find(xcb_setup_roots_iterator(xcb_get_setup(x)).data->root,
		      argv[1]);
	if (window)
		r = run(window, argv[2], argv[3]);
	/* All is done when an answer comes. */
	free(xcb_get_input_focus_reply(x, xcb_get_input_focus(x), NULL));
	xcb_disconnect(x);
	return r;
}
