/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writings: a value that a program writes to a file of one value
 *
 * Programs cut what they write as they like, so the value is collected in the
 * open file until it is whole: at its newline, or when the descriptor is
 * closed.  It is taken then, or refused, and nothing less than the whole ever
 * has an effect: what follows a newline without a close in between is refused,
 * and the value before it taken back.  What follows a value without a newline
 * continues it, also after a close: a shell closes a duplicate of the
 * descriptor after each `printf 52 >&4`.  A value begins at the start of the
 * file, at its end, or where the last value ended: whoever writes into the
 * middle of a number means another number than the one that arrives here.
 */
#ifndef FUSIONFS_WRITING_H
#define FUSIONFS_WRITING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fusionfs/world/node.h"

#define VALUE_BYTES 64u /* the longest value, and a NUL */

struct writing {
	char text[VALUE_BYTES]; /* what there is of the value */
	size_t len;
	bool ended;   /* all of it was stored, or refused, at a close */
	uint64_t end; /* offset behind the last write that was accepted */
	struct text before, after; /* of a value that was taken at its newline:
				      what the file said; empty: of none */
};

/* Copy what was written as a string to the @room bytes at @to.  0; -EINVAL it
 * is too long, or has a NUL in it. */
int writing_copy(char *to, size_t room, const char *data, size_t size);
/* Collect @size bytes for @off; @at_end: that is the end of the file.  0;
 * -EINVAL and what was collected is dropped; or an error of node_store(). */
int writing_add(struct writing *w, const struct node *n, const char *data,
		size_t size, uint64_t off, bool at_end);
/* Forget the value that was taken last: it stays. */
void writing_finish(struct writing *w);
/* Take the value that is there, unless that was done before: the descriptor, or
 * a duplicate, is closed.  0, or an error of writing_add(). */
int writing_end(struct writing *w, const struct node *n);

#endif
