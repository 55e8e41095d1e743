/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests of a member that is inside, to the daemon. */
#ifndef FUSION_REQUEST_H
#define FUSION_REQUEST_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/file/protocol.h"

/* Make a request about this member.  If the daemon was restarted, ask the new
 * one through the directory opened anew.  -ENOTCONN: no daemon knows this
 * member, or the daemon has no memory or no descriptor left: decide alone. */
int arena_request(struct fusion_arena *arena, unsigned long request,
		  struct ioc_member *args);
/* Make a request about something else, in the same way. */
int arena_ask(struct fusion_arena *arena, unsigned long request, void *args);
/* Make this member ALIVE, by the daemon or alone.  0, -errno. */
int arena_ready(struct fusion_arena *arena);
/* Tell the daemon that an event was logged, if it waits for events. */
void arena_poke(struct fusion_arena *arena);
/* Tell the daemon that something is free, if a visitor may wait for it. */
void poke_visitors(struct fusion_arena *arena);
/* Close the directory, unless the program uses its descriptor's number. */
void arena_close_dir(struct fusion_arena *arena);

#endif
