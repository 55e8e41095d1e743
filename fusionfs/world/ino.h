/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inode numbers, as the kernel asks with them
 *
 * A number is computed (node.h) or stored (numbered.h).  Of both the kernel
 * knows so many lookups, until it says that it has forgotten them.
 */
#ifndef FUSIONFS_INO_H
#define FUSIONFS_INO_H

#include <stdbool.h>
#include <stdint.h>

struct fuse_req;
struct node;

/* Find the node that request @req is about.  false: it is gone, and the request
 * has been answered. */
bool ino_get_node(struct fuse_req *req, uint64_t ino, struct node *ret);
/* The kernel knows one more lookup of a computed number.  Takes others, too. */
void ino_looked_up(uint64_t ino);
/* The kernel has forgotten so many. */
void ino_forgotten(uint64_t ino, uint64_t lookups);

#endif
