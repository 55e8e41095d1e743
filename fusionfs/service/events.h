/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file `events`: the newest lines the arena has, then end of file
 *
 * An open file begins with the newest 512 lines that there were when it was
 * opened, and grows: offsets, size and bytes agree, whatever the arena has
 * overwritten meanwhile, for the daemon keeps a copy.  The copy is bounded:
 * a reader that is too slow goes on with the oldest line that is left, and a
 * read at another offset that is gone fails.  So who reads on after the end
 * gets what is new, as with a log file; poll says when there is something.
 */
#ifndef FUSIONFS_EVENTS_H
#define FUSIONFS_EVENTS_H

#include "fusionfs/base/text.h"
#include "fusionfs/world/node.h"

struct fuse_pollhandle;

struct watcher *events_open(struct arena *a);
void events_close(struct watcher *w);
/* Up to @size bytes from @off on: their number (0: end), in *ret.  -ENODATA:
 * the bytes at this offset are gone; -ENOMEM. */
int events_read(struct watcher *w, uint64_t off, size_t size, const char **ret);
/* Is there something to read?  If not, @ph is told when there is. */
bool events_poll(struct watcher *w, struct fuse_pollhandle *ph);
/* The arena may have new events: tell who polls. */
void events_changed(struct arena *a);
/* The size of the open file @w, or of one that is opened now if that is NULL.
 * The kernel is told.  That of an open file only grows, or `tail -f` would
 * take the file for truncated. */
uint64_t events_size(struct arena *a, struct watcher *w);
/* The kernel has the size @told: does it not cut a line of @w's pages? */
bool events_fit_page(const struct watcher *w, uint64_t told);
/* row.stat: the time of the newest event, and the size of a file that is opened
 * now. */
void events_stat(const struct node *n, struct stat *st);
/* The arena goes: its open files are at their end for ever. */
void events_forget(struct arena *a);

extern const struct arena_service events_service;

#endif
