/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests about directories */
#include "fusionfs/ops_dir.h"

#include <errno.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/files/handle.h"
#include "fusionfs/ops_file.h"
#include "fusionfs/ops_reply.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/world/ino.h"

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = NULL;
	struct node n;
	int r;

	if (!ino_get_node(req, ino, &n))
		return;
	r = n.row->type == ROW_DIR ? handle_open(req, &n, 0, &h) : -ENOTDIR;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	fi->fh = (uintptr_t)h;
	if (fuse_reply_open(req, fi) < 0)
		handle_close(h);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = ops_handle(fi);
	struct arena *a = h->serial ? world_serial(h->serial) : NULL;

	(void)ino;
	reply_err(req, 0);
	if (a)
		undertaker_closed(a, h);
	handle_close(h);
}

#define DIR_BUFFER 65536

struct listing {
	char *p;
	size_t size, used;
	bool plus;
};

/* Say the number and type of a node as stat(2) has them. */
static void stat_listed(const struct node *n, struct stat *ret)
{
	if (n->row->type == ROW_DIR && node_stat(n, ret) == 0)
		return;
	*ret = (struct stat){
		.st_ino = node_ino(n),
		.st_mode = node_format(n),
	};
}

static bool is_cheap_to_stat(const struct node *n)
{
	return n->row->type == ROW_DIR || n->row->type == ROW_LINK;
}

/* Add one name to the listing.  @dot: "." or "..", which the kernel does not
 * look up.  false: there is no room for it. */
static bool list_entry(fuse_req_t req, struct listing *l, const char *name,
		       const struct node *n, bool dot, uint64_t next)
{
	char *at = l->p + l->used;
	size_t left = l->size - l->used, len;

	if (l->plus) {
		struct fuse_entry_param e = {0};

		/* A text is made when it is looked up, so a node with a text is
		 * listed without its attributes. */
		if (!dot && is_cheap_to_stat(n) &&
		    ops_fill_entry(req, n, &e) < 0)
			return true;
		if (!e.ino)
			stat_listed(n, &e.attr);
		len = fuse_add_direntry_plus(req, at, left, name, &e,
					     (off_t)next);
		/* The kernel counts a lookup for each entry that has a
		 * number. */
		if (n && e.ino && len <= left)
			ino_looked_up(e.ino);
	} else {
		struct stat st;

		stat_listed(n, &st);
		len = fuse_add_direntry(req, at, left, name, &st, (off_t)next);
	}
	if (len > left)
		return false;
	l->used += len;
	return true;
}

static void list_dir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		     bool plus)
{
	static char buffer[DIR_BUFFER]; /* the daemon has one thread */
	struct listing l = {.p = buffer, .plus = plus};
	uint64_t at = (uint64_t)off;
	struct node dir, n;
	char name[256];

	if (!ino_get_node(req, ino, &dir))
		return;
	l.size = size < DIR_BUFFER ? size : DIR_BUFFER;
	node_parent(&dir, &n);
	if ((at == 0 && !list_entry(req, &l, ".", &dir, true, ++at)) ||
	    (at == 1 && !list_entry(req, &l, "..", &n, true, ++at)))
		goto out;
	at -= 2;
	while (node_next(&dir, &at, name, &n) == 0)
		if (!list_entry(req, &l, name, &n, false, at + 2))
			break;
out:
	fuse_reply_buf(req, l.p, l.used);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		struct fuse_file_info *fi)
{
	(void)fi;
	list_dir(req, ino, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)fi;
	list_dir(req, ino, size, off, true);
}
