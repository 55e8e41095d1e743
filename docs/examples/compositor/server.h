/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server: owns the screen, composes what is flipped
 *
 * It has one thread and dispatches by hand, so a destructor, a call and a flip
 * never run while it composes.
 */
#ifndef COMPOSITOR_SERVER_H
#define COMPOSITOR_SERVER_H

#include <signal.h>

#include "desk.h"

struct server_options {
	int32_t width, height;
	uint32_t background;
	int32_t frames_per_second; /* at most; 0: no limit */
	bool standby;		   /* wait until there is no other */
	/* Told of each frame, and of where it differs from the one before.  May
	 * be NULL. */
	void (*show)(const struct canvas *canvas, const struct damage *damage,
		     void *ctx);
	/* Told before each wait, to do what else is to be done; returns a
	 * descriptor that ends the wait when it is readable, or -1.  May be
	 * NULL. */
	int (*attend)(const struct canvas *canvas, void *ctx);
	void *ctx;
};

/* Be the compositor of an arena until *@stop.  0, or what entering says;
 * -EEXIST there is another one. */
int server_run(const char *arena, const struct server_options *options,
	       const volatile sig_atomic_t *stop);

#endif
