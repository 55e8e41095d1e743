/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Built instead of xwindow.c if there is no xcb: opening a window fails. */
#include <errno.h>
#include <stddef.h>

#include "xwindow.h"

int xwindow_open(const char *title, struct xwindow **ret)
{
	(void)title;
	(void)ret;
	return -ENOSYS;
}

void xwindow_close(struct xwindow *x)
{
	(void)x;
}

void xwindow_show(struct xwindow *x, const struct canvas *canvas,
		  const struct damage *damage)
{
	(void)x;
	(void)canvas;
	(void)damage;
}

int xwindow_attend(struct xwindow *x, const struct canvas *canvas)
{
	(void)x;
	(void)canvas;
	return -ENOSYS;
}

int xwindow_fd(const struct xwindow *x)
{
	(void)x;
	return -1;
}
