/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/files/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/files/heap.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/membership.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/service/reading.h"
#include "fusionfs/service/visitors.h"
#include "fusionfs/service/writing.h"
#include "fusionfs/world/ino.h"
#include "fusionfs/world/node.h"

static struct handle *handles;

/* --- A text ----------------------------------------------------------------
 */

struct text_handle {
	struct handle handle;
	struct reading reading;
};

static int open_text(struct handle *h, const struct node *n,
		     struct fuse_req *req, int flags)
{
	struct text_handle *text = (struct text_handle *)h;

	(void)n;
	(void)flags;
	quota_open(&text->reading.text.charge, request_uid(req), QUOTA_BYTES);
	return 0;
}

static void close_text(struct handle *h)
{
	reading_finish(&((struct text_handle *)h)->reading);
}

static void read_text(struct handle *h, struct fuse_req *req, uint64_t ino,
		      const struct transfer *t)
{
	struct reading *text = &((struct text_handle *)h)->reading;
	bool due = reading_is_due(text, t->off, t->paged);
	const char *p = NULL;
	struct node n;
	size_t size;
	int r = 0;

	/* The first read looks for the node even if fstat(2) has made the text:
	 * the file may have gone since. */
	if ((due || !text->begun) && !ino_get_node(req, ino, &n))
		return;
	if (due)
		r = reading_make(text, &n);
	/* Never give a page of a text that is cut off; after the error programs
	 * use read(2). */
	if (r == 0 && t->paged && text->text.len > h->sized.told)
		r = -EINVAL;
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	size = reading_take(text, t->off, t->size, t->paged, &p);
	reply_data(req, p, size);
}

static int get_text_size(struct handle *h, const struct node *n, uint64_t *ret)
{
	return reading_size(&((struct text_handle *)h)->reading, n, ret);
}

static const struct handle_ops text_ops = {
	.size = sizeof(struct text_handle),
	.is_sized = true,
	.open = open_text,
	.close = close_text,
	.read = read_text,
	.get_size = get_text_size,
};

/* --- A value that is open to be written ------------------------------------
 */

struct value_handle {
	struct text_handle text;
	struct writing writing;
};

static void close_value(struct handle *h)
{
	close_text(h);
	writing_finish(&((struct value_handle *)h)->writing);
}

static void write_value(struct handle *h, struct fuse_req *req, uint64_t ino,
			const char *data, const struct transfer *t)
{
	struct value_handle *value = (struct value_handle *)h;
	struct node n;
	bool at_end;
	int r;

	if (!ino_get_node(req, ino, &n))
		return;
	at_end = t->flags & O_APPEND ||
		 reading_ends_at(&value->text.reading, t->off);
	r = writing_add(&value->writing, &n, data, t->size, t->off, at_end);
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	/* The kernel takes the file to be as large now. */
	sizes_written(h->sized.ino, t->off + t->size);
	reply_written(req, t->size);
}

/* Take the value: it is whole now. */
static void flush_value(struct handle *h, struct fuse_req *req, uint64_t ino)
{
	struct writing *w = &((struct value_handle *)h)->writing;
	struct node n;

	if (!w->len) {
		writing_finish(w);
		reply_err(req, 0);
	} else if (ino_get_node(req, ino, &n)) {
		reply_err(req, writing_end(w, &n));
	}
}

static bool value_ends_at(const struct handle *h, uint64_t off)
{
	return ((const struct value_handle *)h)->writing.end == off;
}

static const struct handle_ops value_ops = {
	.size = sizeof(struct value_handle),
	.is_sized = true,
	.open = open_text,
	.close = close_value,
	.read = read_text,
	.write = write_value,
	.flush = flush_value,
	.get_size = get_text_size,
	.ends_at = value_ends_at,
};

/* --- A lock ----------------------------------------------------------------
 */

struct lock_handle {
	struct text_handle text;
	struct visitor *visitor;
};

static int open_lock(struct handle *h, const struct node *n,
		     struct fuse_req *req, int flags)
{
	/* As with reading and writing, opening decides what the descriptor may
	 * do; it may be handed on. */
	bool may_lock = request_may_write(n->arena, req, request_uid(req)) == 0;

	open_text(h, n, req, flags);
	return visitor_open(n, req, may_lock,
			    &((struct lock_handle *)h)->visitor);
}

static void close_lock(struct handle *h)
{
	visitor_close(((struct lock_handle *)h)->visitor);
	close_text(h);
}

/* Act on a word, which is one write at any offset: no word is a part of
 * another. */
static void write_word(struct handle *h, struct fuse_req *req, uint64_t ino,
		       const char *data, const struct transfer *t)
{
	char text[VALUE_BYTES];
	struct node n;
	int r;

	if (!ino_get_node(req, ino, &n))
		return;
	r = writing_copy(text, sizeof(text), data, t->size);
	if (r < 0)
		reply_err(req, r);
	else
		visitor_write(((struct lock_handle *)h)->visitor, req, text,
			      t->size);
}

static void flock_lock(struct handle *h, struct fuse_req *req, int op)
{
	visitor_flock(((struct lock_handle *)h)->visitor, req, op);
}

static const struct handle_ops lock_ops = {
	.size = sizeof(struct lock_handle),
	.is_sized = true,
	.open = open_lock,
	.close = close_lock,
	.read = read_text,
	.write = write_word,
	.flock = flock_lock,
	.get_size = get_text_size,
};

/* --- The events of an arena ------------------------------------------------
 */

struct events_handle {
	struct handle handle;
	struct watcher *watcher;
};

static int open_events(struct handle *h, const struct node *n,
		       struct fuse_req *req, int flags)
{
	struct events_handle *events = (struct events_handle *)h;

	(void)req;
	(void)flags;
	events->watcher = events_open(n->arena);
	return events->watcher ? 0 : -ENOMEM;
}

static void close_events(struct handle *h)
{
	events_close(((struct events_handle *)h)->watcher);
}

static void read_events(struct handle *h, struct fuse_req *req, uint64_t ino,
			const struct transfer *t)
{
	struct watcher *w = ((struct events_handle *)h)->watcher;
	const char *p = NULL;
	int n = -EINVAL;

	(void)ino;
	/* Never give a page in which a line is cut off. */
	if (!t->paged || events_fit_page(w, h->sized.told))
		n = events_read(w, t->off, t->size, &p);
	if (n < 0)
		reply_err(req, n);
	else
		reply_data(req, p, (size_t)n);
}

static unsigned poll_events(struct handle *h, struct fuse_pollhandle *ph)
{
	return events_poll(((struct events_handle *)h)->watcher, ph)
		       ? POLLIN | POLLRDNORM
		       : 0;
}

static int get_events_size(struct handle *h, const struct node *n,
			   uint64_t *ret)
{
	*ret = events_size(n->arena, ((struct events_handle *)h)->watcher);
	return 0;
}

static const struct handle_ops events_ops = {
	.size = sizeof(struct events_handle),
	.is_sized = true,
	.open = open_events,
	.close = close_events,
	.read = read_events,
	.poll = poll_events,
	.get_size = get_events_size,
};

/* --- A port ----------------------------------------------------------------
 */

struct port_handle {
	struct handle handle;
	struct port *port;
};

static int open_port(struct handle *h, const struct node *n,
		     struct fuse_req *req, int flags)
{
	return port_open(n, req, flags, &((struct port_handle *)h)->port);
}

static void close_port(struct handle *h)
{
	port_close(((struct port_handle *)h)->port);
}

static void read_port(struct handle *h, struct fuse_req *req, uint64_t ino,
		      const struct transfer *t)
{
	(void)ino;
	port_read(((struct port_handle *)h)->port, req, t->size, t->flags);
}

static void write_port(struct handle *h, struct fuse_req *req, uint64_t ino,
		       const char *data, const struct transfer *t)
{
	(void)ino;
	port_write(((struct port_handle *)h)->port, req, data, t->size,
		   t->flags);
}

static unsigned poll_port(struct handle *h, struct fuse_pollhandle *ph)
{
	return port_poll(((struct port_handle *)h)->port, ph);
}

static const struct handle_ops port_handle_ops = {
	.size = sizeof(struct port_handle),
	.is_stream = true,
	.open = open_port,
	.close = close_port,
	.read = read_port,
	.write = write_port,
	.poll = poll_port,
};

/* --- The heap, and directories ---------------------------------------------
 */

static void read_heap(struct handle *h, struct fuse_req *req, uint64_t ino,
		      const struct transfer *t)
{
	const char *p = NULL;
	struct node n;
	ssize_t size;

	(void)h;
	if (!ino_get_node(req, ino, &n))
		return;
	size = heap_read(n.arena, t->size, (off_t)t->off, &p);
	if (size < 0)
		reply_err(req, (int)size);
	else
		reply_data(req, p, (size_t)size);
}

static int64_t seek_heap(struct handle *h, const struct node *n, int64_t off,
			 int whence)
{
	(void)h;
	return heap_seek(n->arena, off, whence);
}

static const struct handle_ops heap_ops = {
	.size = sizeof(struct handle),
	.read = read_heap,
	.seek = seek_heap,
};

static const struct handle_ops bare_ops = {
	.size = sizeof(struct handle),
};

/* --- Opening and closing ---------------------------------------------------
 */

static const struct handle_ops *const ops_of_type[] = {
	[ROW_DIR] = &bare_ops,	       [ROW_FILE] = &text_ops,
	[ROW_LINK] = &bare_ops,	       [ROW_EVENTS] = &events_ops,
	[ROW_PORT] = &port_handle_ops, [ROW_HEAP] = &heap_ops,
	[ROW_SOCKET] = &bare_ops,
};

static const struct handle_ops *choose_ops(const struct node *n, int flags)
{
	if (n->row->type == ROW_FILE && n->row->locks)
		return &lock_ops;
	if (n->row->store && (flags & O_ACCMODE) != O_RDONLY)
		return &value_ops;
	return ops_of_type[n->row->type];
}

bool handle_has_size(const struct node *n)
{
	return ops_of_type[n->row->type]->is_sized;
}

static void link_handle(struct handle *h)
{
	h->next = handles;
	h->link = &handles;
	if (handles)
		handles->link = &h->next;
	handles = h;
}

int handle_open(struct fuse_req *req, const struct node *n, int flags,
		struct handle **ret)
{
	const struct handle_ops *ops = choose_ops(n, flags);
	struct handle *h = calloc(1, ops->size);
	int r;

	if (!h)
		return -ENOMEM;
	h->ops = ops;
	h->serial = n->arena ? n->arena->serial : 0;
	r = quota_take(&h->charge, request_uid(req), QUOTA_FILES, 1);
	if (r == 0 && ops->open)
		r = ops->open(h, n, req, flags);
	if (r < 0) {
		quota_give(&h->charge);
		free(h);
		return r;
	}
	link_handle(h);
	if (ops->is_sized)
		sizes_open(&h->sized, node_ino(n), request_tid(req));
	*ret = h;
	return 0;
}

void handle_close(struct handle *h)
{
	*h->link = h->next;
	if (h->next)
		h->next->link = h->link;
	if (h->ops->close)
		h->ops->close(h);
	if (h->sized.ino)
		sizes_close(&h->sized);
	quota_give(&h->charge);
	free(h);
}

void handles_end(void)
{
	while (handles)
		handle_close(handles);
}
