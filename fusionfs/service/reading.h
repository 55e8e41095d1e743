/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Readings: the text that an open file gives
 *
 * The text is made when the reading begins, and from then on read, pread, fstat
 * and lseek of this open file agree about it.  A read from the start makes a
 * new text.  There is one exception: once the kernel has taken pages of the
 * text, for mmap or splice, the text stays, since the kernel keeps its pages.
 */
#ifndef FUSIONFS_READING_H
#define FUSIONFS_READING_H

#include <stdbool.h>

#include "fusionfs/world/node.h"

struct reading {
	struct text text;
	int64_t made_ns; /* 0: there is no text yet */
	bool begun;	 /* some of it was read */
	bool paged;	 /* some of it is in the kernel's pages */
};

/* Must a new text be made for a read of @off?  @paged: the read fills a page.
 */
bool reading_is_due(const struct reading *r, uint64_t off, bool paged);
/* Make a new text.  0, or an error of node_show(). */
int reading_make(struct reading *r, const struct node *n);
/* Take at most @size bytes from @off on, and count them as read. */
size_t reading_take(struct reading *r, uint64_t off, size_t size, bool paged,
		    const char **ret);
/* Return the size for fstat(2): that of the text that is being read, or of a
 * new one that is read next.  0, or an error of node_show(). */
int reading_size(struct reading *r, const struct node *n, uint64_t *ret);
/* Is @off the end of the text? */
bool reading_ends_at(const struct reading *r, uint64_t off);
/* Free the text. */
void reading_finish(struct reading *r);

#endif
