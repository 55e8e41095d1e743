/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Numbered nodes: the files called NAME.N
 *
 * A computed inode number has no room for N, so each of these files gets the
 * next number when the kernel first looks it up.  The file keeps that number
 * until the kernel has forgotten it: what is mounted over a file lies on the
 * file's inode, and another number for the same name would unmount it.
 */
#ifndef FUSIONFS_NUMBERED_H
#define FUSIONFS_NUMBERED_H

#include "fusionfs/world/node.h"

#define NUMBERED_BIT (1ull << 63) /* no computed number has it */

static inline bool numbered_is(uint64_t ino)
{
	return ino & NUMBERED_BIT;
}

/* Return the number of @n, and count one more lookup of it.  0: no memory. */
uint64_t numbered_add(const struct node *n);
/* Find the node of a stored number.  0, -ENOENT. */
int numbered_get(uint64_t ino, struct node *ret);
/* Count @lookups less of a stored number.  Takes any number. */
void numbered_forget(uint64_t ino, uint64_t lookups);
/* Drop all stored numbers. */
void numbered_end(void);

#endif
