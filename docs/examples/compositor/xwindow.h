/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Show the screen in a window of an X server
 *
 * Changes are sent in pieces, each when the piece before it has arrived.  So an
 * X server that is slow, stopped or gone never delays drawing: only
 * xwindow_open() blocks.
 */
#ifndef COMPOSITOR_XWINDOW_H
#define COMPOSITOR_XWINDOW_H

#include "canvas.h"
#include "damage.h"

struct xwindow;

/*
 * Connect to the X server that DISPLAY names.  Returns
 *   0              connected
 *   -ENXIO         DISPLAY is not set
 *   -EINVAL        DISPLAY is not the name of a display
 *   -ECONNREFUSED  no X server accepts a connection there
 *   -ENOTSUP       its screen has no TrueColor visual of 24 bits
 *   -ENOSYS        built without xcb
 *   -ENOMEM        memory is used up
 */
int xwindow_open(const char *title, struct xwindow **ret);
/* Close the connection and its window; NULL does nothing. */
void xwindow_close(struct xwindow *x);

/* Show the canvas, which has changed in @damage.  The first call creates the
 * window. */
void xwindow_show(struct xwindow *x, const struct canvas *canvas,
		  const struct damage *damage);
/* Handle events of the X server, and send what it can take.  Call this before
 * waiting for xwindow_fd().  Returns 0; 1: the user has closed the window;
 * -EPIPE: the X server is gone; -EPROTO: it refuses the window. */
int xwindow_attend(struct xwindow *x, const struct canvas *canvas);
/* A descriptor that is readable when xwindow_attend() has something to do. */
int xwindow_fd(const struct xwindow *x);

#endif
