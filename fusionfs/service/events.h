/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file `events`: the newest lines the arena has, then end of file
 *
 * An open file begins with the newest 512 lines that there were when it was
 * opened, and grows: offsets, size and bytes agree, whatever the arena has
 * overwritten meanwhile, for the daemon keeps a copy.  The copy is bounded:
 * a reader that is too slow goes on with the oldest line that is left, and a
 * read at another offset that is gone fails.  So a reader that reads on after
 * the end gets what is new, as with a log file; poll says when there is
 * something.
 */
#ifndef FUSIONFS_EVENTS_H
#define FUSIONFS_EVENTS_H

#include "fusionfs/base/text.h"
#include "fusionfs/world/node.h"

struct fuse_pollhandle;

/* Open the file `events`.  NULL: no memory. */
struct watcher *events_open(struct arena *a);
/* Close it. */
void events_close(struct watcher *w);
/* Read up to @size bytes from @off on.  Returns their number, 0 at the end;
 * -ENODATA the bytes at this offset are gone; -ENOMEM. */
int events_read(struct watcher *w, uint64_t off, size_t size, const char **ret);
/* Is there something to read?  If not, @ph is told as soon as there is. */
bool events_poll(struct watcher *w, struct fuse_pollhandle *ph);
/* Tell the processes that poll if the arena has new events. */
void events_changed(struct arena *a);
/* Return the size of the open file @w, or, if @w is NULL, of a file that is
 * opened now, for the kernel to be told.  The size of an open file only grows,
 * or `tail -f` would take the file for truncated. */
uint64_t events_size(struct arena *a, struct watcher *w);
/* Does the size @told, which the kernel has, cut no line off the pages of @w?
 */
bool events_fit_page(const struct watcher *w, uint64_t told);
/* For row.stat: say the time of the newest event, and the size of a file that
 * is opened now. */
void events_stat(const struct node *n, struct stat *st);

extern const struct arena_service events_service;

#endif
