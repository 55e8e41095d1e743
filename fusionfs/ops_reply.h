/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What several requests have in common: to stat a node, and to answer with it.
 */
#ifndef FUSIONFS_OPS_REPLY_H
#define FUSIONFS_OPS_REPLY_H

#include <stdbool.h>

#include "fusionfs/base/fuse.h"
#include "fusionfs/service/later.h"
#include "fusionfs/world/node.h"

/* Stat @n as ls(1) sees it: the size is that of the text that a look now would
 * give.  0, -errno. */
int ops_stat(const struct node *n, struct stat *st);
/* Return the size of the text that a look now would give. */
uint64_t ops_size_now(const struct node *n);

/* Fill @e for the kernel, which has looked up a path.  0, -errno. */
int ops_fill_entry(fuse_req_t req, const struct node *n,
		   struct fuse_entry_param *e);
/* Answer a request that has led to @n, or to the error @r. */
void ops_reply_node(fuse_req_t req, int r, const struct node *n);
/* Answer a request for the attributes of @n, or with the error @r. */
void ops_reply_attr(fuse_req_t req, int r, const struct node *n, fuse_ino_t ino,
		    struct stat *st);

/* -ETIMEDOUT in *r is a lock inside the arena that somebody has: the request
 * comes again.  true: it is answered, or will be. */
bool ops_put_off(fuse_req_t req, const struct node *n, int *r,
		 const struct asked *asked, const char *name);

#endif
