/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking the daemon about this member. */
#ifndef FUSION_REQUEST_H
#define FUSION_REQUEST_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/file/protocol.h"

/* One request about this member; if the daemon was restarted, on the directory
 * opened anew.  -ENOTCONN: there is no daemon that knows this member. */
int arena_request(struct fusion_arena *arena, unsigned long request,
		  struct ioc_member *args);
/* The same with a request that is about something else. */
int arena_ask(struct fusion_arena *arena, unsigned long request, void *args);
/* JOINING or LEAVING -> ALIVE, by the daemon or alone.  0, -errno. */
int arena_ready(struct fusion_arena *arena);
/* POKE: there is something for the daemon to look at. */
void arena_wake_daemon(struct fusion_arena *arena);
/* The daemon may be waiting for events: tell it. */
void arena_poke(struct fusion_arena *arena);
/* The daemon may be holding a visitor until something is free: tell it. */
void poke_visitors(struct fusion_arena *arena);
/* Close the directory, but not what the program has at its number. */
void arena_close_dir(struct fusion_arena *arena);

#endif
