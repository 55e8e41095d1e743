/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/ops_reply.h"

#include <errno.h>
#include <string.h>

#include "fusionfs/base/attributes.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/base/serial.h"
#include "fusionfs/files/handle.h"
#include "fusionfs/world/ino.h"
#include "fusionfs/world/numbered.h"

/* A text that cannot be read counts as empty, so that ls(1) shows the file. */
uint64_t ops_size_now(const struct node *n)
{
	struct text t = {0};
	uint64_t size = node_show(n, &t) == 0 ? t.len : 0;

	text_finish(&t);
	return size;
}

int ops_stat(const struct node *n, struct stat *st)
{
	int r = node_stat(n, st);

	if (r == 0 && (n->row->type == ROW_FILE || n->row->type == ROW_LINK))
		attributes_set_size(st, ops_size_now(n));
	return r;
}

int ops_fill_entry(fuse_req_t req, const struct node *n,
		   struct fuse_entry_param *e)
{
	int r;

	*e = (struct fuse_entry_param){
		.ino = node_ino(n),
		.generation = SERIAL_GENERATION(node_serial(n)),
	};
	r = ops_stat(n, &e->attr);
	if (r == 0 && handle_has_size(n))
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
		ino_looked_up(e->ino);
	else if (numbered)
		numbered_forget(e->ino, 1);
}

void ops_reply_node(fuse_req_t req, int r, const struct node *n)
{
	struct fuse_entry_param e;

	if (r == 0)
		r = ops_fill_entry(req, n, &e);
	if (r < 0)
		reply_err(req, r);
	else
		reply_entry(req, n, &e);
}

void ops_reply_attr(fuse_req_t req, int r, const struct node *n, fuse_ino_t ino,
		    struct stat *st)
{
	if (r < 0) {
		reply_err(req, r);
		return;
	}
	if (numbered_is(ino))
		st->st_ino = ino;
	if (handle_has_size(n))
		sizes_tell(ino, (uint64_t)st->st_size);
	fuse_reply_attr(req, st, 0);
}

bool ops_put_off(fuse_req_t req, const struct node *n, int *r,
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
