/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The server: owns the screen and composes it when clients flip
 *
 * Invariant: no destructor, call or flip runs while the server composes.  It
 * has one thread, which dispatches by itself.
 */
#ifndef COMPOSITOR_SERVER_H
#define COMPOSITOR_SERVER_H

#include <signal.h>

#include "desk.h"

struct server_options {
	int32_t width, height;
	uint32_t background;
	int32_t frames_per_second; /* most; 0: no limit */
	bool standby;		   /* wait until there is no other compositor */
	/* Runs for each frame; @damage says where it differs from the frame
	 * before.  May be NULL. */
	void (*show)(const struct canvas *canvas, const struct damage *damage,
		     void *ctx);
	/* Runs before each wait.  Returns a descriptor that ends the wait when
	 * it is readable, or -1.  May be NULL. */
	int (*attend)(const struct canvas *canvas, void *ctx);
	void *ctx;
};

/* Be the compositor of an arena until *@stop is set.  Returns 0; -EEXIST: there
 * is another compositor; or an error of fusion_arena_enter(). */
int server_run(const char *arena, const struct server_options *options,
	       const volatile sig_atomic_t *stop);

#endif
