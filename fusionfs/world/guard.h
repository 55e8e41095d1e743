/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard: the only place from which arenas are touched; guard.c says how. */
#ifndef FUSIONFS_GUARD_H
#define FUSIONFS_GUARD_H

struct arena;

/*
 * Run @fn on memory that others can scribble on and truncate.  @fn keeps
 * nothing that a jump out of it would lose: guard.c says what it may do.
 *
 * Returns @fn's result;
 * -EIO: @fn raised SIGBUS or took too long, and the arena is corrupt now, or it
 *  was before;
 * -EAGAIN: the arena is unsettled.
 */
int guarded(struct arena *a, int (*fn)(struct arena *a, void *arg), void *arg);
/* Catch faults, and start the watchdog.  0; -errno: there is no timer for it.
 */
int guard_init(void);
/* Close an arena that was mapped just now: in a build with guard_check
 * view.base changes, and only guarded functions can touch the memory. */
void guard_close(struct arena *a);
/* Unmap the arena. */
void guard_unmap(struct arena *a);

#endif
