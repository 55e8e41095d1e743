/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests of the kernel: find the node, call its row, reply
 *
 * libfuse answers what is absent here with ENOSYS.  What makes no sense in this
 * tree (rename, link ...) is answered with EPERM.  Requests about names, open
 * files and directories are in files of their own.
 */
#include "fusionfs/ops.h"

#include <errno.h>
#include <sys/statvfs.h>

#include "fusionfs/base/attributes.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/files/handle.h"
#include "fusionfs/ops_dir.h"
#include "fusionfs/ops_file.h"
#include "fusionfs/ops_name.h"
#include "fusionfs/ops_reply.h"
#include "fusionfs/service/ioctl.h"
#include "fusionfs/world/ino.h"
#include "fusionfs/world/numbered.h"

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	ino_forgotten(ino, lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
			    struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		ino_forgotten(forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void op_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	world.greeted = true;
	/* RELEASEDIR is a background request.  Requests that wait must not fill
	 * the room for it, or the daemon would not hear of a death. */
	conn->max_background = 1000;
	conn->want &= ~(unsigned)(FUSE_CAP_ASYNC_DIO | FUSE_CAP_ASYNC_READ);
	/* With it the kernel would take a file for empty once it is opened by
	 * O_TRUNC. */
	conn->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC;
	conn->want |=
		conn->capable & (FUSE_CAP_IOCTL_DIR | FUSE_CAP_READDIRPLUS |
				 FUSE_CAP_READDIRPLUS_AUTO);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct node dir, n;

	if (ino_get_node(req, parent, &dir))
		ops_reply_node(req, node_lookup(&dir, name, &n), &n);
}

/* Find the open file that a GETATTR is about.  NULL: it is about the path. */
static struct handle *handle_asked_about(fuse_req_t req, fuse_ino_t ino,
					 const struct fuse_file_info *fi)
{
	return fi ? ops_handle(fi)
		  : (struct handle *)sizes_asked(ino, request_tid(req));
}

/* Stat a node for fstat(2): the size is what a read of that descriptor
 * gives. */
static int stat_open_file(fuse_req_t req, const struct node *n, fuse_ino_t ino,
			  const struct fuse_file_info *fi, struct stat *st)
{
	struct handle *h =
		handle_has_size(n) ? handle_asked_about(req, ino, fi) : NULL;
	uint64_t size;
	int r;

	if (!h)
		return ops_stat(n, st);
	r = node_stat(n, st);
	if (r == 0 && h->ops->get_size(h, n, &size) == 0)
		attributes_set_size(st, size);
	return r;
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct stat st;
	struct node n;
	int r;

	if (!ino_get_node(req, ino, &n))
		return;
	r = stat_open_file(req, &n, ino, fi, &st);
	ops_reply_attr(req, r, &n, ino, &st);
}

/* Allow a truncation that changes nothing: to 0 before a write, to the size, or
 * to the end of what was written just now. */
static int truncate_file(const struct node *n, uint64_t size,
			 const struct handle *h)
{
	if (!n->row->store && !n->row->locks && !n->row->port)
		return -EACCES;
	if (size == 0 || (h && h->ops->ends_at && h->ops->ends_at(h, size)) ||
	    (n->row->type == ROW_FILE && size == ops_size_now(n)))
		return 0;
	return -EINVAL;
}

/* Allow a touch, which asks for no certain time: the daemon tells the times. */
static int check_times(int what)
{
	if ((what & FUSE_SET_ATTR_ATIME && !(what & FUSE_SET_ATTR_ATIME_NOW)) ||
	    (what & FUSE_SET_ATTR_MTIME && !(what & FUSE_SET_ATTR_MTIME_NOW)))
		return -EPERM;
	return 0;
}

/* Refuse set-id bits, which mean nothing here, and a sticky bit, which only
 * says that an arena is transient. */
static int check_mode_bits(const struct arena *a, mode_t mode)
{
	if (mode & (S_ISUID | S_ISGID))
		return -EPERM;
	return mode & S_ISVTX && !a->store.policy.transient ? -EPERM : 0;
}

/* Change the attributes of an arena, which its policy keeps.  The kernel has
 * checked the permission (default_permissions). */
static int change_attributes(const struct node *n, const struct stat *to,
			     int what, const struct handle *h)
{
	struct policy p;
	int r;

	if (what & FUSE_SET_ATTR_SIZE)
		return truncate_file(n, (uint64_t)to->st_size, h);
	if (!(what &
	      (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)))
		return check_times(what);
	if (!node_is_arena(n))
		return -EPERM;
	if (what & FUSE_SET_ATTR_MODE &&
	    check_mode_bits(n->arena, to->st_mode) < 0)
		return -EPERM;
	p = n->arena->store.policy;
	if (what & FUSE_SET_ATTR_UID)
		p.uid = to->st_uid;
	if (what & FUSE_SET_ATTR_GID)
		p.gid = to->st_gid;
	if (what & FUSE_SET_ATTR_MODE)
		p.mode = to->st_mode & 0777;
	r = store_change(&n->arena->store, &p);
	if (r == 0 && what & FUSE_SET_ATTR_UID)
		arena_owner_changed(n->arena);
	return r;
}

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
		       int to_set, struct fuse_file_info *fi)
{
	struct stat st;
	struct node n;
	int r;

	if (!ino_get_node(req, ino, &n))
		return;
	r = change_attributes(&n, attr, to_set, fi ? ops_handle(fi) : NULL);
	if (r == 0)
		r = ops_stat(&n, &st);
	ops_reply_attr(req, r, &n, ino, &st);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct text t = {0};
	struct node n;
	int r;

	if (!ino_get_node(req, ino, &n))
		return;
	if (n.row->type != ROW_LINK)
		r = -EINVAL;
	else
		r = node_show(&n, &t);
	if (r < 0)
		reply_err(req, r);
	else
		fuse_reply_readlink(req, t.p);
	text_finish(&t);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	if (fstatvfs(world.backing.fd, &st) < 0) {
		reply_err(req, -errno);
		return;
	}
	st.f_namemax = ARENA_NAME_MAX;
	fuse_reply_statfs(req, &st);
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd,
		     void *arg, struct fuse_file_info *fi, unsigned flags,
		     const void *in, size_t in_size, size_t out_size)
{
	struct node n;

	(void)arg;
	(void)flags;
	(void)out_size;
	if (!ino_get_node(req, ino, &n))
		return;
	if (!node_is_arena(&n))
		reply_err(req, -ENOTTY);
	else if (n.arena->corrupt)
		reply_err(req, -EIO);
	else
		ioctl_serve(n.arena, req, cmd, in, in_size, ops_handle(fi));
}

void ops_end(void)
{
	handles_end();
	numbered_end();
}

const struct fuse_lowlevel_ops ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mkdir = op_mkdir,
	.rmdir = op_rmdir,
	.unlink = op_unlink,
	.rename = op_refuse_rename,
	.create = op_create,
	.mknod = op_mknod,
	.symlink = op_refuse_symlink,
	.link = op_refuse_link,
	.open = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.write = op_write,
	.flush = op_flush,
	.fsync = op_fsync,
	.release = op_release,
	.flock = op_flock,
	.getlk = op_getlk,
	.setlk = op_setlk,
	.poll = op_poll,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.statfs = op_statfs,
	.ioctl = op_ioctl,
};
