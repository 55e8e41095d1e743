/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list of arenas this process is in, and what its parts ask of another. */
#ifndef FUSION_ARENAS_H
#define FUSION_ARENAS_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/file/protocol.h"

extern pthread_mutex_t arenas_lock; /* outermost of all our locks */
extern struct fusion_arena *arenas; /* guarded by arenas_lock */

/* --- arena.c -------------------------------------------------------------- */

/* Sleep until a handle has changed state, at most to @deadline_ns (monotonic,
 * < 0: for ever); arenas_lock is held.  0, -ETIMEDOUT. */
int arenas_wait(int64_t deadline_ns);
/* Change the state of a handle, or take it off the list; waiters look again. */
void arena_set_state(struct fusion_arena *arena, enum handle_state state);
void arena_unlist(struct fusion_arena *arena);
/* Make a mapped arena known to arena_of(), or forget it.  -EFAULT: the arena
 * does not begin a slot (WINDOW_SLOT) of the user's address space. */
int address_add(struct fusion_arena *arena);
void address_remove(const struct fusion_arena *arena);
/* In the child of a fork: the lock is nobody's. */
void arenas_after_fork_child(void);

/* --- enter.c, exit.c ------------------------------------------------------ */

/* Join again under the same path, as the child of a fork does.  0, -errno. */
int arena_rejoin(struct fusion_arena *arena);
/* Not a member any more: say so by @request (LEAVE, or READY with a callback's
 * error in @result), or do it alone if there is no daemon; then unmap. */
void arena_depart(struct fusion_arena *arena, unsigned long request,
		  int result);
void arena_unmap(struct fusion_arena *arena);
void arena_free(struct fusion_arena *arena);

/* --- request.c ------------------------------------------------------------ */

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
/* Close the directory, but not what the program has at its number. */
void dir_close(struct fusion_arena *arena);

/* --- object_duty.c -------------------------------------------------------- */

/* This member was rung: is there an object for it to destroy, a duty to take?
 */
void duty_look(struct fusion_arena *arena);
/* The process leaves: its duties are others', and no destructor runs here. */
void duty_stop(struct fusion_arena *arena);

/* --- ref.c, ref_watch.c, ref_fork.c ----------------------------------------
 */

/* Have the thread that looks when this member is rung.  0, -errno. */
int watch_start(struct fusion_arena *arena);
/* No watch of this process' any more; no function of one is running. */
void watch_stop(struct fusion_arena *arena);
/* What ref.c keeps of an arena in private memory. */
void ref_rows_free(struct fusion_arena *arena);
/* Around fork(), of each arena whose child enters again.  In the child, after
 * detach(), ref_fork_joining() when it has opened the file and before it has a
 * witness, ref_fork_child() when it is in, or not (@joined). */
void ref_fork_before(struct fusion_arena *arena);
void ref_fork_parent(struct fusion_arena *arena);
int ref_fork_joining(struct fusion_arena *arena);
void ref_fork_child(struct fusion_arena *arena, bool joined);
/* The handle goes. */
void ref_fork_free(struct fusion_arena *arena);

/* --- notice.c, fork.c ----------------------------------------------------- */

void notice_stop(struct fusion_arena *arena);
void fork_prepare_once(void);

#endif
