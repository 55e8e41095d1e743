/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The screen in a window of an X server
 *
 * What has changed is sent in pieces, each when the one before it has arrived,
 * so that an X server which is slow, stopped or gone never holds up who draws:
 * nothing blocks but xwindow_open().
 */
#ifndef COMPOSITOR_XWINDOW_H
#define COMPOSITOR_XWINDOW_H

#include "canvas.h"
#include "damage.h"

struct xwindow;

/* Connect to the X server that DISPLAY names.  0; -ENXIO DISPLAY is not set;
 * -EINVAL it is no name of a display; -ECONNREFUSED no X server takes us there;
 * -ENOTSUP its screen has no TrueColor of 24 bits; -ENOSYS built without xcb;
 * -ENOMEM. */
int xwindow_open(const char *title, struct xwindow **ret);
/* NULL is none.  The window is gone with it. */
void xwindow_close(struct xwindow *x);

/* The canvas differs in @damage from what it was; the window is made when this
 * is called first. */
void xwindow_show(struct xwindow *x, const struct canvas *canvas,
		  const struct damage *damage);
/* Handle what has come from the X server and send what it can take.  To be
 * called before xwindow_fd() is waited for.  0; 1 the user has closed the
 * window; -EPIPE the X server is gone; -EPROTO it refuses the window. */
int xwindow_attend(struct xwindow *x, const struct canvas *canvas);
/* Readable when there is something to attend to. */
int xwindow_fd(const struct xwindow *x);

#endif
