/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bell of an arena: how members call the daemon for a visitor
 *
 * superblock.visitor_bell is a futex in memory that others can scribble on and
 * truncate.  A thread sleeps on it, and all it does with it is that system
 * call: it never reads the word itself, so nothing in there can hurt it.  When
 * it wakes it tells the main loop, which looks, and gives it the value to sleep
 * on next.  A hostile bell rings no faster than the main loop looks.
 */
#ifndef FUSIONFS_BELL_H
#define FUSIONFS_BELL_H

#include <stdbool.h>

struct arena;

/* Once, before all else.  0, -errno. */
int bell_init(void);
/* Somebody waits for what is told by the bell.  True: it was not listened to
 * until now. */
bool bell_listen(struct arena *a);
/* Does it tell us?  If not, look by the clock. */
bool bell_is_heard(const struct arena *a);
/* The memory goes. */
void bell_end(struct arena *a);

#endif
