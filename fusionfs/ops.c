/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The requests of the kernel: find the node, call its row, reply
 *
 * What is absent here is answered by libfuse with ENOSYS; what makes no sense
 * in this tree (rename, link ...) with EPERM.
 */
#include "fusionfs/ops.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fusionfs/base/attributes.h"
#include "fusionfs/base/fuse.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/base/serial.h"
#include "fusionfs/files/entries.h"
#include "fusionfs/files/heap.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/hand_over.h"
#include "fusionfs/service/later.h"
#include "fusionfs/service/membership.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/service/reading.h"
#include "fusionfs/service/signals.h"
#include "fusionfs/service/sizes.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/service/visitors.h"
#include "fusionfs/service/writing.h"
#include "fusionfs/world/node.h"
#include "fusionfs/world/numbered.h"

/* An open file or directory. */
struct handle {
	struct sized sized;	     /* first; of what has_size() */
	struct handle *next, **link; /* all that are open */
	uint64_t serial;	     /* of the arena, 0 above the arenas */
	struct writing writing;	     /* the same, of a row that stores */
	bool stores;		     /* that, and it is open to write */
	struct charge charge;	     /* of whoever opened it */
	struct reading reading;	     /* ROW_FILE */
	struct watcher *watcher;     /* ROW_EVENTS */
	struct visitor *visitor;     /* of a row with locks */
	struct port *port;	     /* ROW_PORT */
	bool heap;		     /* ROW_HEAP */
};

static struct handle *handles;

static struct handle *handle_of(const struct fuse_file_info *fi)
{
	return (struct handle *)(uintptr_t)fi->fh;
}

static bool get_node(fuse_req_t req, fuse_ino_t ino, struct node *ret)
{
	int r = numbered_is(ino) ? numbered_get(ino, ret)
				 : node_from_ino(ino, ret);

	world.requests++;
	if (r == 0)
		return true;
	reply_err(req, r == -EAGAIN ? r : -ENOENT);
	return false;
}

/* The kernel knows one more of these, until it says that it has forgotten. */
static void looked_up(const struct fuse_entry_param *e)
{
	if (!numbered_is(e->ino))
		serial_looked_up(node_ino_number(e->ino));
}

static void forgotten(fuse_ino_t ino, uint64_t lookups)
{
	if (numbered_is(ino))
		numbered_forget(ino, lookups);
	else
		serial_forgotten(node_ino_number(ino), lookups);
}

/* The text that a look now would give.  Of one that cannot be read it is
 * empty, as ls(1) is to show that, too. */
static uint64_t size_now(const struct node *n)
{
	struct text t = {0};
	uint64_t size = node_show(n, &t) == 0 ? t.len : 0;

	text_finish(&t);
	return size;
}

/* Bytes that a read gives and a page may hold. */
static bool has_size(const struct node *n)
{
	return n->row->type == ROW_FILE || n->row->type == ROW_EVENTS;
}

static int stat_of(const struct node *n, struct stat *st)
{
	int r = node_stat(n, st);

	if (r == 0 && (n->row->type == ROW_FILE || n->row->type == ROW_LINK))
		attributes_set_size(st, size_now(n));
	return r;
}

/* For the kernel, which has looked up a path. */
static int entry_of(fuse_req_t req, const struct node *n,
		    struct fuse_entry_param *e)
{
	int r;

	*e = (struct fuse_entry_param){
		.ino = node_ino(n),
		.generation = SERIAL_GENERATION(node_serial(n)),
	};
	r = stat_of(n, &e->attr);
	if (r == 0 && has_size(n))
		sizes_tell_path(e->ino, request_tid(req),
				(uint64_t)e->attr.st_size);
	return r;
}

static void reply_entry(fuse_req_t req, const struct node *n,
			struct fuse_entry_param *e)
{
	bool numbered = n->number != NUMBER_NONE;

	if (numbered)
		e->ino = e->attr.st_ino = numbered_add(n);
	if (!e->ino)
		reply_err(req, -ENOMEM);
	else if (fuse_reply_entry(req, e) == 0)
		looked_up(e);
	else if (numbered)
		numbered_forget(e->ino, 1);
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t lookups)
{
	forgotten(ino, lookups);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count,
			    struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forgotten(forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static void op_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	/* RELEASEDIR is a background request: what blocks must not fill the
	 * room for it, or nobody hears of a death. */
	conn->max_background = 1000;
	conn->want &= ~(unsigned)(FUSE_CAP_ASYNC_DIO | FUSE_CAP_ASYNC_READ);
	/* Or it would take a file of ours for empty, once opened by O_TRUNC. */
	conn->want &= ~(unsigned)FUSE_CAP_ATOMIC_O_TRUNC;
	conn->want |=
		conn->capable & (FUSE_CAP_IOCTL_DIR | FUSE_CAP_READDIRPLUS |
				 FUSE_CAP_READDIRPLUS_AUTO);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e;
	struct node dir, n;
	int r;

	if (!get_node(req, parent, &dir))
		return;
	r = node_lookup(&dir, name, &n);
	if (r == 0)
		r = entry_of(req, &n, &e);
	if (r < 0)
		reply_err(req, r);
	else
		reply_entry(req, &n, &e);
}

/* The open file that a GETATTR is about, NULL if it is about the path. */
static struct handle *asked_about(fuse_req_t req, fuse_ino_t ino,
				  const struct fuse_file_info *fi)
{
	return fi ? handle_of(fi)
		  : (struct handle *)sizes_asked(ino, request_tid(req));
}

/* What fstat(2) says is what a read of that descriptor gives. */
static int stat_open(fuse_req_t req, const struct node *n, fuse_ino_t ino,
		     const struct fuse_file_info *fi, struct stat *st)
{
	struct handle *h = has_size(n) ? asked_about(req, ino, fi) : NULL;
	uint64_t size;
	int r;

	if (!h)
		return stat_of(n, st);
	r = node_stat(n, st);
	if (r == 0 && h->watcher)
		attributes_set_size(st, events_size(n->arena, h->watcher));
	else if (r == 0 && reading_size(&h->reading, n, &size) == 0)
		attributes_set_size(st, size);
	return r;
}

static void reply_stat(fuse_req_t req, const struct node *n, fuse_ino_t ino,
		       const struct stat *st)
{
	if (has_size(n))
		sizes_tell(ino, (uint64_t)st->st_size);
	fuse_reply_attr(req, st, 0);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct stat st;
	struct node n;
	int r;

	if (!get_node(req, ino, &n))
		return;
	r = stat_open(req, &n, ino, fi, &st);
	if (numbered_is(ino))
		st.st_ino = ino;
	if (r < 0)
		reply_err(req, r);
	else
		reply_stat(req, &n, ino, &st);
}

/* Emptying a file before it is written to does nothing.  So does cutting it at
 * its end, or at the end of what was just written; nothing else makes sense. */
static int truncate_to(const struct node *n, uint64_t size,
		       const struct handle *h)
{
	if (!n->row->store && !n->row->locks && !n->row->port)
		return -EACCES;
	if (size == 0 || (h && h->stores && size == h->writing.end) ||
	    (n->row->type == ROW_FILE && size == size_now(n)))
		return 0;
	return -EINVAL;
}

/* Times are ours to tell, and a touch asks for no certain one. */
static int change_times(int what)
{
	if ((what & FUSE_SET_ATTR_ATIME && !(what & FUSE_SET_ATTR_ATIME_NOW)) ||
	    (what & FUSE_SET_ATTR_MTIME && !(what & FUSE_SET_ATTR_MTIME_NOW)))
		return -EPERM;
	return 0;
}

/* Set-id bits mean nothing here.  The sticky bit is that of a transient arena,
 * and stays what it is. */
static int check_mode(const struct arena *a, mode_t mode)
{
	if (mode & (S_ISUID | S_ISGID))
		return -EPERM;
	return mode & S_ISVTX && !a->store.policy.transient ? -EPERM : 0;
}

/* The kernel has checked who may (default_permissions).  The file keeps it. */
static int change(const struct node *n, const struct stat *to, int what,
		  const struct handle *h)
{
	struct policy p;
	int r;

	if (what & FUSE_SET_ATTR_SIZE)
		return truncate_to(n, (uint64_t)to->st_size, h);
	if (!(what &
	      (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)))
		return change_times(what);
	if (!node_is_arena(n))
		return -EPERM;
	if (what & FUSE_SET_ATTR_MODE && check_mode(n->arena, to->st_mode) < 0)
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

	if (!get_node(req, ino, &n))
		return;
	r = change(&n, attr, to_set, fi ? handle_of(fi) : NULL);
	if (r == 0)
		r = stat_of(&n, &st);
	if (numbered_is(ino))
		st.st_ino = ino;
	if (r < 0)
		reply_err(req, r);
	else
		reply_stat(req, &n, ino, &st);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct text t = {0};
	struct node n;
	int r;

	if (!get_node(req, ino, &n))
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

/* -ETIMEDOUT is a lock inside the arena that somebody has: the request comes
 * again.  true: it is answered, or will be. */
static bool put_off(fuse_req_t req, const struct node *n, int *r,
		    const struct asked *asked, const char *name)
{
	struct asked copy = *asked;

	if (*r != -ETIMEDOUT)
		return false;
	*r = -EBUSY;
	if (!n->arena || strlen(name) >= sizeof(copy.name))
		return false;
	strcpy(copy.name, name);
	return later_request(n->arena, req, &copy);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode);

static void mkdir_again(fuse_req_t req, const struct asked *a)
{
	op_mkdir(req, a->ino, a->name, a->mode);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode)
{
	const struct asked asked = {mkdir_again, .ino = parent, .mode = mode};
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	struct fuse_entry_param e;
	struct node dir, n;
	struct arena *a;
	int r;

	if (!get_node(req, parent, &dir))
		return;
	if (node_lookup(&dir, name, &n) == 0)
		r = -EEXIST;
	else if (parent != NODE_ROOT)
		r = entry_create_in(&dir, name, ROW_DIR, &n);
	else if ((r = arena_create(name, mode, ctx->uid, ctx->gid, &a)) == 0)
		node_of_arena(a, &n);
	if (put_off(req, &dir, &r, &asked, name))
		return;
	if (r == 0)
		r = entry_of(req, &n, &e);
	if (r < 0)
		reply_err(req, r);
	else if (fuse_reply_entry(req, &e) == 0)
		looked_up(&e);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);

static void rmdir_again(fuse_req_t req, const struct asked *a)
{
	op_rmdir(req, a->ino, a->name);
}

static void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct asked asked = {rmdir_again, .ino = parent};
	struct node dir, n;
	int r;

	if (!get_node(req, parent, &dir))
		return;
	r = node_lookup(&dir, name, &n);
	if (r == 0)
		r = node_is_arena(&n) ? arena_remove(n.arena)
				      : entry_remove_in(&dir, name);
	if (!put_off(req, &dir, &r, &asked, name))
		reply_err(req, r);
}

static void op_refuse_name(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent;
	(void)name;
	world.requests++;
	reply_err(req, -EPERM);
}

static void op_refuse_rename(fuse_req_t req, fuse_ino_t parent,
			     const char *name, fuse_ino_t newparent,
			     const char *newname, unsigned int flags)
{
	(void)newparent;
	(void)newname;
	(void)flags;
	op_refuse_name(req, parent, name);
}

/* The daemon's own socket, and nothing else. */
static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name,
		     mode_t mode, dev_t rdev)
{
	struct fuse_entry_param e;
	struct node n;

	(void)rdev;
	if (parent != NODE_ROOT || !S_ISSOCK(mode) ||
	    strcmp(name, HAND_OVER_NAME) != 0 ||
	    hand_over_bound(request_tid(req)) < 0) {
		op_refuse_name(req, parent, name);
		return;
	}
	world.requests++;
	node_of_socket(&n);
	entry_of(req, &n, &e);
	fuse_reply_entry(req, &e);
}

static void op_refuse_symlink(fuse_req_t req, const char *link,
			      fuse_ino_t parent, const char *name)
{
	(void)link;
	op_refuse_name(req, parent, name);
}

static void op_refuse_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t newparent,
			   const char *newname)
{
	(void)ino;
	op_refuse_name(req, newparent, newname);
}

/* --- Files ---------------------------------------------------------------- */

static int fill_handle(fuse_req_t req, const struct node *n, int flags,
		       struct handle *h)
{
	bool may_lock;

	h->serial = n->arena ? n->arena->serial : 0;
	quota_open(&h->reading.text.charge, request_uid(req), QUOTA_BYTES);
	if (n->row->type == ROW_EVENTS) {
		h->watcher = events_open(n->arena);
		return h->watcher ? 0 : -ENOMEM;
	}
	if (n->row->type == ROW_PORT)
		return port_open(n, req, flags, &h->port);
	h->heap = n->row->type == ROW_HEAP;
	if (n->row->type == ROW_DIR || !n->row->locks)
		return 0;
	/* As with reading and writing, what the descriptor is good for is
	 * decided now; it may be handed on. */
	may_lock =
		request_may_write(n->arena, req, fuse_req_ctx(req)->uid) == 0;
	return visitor_open(n, req, may_lock, &h->visitor);
}

static int make_handle(fuse_req_t req, const struct node *n, int flags,
		       struct handle **ret)
{
	struct handle *h = calloc(1, sizeof(*h));
	int r = -ENOMEM;

	if (h)
		r = quota_take(&h->charge, request_uid(req), QUOTA_FILES, 1);
	if (r == 0)
		r = fill_handle(req, n, flags, h);
	if (r < 0) {
		if (h)
			quota_give(&h->charge);
		free(h);
		return r;
	}
	h->next = handles;
	h->link = &handles;
	if (handles)
		handles->link = &h->next;
	handles = h;
	h->stores = n->row->store && (flags & O_ACCMODE) != O_RDONLY;
	if (has_size(n))
		sizes_open(&h->sized, node_ino(n), request_tid(req));
	*ret = h;
	return 0;
}

static void free_handle(struct handle *h)
{
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	if (h->watcher)
		events_close(h->watcher);
	if (h->visitor)
		visitor_close(h->visitor);
	if (h->port)
		port_close(h->port);
	if (h->sized.ino)
		sizes_close(&h->sized);
	reading_finish(&h->reading);
	writing_finish(&h->writing);
	quota_give(&h->charge);
	free(h);
}

static void opened(struct handle *h, struct fuse_file_info *fi)
{
	fi->fh = (uintptr_t)h;
	fi->direct_io = 1;
	/* Nobody's exit has to wait for a FLUSH, but for a value whose end is
	 * the end of the writing. */
	fi->noflush = !h->stores;
}

static int reply_opened(fuse_req_t req, struct handle *h,
			struct fuse_file_info *fi)
{
	if (h->port)
		return reply_stream(req, (uintptr_t)h);
	opened(h, fi);
	return fuse_reply_open(req, fi);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

static void open_again(fuse_req_t req, const struct asked *a)
{
	struct fuse_file_info fi = {.flags = a->flags};

	op_open(req, a->ino, &fi);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	const struct asked asked = {open_again, .ino = ino, .flags = fi->flags};
	struct handle *h = NULL;
	struct node n;
	int r = 0;

	if (!get_node(req, ino, &n))
		return;
	if ((fi->flags & O_ACCMODE) != O_RDONLY && !n.row->store &&
	    !n.row->locks && !n.row->port)
		r = -EACCES;
	if (r == 0)
		r = make_handle(req, &n, fi->flags, &h);
	if (put_off(req, &n, &r, &asked, ""))
		return;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	if (reply_opened(req, h, fi) < 0)
		free_handle(h);
}

/* O_CREAT of what is not there: only flock(1) and its like need it. */
static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *fi);

static void create_again(fuse_req_t req, const struct asked *a)
{
	struct fuse_file_info fi = {.flags = a->flags};

	op_create(req, a->ino, a->name, a->mode, &fi);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name,
		      mode_t mode, struct fuse_file_info *fi)
{
	const struct asked asked = {create_again, .ino = parent, .mode = mode,
				    .flags = fi->flags};
	struct fuse_entry_param e;
	struct handle *h = NULL;
	struct node dir, n;
	int r;

	if (!get_node(req, parent, &dir))
		return;
	r = entry_create_in(&dir, name, ROW_FILE, &n);
	/* A member was faster. */
	if (r == -EEXIST && !(fi->flags & O_EXCL))
		r = node_lookup(&dir, name, &n);
	if (r == 0)
		r = entry_of(req, &n, &e);
	if (r == 0)
		r = make_handle(req, &n, fi->flags, &h);
	if (put_off(req, &dir, &r, &asked, name))
		return;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	opened(h, fi);
	if (fuse_reply_create(req, &e, fi) < 0)
		free_handle(h);
	else
		looked_up(&e);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);

static void unlink_again(fuse_req_t req, const struct asked *a)
{
	op_unlink(req, a->ino, a->name);
}

static void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	const struct asked asked = {unlink_again, .ino = parent};
	struct node dir;
	int r;

	if (!get_node(req, parent, &dir))
		return;
	r = entry_remove_in(&dir, name);
	if (!put_off(req, &dir, &r, &asked, name))
		reply_err(req, r);
}

static void op_release(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	(void)ino;
	world.requests++;
	free_handle(handle_of(fi));
	reply_err(req, 0);
}

static void read_events(fuse_req_t req, struct handle *h, size_t size,
			off_t off, bool paged)
{
	const char *p = NULL;
	int n = -EINVAL;

	/* Nor a line that is cut off. */
	if (!paged || events_fit_page(h->watcher, h->sized.told))
		n = events_read(h->watcher, (uint64_t)off, size, &p);

	if (n < 0)
		reply_err(req, n);
	else
		fuse_reply_buf(req, p, (size_t)n);
}

static void read_text(fuse_req_t req, fuse_ino_t ino, struct handle *h,
		      size_t size, off_t off, bool paged)
{
	struct reading *text = &h->reading;
	bool due = reading_is_due(text, (uint64_t)off, paged);
	const char *p = NULL;
	struct node n;
	int r = 0;

	/* What fstat(2) made is not given when its file has gone meanwhile. */
	if (!due && text->begun)
		world.requests++;
	else if (!get_node(req, ino, &n))
		return;
	if (due)
		r = reading_make(text, &n);
	/* Never a text that is cut off: programs read then. */
	if (r == 0 && paged && text->text.len > h->sized.told)
		r = -EINVAL;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	size = reading_take(text, (uint64_t)off, size, paged, &p);
	fuse_reply_buf(req, p, size);
}

static void read_heap(fuse_req_t req, struct arena *a, size_t size, off_t off)
{
	const char *p = NULL;
	ssize_t n = heap_read(a, size, off, &p);

	if (n < 0)
		reply_err(req, (int)n);
	else
		fuse_reply_buf(req, p, (size_t)n);
}

/* Only the heap has holes; where it is, the kernel knows of all others. */
static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence,
		     struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	struct node n;
	off_t at;

	if (!get_node(req, ino, &n))
		return;
	at = h->heap ? heap_seek(n.arena, off, whence) : -ENOSYS;
	if (at < 0)
		reply_err(req, (int)at);
	else
		fuse_reply_lseek(req, at);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	struct node n;

	if (h->heap) {
		if (get_node(req, ino, &n))
			read_heap(req, n.arena, size, off);
		return;
	}
	if (!h->watcher && !h->port) {
		/* The kernel names no owner of locks when it fills a page. */
		read_text(req, ino, h, size, off, !fi->lock_owner);
		return;
	}
	world.requests++;
	if (h->watcher)
		read_events(req, h, size, off, !fi->lock_owner);
	else
		port_read(h->port, req, size, fi->flags);
}

/* A word is one write, at whatever offset: none of them is a part of another.
 */
static void write_word(fuse_req_t req, struct handle *h, const char *buf,
		       size_t size)
{
	char text[VALUE_BYTES];
	int r = writing_copy(text, sizeof(text), buf, size);

	if (r < 0)
		reply_err(req, r);
	else
		visitor_write(h->visitor, req, text, size);
}

static void write_value(fuse_req_t req, const struct node *n, struct handle *h,
			const char *buf, size_t size, off_t off, int flags)
{
	bool at_end =
		flags & O_APPEND || reading_ends_at(&h->reading, (uint64_t)off);
	int r = writing_add(&h->writing, n, buf, size, (uint64_t)off, at_end);

	if (r < 0) {
		reply_err(req, r);
		return;
	}
	/* The kernel takes the file to be as large. */
	sizes_written(h->sized.ino, (uint64_t)off + size);
	fuse_reply_write(req, size);
}

static void op_write(fuse_req_t req, fuse_ino_t ino, const char *buf,
		     size_t size, off_t off, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	struct node n;

	if (h->port) {
		world.requests++;
		port_write(h->port, req, buf, size, fi->flags);
		return;
	}
	if (!get_node(req, ino, &n))
		return;
	if (h->visitor)
		write_word(req, h, buf, size);
	else if (h->stores)
		write_value(req, &n, h, buf, size, off, fi->flags);
	else
		reply_err(req, -EACCES);
}

/* A descriptor is closed, or its data is to be safe: the value is whole. */
static void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	struct node n;

	if (h->writing.len) {
		if (get_node(req, ino, &n))
			reply_err(req, writing_end(&h->writing, &n));
		return;
	}
	writing_finish(&h->writing);
	world.requests++;
	reply_err(req, 0);
}

static void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		     struct fuse_file_info *fi)
{
	(void)datasync;
	op_flush(req, ino, fi);
}

static void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		     int op)
{
	struct handle *h = handle_of(fi);

	(void)ino;
	world.requests++;
	if (h->visitor)
		visitor_flock(h->visitor, req, op);
	else
		reply_err(req, -EOPNOTSUPP);
}

/* fcntl(2)'s locks would exclude nobody who is inside: say so. */
static void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		     struct flock *lock)
{
	(void)ino;
	(void)fi;
	(void)lock;
	world.requests++;
	reply_err(req, -EOPNOTSUPP);
}

static void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		     struct flock *lock, int sleep)
{
	(void)sleep;
	op_getlk(req, ino, fi, lock);
}

static void op_poll(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi,
		    struct fuse_pollhandle *ph)
{
	struct handle *h = handle_of(fi);

	(void)ino;
	world.requests++;
	if (h->watcher) {
		bool ready = events_poll(h->watcher, ph);

		fuse_reply_poll(req, ready ? POLLIN | POLLRDNORM : 0);
		return;
	}
	if (h->port) {
		fuse_reply_poll(req, port_poll(h->port, ph));
		return;
	}
	if (ph)
		fuse_pollhandle_destroy(ph);
	fuse_reply_poll(req, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM);
}

/* --- Directories -----------------------------------------------------------
 */

static void op_opendir(fuse_req_t req, fuse_ino_t ino,
		       struct fuse_file_info *fi)
{
	struct handle *h = NULL;
	struct node n;
	int r;

	if (!get_node(req, ino, &n))
		return;
	r = n.row->type == ROW_DIR ? make_handle(req, &n, 0, &h) : -ENOTDIR;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	fi->fh = (uintptr_t)h;
	if (fuse_reply_open(req, fi) < 0)
		free_handle(h);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino,
			  struct fuse_file_info *fi)
{
	struct handle *h = handle_of(fi);
	struct arena *a = h->serial ? world_serial(h->serial) : NULL;

	(void)ino;
	world.requests++;
	reply_err(req, 0);
	if (a)
		undertaker_closed(a, h);
	free_handle(h);
}

#define DIR_BUFFER 65536

struct listing {
	char *p;
	size_t size, used;
	bool plus;
};

/* Number and type, as stat(2) has them. */
static void list_stat(const struct node *n, struct stat *ret)
{
	if (n->row->type == ROW_DIR && node_stat(n, ret) == 0)
		return;
	*ret = (struct stat){
		.st_ino = node_ino(n),
		.st_mode = node_format(n),
	};
}

static bool is_ready_made(const struct node *n)
{
	return n->row->type == ROW_DIR || n->row->type == ROW_LINK;
}

/* @dot: "." or "..", which is no entry of its own for the kernel. */
static bool list_one(fuse_req_t req, struct listing *l, const char *name,
		     const struct node *n, bool dot, uint64_t next)
{
	char *at = l->p + l->used;
	size_t left = l->size - l->used, len;

	if (l->plus) {
		struct fuse_entry_param e = {0};

		/* What has no size yet is no entry for the kernel, either: a
		 * stat looks it up, and makes its text. */
		if (!dot && is_ready_made(n) && entry_of(req, n, &e) < 0)
			return true;
		if (!e.ino)
			list_stat(n, &e.attr);
		len = fuse_add_direntry_plus(req, at, left, name, &e,
					     (off_t)next);
		/* The kernel counts all that it is given with a number. */
		if (n && e.ino && len <= left)
			looked_up(&e);
	} else {
		struct stat st;

		list_stat(n, &st);
		len = fuse_add_direntry(req, at, left, name, &st, (off_t)next);
	}
	if (len > left)
		return false;
	l->used += len;
	return true;
}

static void list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		 bool plus)
{
	static char buffer[DIR_BUFFER]; /* one thread, one buffer */
	struct listing l = {.p = buffer, .plus = plus};
	uint64_t at = (uint64_t)off;
	struct node dir, n;
	char name[256];

	if (!get_node(req, ino, &dir))
		return;
	l.size = size < DIR_BUFFER ? size : DIR_BUFFER;
	node_parent(&dir, &n);
	if ((at == 0 && !list_one(req, &l, ".", &dir, true, ++at)) ||
	    (at == 1 && !list_one(req, &l, "..", &n, true, ++at)))
		goto out;
	at -= 2;
	while (node_next(&dir, &at, name, &n) == 0)
		if (!list_one(req, &l, name, &n, false, at + 2))
			break;
out:
	fuse_reply_buf(req, l.p, l.used);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		       struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			   off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	list(req, ino, size, off, true);
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st;

	(void)ino;
	world.requests++;
	if (fstatvfs(world.backing.fd, &st) < 0) {
		reply_err(req, -errno);
		return;
	}
	st.f_namemax = ARENA_NAME_MAX;
	fuse_reply_statfs(req, &st);
}

static void member_ioctl(fuse_req_t req, struct arena *a, unsigned cmd,
			 const void *in)
{
	switch (cmd) {
	case FUSION_IOC_READY:
		request_ready(a, req, in);
		break;
	case FUSION_IOC_EXIT:
		request_exit(a, req, in);
		break;
	default:
		request_leave(a, req, in);
		break;
	}
}

static void op_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned int cmd,
		     void *arg, struct fuse_file_info *fi, unsigned flags,
		     const void *in, size_t in_size, size_t out_size)
{
	struct node n;

	(void)arg;
	(void)flags;
	(void)out_size;
	if (!get_node(req, ino, &n))
		return;
	if (!node_is_arena(&n)) {
		reply_err(req, -ENOTTY);
	} else if (n.arena->corrupt) {
		reply_err(req, -EIO);
	} else if (cmd == FUSION_IOC_JOIN &&
		   in_size == sizeof(struct ioc_join)) {
		request_join(n.arena, req, in, handle_of(fi));
	} else if ((cmd == FUSION_IOC_READY || cmd == FUSION_IOC_EXIT ||
		    cmd == FUSION_IOC_LEAVE) &&
		   in_size == sizeof(struct ioc_member)) {
		member_ioctl(req, n.arena, cmd, in);
	} else if (cmd == FUSION_IOC_RENEW &&
		   in_size == sizeof(struct ioc_renew)) {
		request_renew(n.arena, req, in);
	} else if (cmd == FUSION_IOC_HOLD_UP &&
		   in_size == sizeof(struct ioc_hold_up)) {
		request_hold_up(n.arena, req, in);
	} else if (cmd == FUSION_IOC_SIGNAL &&
		   in_size == sizeof(struct ioc_signal)) {
		request_signal(n.arena, req, in);
	} else if (cmd == FUSION_IOC_POKE) {
		/* Before the answer: who gives back and takes again at once
		 * is not to be first for ever. */
		visitors_look(n.arena);
		reply_ioctl(req, 0, NULL, 0);
		events_changed(n.arena);
	} else {
		reply_err(req, -ENOTTY);
	}
}

void ops_end(void)
{
	while (handles)
		free_handle(handles);
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
