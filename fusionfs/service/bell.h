/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The bell of an arena: how members call the daemon for a visitor
 *
 * superblock.visitor_bell is a futex in memory that others can scribble on and
 * truncate.  A thread of the daemon sleeps on that word.  The thread makes only
 * this system call and never reads the word, so no content of the word can hurt
 * it.  When the thread wakes, it tells the main loop.  The main loop checks the
 * visitors, and gives the thread the value to sleep on next.  So a hostile bell
 * rings no faster than the main loop checks.
 */
#ifndef FUSIONFS_BELL_H
#define FUSIONFS_BELL_H

#include <stdbool.h>

struct arena;

/* Begin, before the first arena is opened.  0, -errno. */
int bell_init(void);
/* Listen to the bell of @a, for a request that waits.  true: nobody listened
 * until now, so the bell may have rung just before. */
bool bell_listen(struct arena *a);
/* Is the bell listened to?  If not, the caller looks by the clock. */
bool bell_is_heard(const struct arena *a);
/* Stop listening: the memory of @a goes. */
void bell_end(struct arena *a);

#endif
