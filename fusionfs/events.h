/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file `events`: the lines the arena still has, then end of file
 *
 * Each open file has a cursor of its own, so that who reads on after the end
 * gets what is new, as with a log file; poll says when there is something.
 */
#ifndef FUSIONFS_EVENTS_H
#define FUSIONFS_EVENTS_H

#include "fusionfs/text.h"
#include "fusionfs/world.h"

struct fuse_pollhandle;

struct watcher *events_open(struct arena *a);
void events_close(struct watcher *w);
/* Up to @size bytes from @off on: their number (0: end), in *ret. */
int events_read(struct watcher *w, uint64_t off, size_t size, const char **ret);
/* Is there something to read?  If not, @ph is told when there is. */
bool events_poll(struct watcher *w, struct fuse_pollhandle *ph);
/* The arena may have new events: tell who polls. */
void events_changed(struct arena *a);
/*
 * The file's size: bytes of all lines that there ever were, as far as this
 * daemon has seen.  `tail -f` takes a size that is less than what it has read
 * for a truncation, so it only grows, in a new life of the arena too.
 */
uint64_t events_size(struct arena *a);
/* Time of the newest event, 0 there is none. */
uint64_t events_time(struct arena *a);
/* The arena goes: its open files are at their end for ever. */
void events_forget(struct arena *a);

#endif
