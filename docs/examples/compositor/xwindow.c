/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>
#include <xcb/xcbext.h>

#include "xwindow.h"

/* Pixels of a piece: enough for a line of the widest canvas.  xcb blocks while
 * its socket is not writable, which holds when more than a fourth of its 208
 * KiB is in use.  A piece of 32 KiB leaves room for the requests behind it. */
#define PIECE 8192
_Static_assert(PIECE >= CANVAS_SIDE_MAX, "a line fits");

/* The format of the X screen's pixels. */
struct format {
	uint8_t depth;
	xcb_visualid_t visual;
	int red, green, blue; /* by how many bits each is shifted */
	uint32_t rest;	      /* all other bits set: makes an alpha opaque */
	bool swap;	      /* its byte order is not ours */
};

struct xwindow {
	xcb_connection_t *connection;
	const xcb_screen_t *screen;
	struct format format;
	xcb_atom_t wm_protocols, wm_delete, net_wm_name, utf8;
	char *title;
	xcb_window_t window; /* 0: not made yet */
	xcb_gcontext_t gc;
	/* `sending` takes all of `changed` at once.  So an area that changes
	 * all the time does not delay the others. */
	struct damage changed, sending;
	bool asked; /* for the reply that the last piece has arrived */
	xcb_get_input_focus_cookie_t arrived;
	uint32_t piece[PIECE];
};

/* --- The format of pixels ------------------------------------------------- */

static int shift_of(uint32_t mask)
{
	int shift = mask ? __builtin_ctz(mask) : 0;

	return mask >> shift == 255 ? shift : -1;
}

static bool has_words(const xcb_setup_t *setup, uint8_t depth)
{
	const xcb_format_t *format = xcb_setup_pixmap_formats(setup);

	for (int i = 0; i < xcb_setup_pixmap_formats_length(setup); i++)
		if (format[i].depth == depth)
			return format[i].bits_per_pixel == 32;
	return false;
}

/* How good a visual is: more is better, 0 is useless. */
static int rank(const struct xwindow *x, uint8_t depth,
		const xcb_visualtype_t *visual)
{
	if (visual->_class != XCB_VISUAL_CLASS_TRUE_COLOR ||
	    (depth != 24 && depth != 32) ||
	    !has_words(xcb_get_setup(x->connection), depth) ||
	    shift_of(visual->red_mask) < 0 ||
	    shift_of(visual->green_mask) < 0 || shift_of(visual->blue_mask) < 0)
		return 0;
	if (visual->visual_id == x->screen->root_visual)
		return 3;
	return depth == 24 ? 2 : 1;
}

static void use(struct xwindow *x, uint8_t depth, const xcb_visualtype_t *v)
{
	const xcb_setup_t *setup = xcb_get_setup(x->connection);
	int order = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
			    ? XCB_IMAGE_ORDER_LSB_FIRST
			    : XCB_IMAGE_ORDER_MSB_FIRST;

	x->format = (struct format){
		.depth = depth,
		.visual = v->visual_id,
		.red = shift_of(v->red_mask),
		.green = shift_of(v->green_mask),
		.blue = shift_of(v->blue_mask),
		.rest = ~(v->red_mask | v->green_mask | v->blue_mask),
		.swap = setup->image_byte_order != order,
	};
}

static int find_format(struct xwindow *x)
{
	xcb_depth_iterator_t depths =
		xcb_screen_allowed_depths_iterator(x->screen);
	xcb_visualtype_iterator_t visuals;
	int best = 0, now;

	for (; depths.rem; xcb_depth_next(&depths)) {
		visuals = xcb_depth_visuals_iterator(depths.data);
		for (; visuals.rem; xcb_visualtype_next(&visuals)) {
			now = rank(x, depths.data->depth, visuals.data);
			if (now <= best)
				continue;
			best = now;
			use(x, depths.data->depth, visuals.data);
		}
	}
	return best ? 0 : -ENOTSUP;
}

static uint32_t formatted(const struct format *format, uint32_t pixel)
{
	uint32_t word = (pixel >> 16 & 255) << format->red |
			(pixel >> 8 & 255) << format->green |
			(pixel & 255) << format->blue | format->rest;

	return format->swap ? __builtin_bswap32(word) : word;
}

/* --- Connecting ----------------------------------------------------------- */

static int error_of(xcb_connection_t *connection)
{
	switch (xcb_connection_has_error(connection)) {
	case 0:
		return 0;
	case XCB_CONN_CLOSED_MEM_INSUFFICIENT:
		return -ENOMEM;
	case XCB_CONN_CLOSED_PARSE_ERR:
	case XCB_CONN_CLOSED_INVALID_SCREEN:
		return -EINVAL;
	default:
		return -ECONNREFUSED;
	}
}

static int find_screen(struct xwindow *x, int number)
{
	xcb_screen_iterator_t screens =
		xcb_setup_roots_iterator(xcb_get_setup(x->connection));

	for (; screens.rem && number > 0; number--)
		xcb_screen_next(&screens);
	x->screen = screens.data;
	return screens.rem ? 0 : -EINVAL;
}

static int find_atoms(struct xwindow *x)
{
	const struct {
		const char *name;
		xcb_atom_t *atom;
	} wanted[] = {
		{"WM_PROTOCOLS", &x->wm_protocols},
		{"WM_DELETE_WINDOW", &x->wm_delete},
		{"_NET_WM_NAME", &x->net_wm_name},
		{"UTF8_STRING", &x->utf8},
	};
	xcb_intern_atom_reply_t *reply;

	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		reply = xcb_intern_atom_reply(
			x->connection,
			xcb_intern_atom(x->connection, 0,
					(uint16_t)strlen(wanted[i].name),
					wanted[i].name),
			NULL);
		if (!reply)
			return -ECONNREFUSED;
		*wanted[i].atom = reply->atom;
		free(reply);
	}
	return 0;
}

static int connect_to_x(struct xwindow *x)
{
	int number = 0, r;

	x->connection = xcb_connect(NULL, &number);
	r = error_of(x->connection);
	if (r == 0)
		r = find_screen(x, number);
	if (r == 0)
		r = find_format(x);
	return r < 0 ? r : find_atoms(x);
}

int xwindow_open(const char *title, struct xwindow **ret)
{
	const char *display = getenv("DISPLAY");
	struct xwindow *x;
	int r = -ENOMEM;

	if (!display || !*display)
		return -ENXIO;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->title = strdup(title);
	if (x->title)
		r = connect_to_x(x);
	if (r < 0)
		xwindow_close(x);
	else
		*ret = x;
	return r;
}

void xwindow_close(struct xwindow *x)
{
	if (!x)
		return;
	if (x->connection)
		xcb_disconnect(x->connection);
	free(x->title);
	free(x);
}

int xwindow_fd(const struct xwindow *x)
{
	return xcb_get_file_descriptor(x->connection);
}

/* --- The window ----------------------------------------------------------- */

static void set_text(struct xwindow *x, xcb_atom_t property, xcb_atom_t type,
		     const char *text, size_t size)
{
	xcb_change_property(x->connection, XCB_PROP_MODE_REPLACE, x->window,
			    property, type, 8, (uint32_t)size, text);
}

/* Fix the window's size to that of the canvas. */
static void set_size(struct xwindow *x, const struct canvas *canvas)
{
	const uint32_t width = (uint32_t)canvas->width;
	const uint32_t height = (uint32_t)canvas->height;
	/* WM_SIZE_HINTS: the flags PMinSize and PMaxSize, four obsolete words,
	 * then the smallest and the largest size. */
	const uint32_t hints[18] = {
		1u << 4 | 1u << 5, 0, 0, 0, 0, width, height, width, height};

	xcb_change_property(x->connection, XCB_PROP_MODE_REPLACE, x->window,
			    XCB_ATOM_WM_NORMAL_HINTS, XCB_ATOM_WM_SIZE_HINTS,
			    32, sizeof(hints) / sizeof(*hints), hints);
}

static void describe(struct xwindow *x, const struct canvas *canvas)
{
	static const char class[] = "compositor\0Compositor";

	set_text(x, XCB_ATOM_WM_NAME, XCB_ATOM_STRING, x->title,
		 strlen(x->title));
	set_text(x, x->net_wm_name, x->utf8, x->title, strlen(x->title));
	set_text(x, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, class, sizeof(class));
	set_size(x, canvas);
	/* Closing the window sends a message instead of ending us. */
	xcb_change_property(x->connection, XCB_PROP_MODE_REPLACE, x->window,
			    x->wm_protocols, XCB_ATOM_ATOM, 32, 1,
			    &x->wm_delete);
}

/* A window with another visual than its parent needs its own colour map and
 * border. */
static void make_window(struct xwindow *x, const struct canvas *canvas)
{
	xcb_colormap_t colours = xcb_generate_id(x->connection);
	const uint32_t values[] = {
		formatted(&x->format, 0),
		0,
		XCB_EVENT_MASK_EXPOSURE,
		colours,
	};

	xcb_create_colormap(x->connection, XCB_COLORMAP_ALLOC_NONE, colours,
			    x->screen->root, x->format.visual);
	x->window = xcb_generate_id(x->connection);
	xcb_create_window(x->connection, x->format.depth, x->window,
			  x->screen->root, 0, 0, (uint16_t)canvas->width,
			  (uint16_t)canvas->height, 0,
			  XCB_WINDOW_CLASS_INPUT_OUTPUT, x->format.visual,
			  XCB_CW_BACK_PIXEL | XCB_CW_BORDER_PIXEL |
				  XCB_CW_EVENT_MASK | XCB_CW_COLORMAP,
			  values);
	describe(x, canvas);
	x->gc = xcb_generate_id(x->connection);
	xcb_create_gc(x->connection, x->gc, x->window, 0, NULL);
	xcb_map_window(x->connection, x->window);
	xcb_flush(x->connection);
}

void xwindow_show(struct xwindow *x, const struct canvas *canvas,
		  const struct damage *damage)
{
	if (!x->window)
		make_window(x, canvas);
	for (size_t i = 0; i < damage->n; i++)
		damage_add(&x->changed, damage->area[i]);
}

/* --- Sending -------------------------------------------------------------- */

/* The next piece of what is to be sent: as many whole lines as it takes.  Empty
 * if nothing is to be sent. */
static struct area next_piece(struct xwindow *x)
{
	struct area *from, piece;

	if (x->sending.n == 0) {
		x->sending = x->changed;
		x->changed.n = 0;
	}
	if (x->sending.n == 0)
		return (struct area){0};
	from = &x->sending.area[x->sending.n - 1];
	piece = *from;
	if (piece.height > PIECE / piece.width)
		piece.height = PIECE / piece.width;
	from->y += piece.height;
	from->height -= piece.height;
	if (from->height == 0)
		x->sending.n--;
	return piece;
}

static void put(struct xwindow *x, const struct canvas *canvas,
		struct area area)
{
	uint32_t *to = x->piece;
	const uint32_t *from;

	for (int32_t row = 0; row < area.height; row++) {
		from = canvas_at(canvas, area.x, area.y + row);
		for (int32_t i = 0; i < area.width; i++)
			*to++ = formatted(&x->format, from[i]);
	}
	xcb_put_image(x->connection, XCB_IMAGE_FORMAT_Z_PIXMAP, x->window,
		      x->gc, (uint16_t)area.width, (uint16_t)area.height,
		      (int16_t)area.x, (int16_t)area.y, 0, x->format.depth,
		      (uint32_t)area_size(area) * sizeof(uint32_t),
		      (const uint8_t *)x->piece);
}

static bool is_on_its_way(struct xwindow *x)
{
	void *reply = NULL;
	xcb_generic_error_t *error = NULL;

	if (x->asked && xcb_poll_for_reply(x->connection, x->arrived.sequence,
					   &reply, &error))
		x->asked = false;
	free(reply);
	free(error);
	return x->asked;
}

/* Returns false if there is nothing to send, or the socket is full. */
static bool send_piece(struct xwindow *x, const struct canvas *canvas)
{
	struct area piece;

	if (is_on_its_way(x) || xcb_connection_has_error(x->connection))
		return false;
	piece = next_piece(x);
	if (area_is_empty(piece))
		return false;
	put(x, canvas, piece);
	/* Any request with a reply would do. */
	x->arrived = xcb_get_input_focus(x->connection);
	x->asked = true;
	xcb_flush(x->connection);
	return true;
}

/* --- Attending ------------------------------------------------------------ */

static void on_expose(struct xwindow *x, const struct canvas *canvas,
		      const xcb_expose_event_t *event)
{
	struct area area = {event->x, event->y, event->width, event->height};

	damage_add(&x->changed, area_clip(area, canvas_area(canvas)));
}

static bool is_close(const struct xwindow *x,
		     const xcb_client_message_event_t *event)
{
	return event->type == x->wm_protocols && event->format == 32 &&
	       event->data.data32[0] == x->wm_delete;
}

static int on_event(struct xwindow *x, const struct canvas *canvas,
		    const xcb_generic_event_t *event)
{
	switch (event->response_type & 0x7f) {
	case 0: /* an error; our requests cause none that matters */
		return -EPROTO;
	case XCB_EXPOSE:
		on_expose(x, canvas, (const void *)event);
		return 0;
	case XCB_CLIENT_MESSAGE:
		return is_close(x, (const void *)event);
	default:
		return 0;
	}
}

static int handle_events(struct xwindow *x, const struct canvas *canvas)
{
	xcb_generic_event_t *event;
	int r = 0;

	while (r == 0 && (event = xcb_poll_for_event(x->connection))) {
		r = on_event(x, canvas, event);
		free(event);
	}
	return r;
}

/* Sending may read events into xcb's queue, and then poll() would not report
 * them.  So we handle events after the last piece. */
int xwindow_attend(struct xwindow *x, const struct canvas *canvas)
{
	int r;

	do
		r = handle_events(x, canvas);
	while (r == 0 && send_piece(x, canvas));
	if (r == 0 && xcb_connection_has_error(x->connection))
		r = -EPIPE;
	return r;
}
