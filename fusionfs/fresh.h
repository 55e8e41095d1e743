/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fresh nodes: files that get a new number whenever they are looked up
 *
 * The kernel writes to an inode for one process at a time, and who waits for
 * that is deaf to signals.  So where a write may have to wait, each process
 * that opens the file gets an inode of its own.  The numbers live as long as
 * the kernel keeps them; like the mount, they end with the daemon.
 */
#ifndef FUSIONFS_FRESH_H
#define FUSIONFS_FRESH_H

#include "fusionfs/node.h"

#define FRESH_BIT (1ull << 63) /* no computed number has it */

static inline bool fresh_is(uint64_t ino)
{
	return ino & FRESH_BIT;
}

/* A number for @n, 0 no memory. */
uint64_t fresh_add(const struct node *n);
/* 0, -ENOENT. */
int fresh_get(uint64_t ino, struct node *ret);
/* Takes any number. */
void fresh_drop(uint64_t ino);
/* All of them. */
void fresh_end(void);

#endif
