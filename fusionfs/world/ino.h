/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inode numbers, as the kernel asks with them
 *
 * A number is computed (node.h) or stored (numbered.h).  The kernel counts the
 * lookups that it was answered with a number, and says later how many of them
 * it has forgotten.  A number is in use until all are forgotten.
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
/* Count one more lookup of a computed number, and none of a stored one. */
void ino_looked_up(uint64_t ino);
/* Count the @lookups that the kernel has forgotten. */
void ino_forgotten(uint64_t ino, uint64_t lookups);

#endif
