/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Requests that make and remove names
 *
 * Some of them meet a lock inside the arena.  Such a request is kept and asked
 * again, by the function before it (later.h).
 */
#include "fusionfs/ops_name.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/files/entries.h"
#include "fusionfs/files/handle.h"
#include "fusionfs/ops_file.h"
#include "fusionfs/ops_reply.h"
#include "fusionfs/service/hand_over.h"
#include "fusionfs/world/ino.h"

static void mkdir_again(fuse_req_t req, const struct asked *a)
{
	op_mkdir(req, a->ino, a->name, a->mode);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	const struct asked asked = {mkdir_again, .ino = parent, .mode = mode};
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct node dir, n;
	struct arena *a;
	int r;

	if (!ino_get_node(req, parent, &dir))
		return;
	if (node_lookup(&dir, name, &n) == 0)
		r = -EEXIST;
	else if (parent != NODE_ROOT)
		r = entry_create_in(&dir, name, ROW_DIR, &n);
	else if ((r = arena_create(name, mode, ctx->uid, ctx->gid, &a)) == 0)
		node_of_arena(a, &n);
	if (!ops_put_off(req, &dir, &r, &asked, name))
		ops_reply_node(req, r, &n);
}

static void rmdir_again(fuse_req_t req, const struct asked *a)
{
	op_rmdir(req, a->ino, a->name);
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct asked asked = {rmdir_again, .ino = parent};
	struct node dir, n;
	int r;

	if (!ino_get_node(req, parent, &dir))
		return;
	r = node_lookup(&dir, name, &n);
	if (r == 0)
		r = node_is_arena(&n) ? arena_remove(n.arena)
				      : entry_remove_in(&dir, name);
	if (!ops_put_off(req, &dir, &r, &asked, name))
		reply_err(req, r);
}

static void refuse_name(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	reply_err(req, -EPERM);
}

void op_refuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
		      fuse_ino_t newparent, const char *newname,
		      unsigned int flags)
{
	(void)newparent;
	(void)newname;
	(void)flags;
	refuse_name(req, parent, name);
}

/* Make the daemon's own socket, and refuse all else. */
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	      dev_t rdev)
{
	struct node n;

	(void)rdev;
	if (parent != NODE_ROOT || !S_ISSOCK(mode) ||
	    strcmp(name, HAND_OVER_NAME) != 0 ||
	    hand_over_bound(request_tid(req)) < 0) {
		refuse_name(req, parent, name);
		return;
	}
	node_of_socket(&n);
	ops_reply_node(req, 0, &n);
}

void op_refuse_symlink(fuse_req_t req, const char *link, fuse_ino_t parent,
		       const char *name)
{
	(void)link;
	refuse_name(req, parent, name);
}

void op_refuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
		    const char *newname)
{
	(void)ino;
	refuse_name(req, newparent, newname);
}

/* Create and open a file that is not there, as flock(1) does. */
static void create_again(fuse_req_t req, const struct asked *a)
{
	struct fuse_file_info fi = {.flags = a->flags};

	op_create(req, a->ino, a->name, a->mode, &fi);
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	const struct asked asked = {create_again, .ino = parent, .mode = mode,
				    .flags = fi->flags};
	struct fuse_entry_param e;
	struct handle *h = NULL;
	struct node dir, n;
	int r;

	if (!ino_get_node(req, parent, &dir))
		return;
	r = entry_create_in(&dir, name, ROW_FILE, &n);
	/* A member has made it meanwhile. */
	if (r == -EEXIST && !(fi->flags & O_EXCL))
		r = node_lookup(&dir, name, &n);
	if (r == 0)
		r = ops_fill_entry(req, &n, &e);
	if (r == 0)
		r = handle_open(req, &n, fi->flags, &h);
	if (ops_put_off(req, &dir, &r, &asked, name))
		return;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	ops_fill_file(h, fi);
	if (fuse_reply_create(req, &e, fi) < 0)
		handle_close(h);
	else
		ino_looked_up(e.ino);
}

static void unlink_again(fuse_req_t req, const struct asked *a)
{
	op_unlink(req, a->ino, a->name);
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct asked asked = {unlink_again, .ino = parent};
	struct node dir;
	int r;

	if (!ino_get_node(req, parent, &dir))
		return;
	r = entry_remove_in(&dir, name);
	if (!ops_put_off(req, &dir, &r, &asked, name))
		reply_err(req, r);
}
