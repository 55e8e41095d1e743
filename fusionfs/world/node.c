/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fusionfs/base/attributes.h"
#include "fusionfs/base/parse.h"
#include "fusionfs/base/serial.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/world.h"

static const struct row *rows;
static int n_rows;

void node_begin(const struct row *tree, int n)
{
	rows = tree;
	n_rows = n;
}

static int index_of(const struct row *row)
{
	return (int)(row - rows);
}

static const struct items_ops *items_above(const struct row *row)
{
	for (; index_of(row) != ROW_ROOT; row = &rows[row->parent])
		if (!row->name)
			return rows[row->parent].items;
	return NULL;
}

/* Does a node of this row end with the arena's life?  Items of an arena do, and
 * all that is below them. */
static bool is_of_life(const struct row *row)
{
	const struct items_ops *items = items_above(row);

	return items && items != rows[ROW_ROOT].items;
}

static uint64_t serial_in(const struct arena *a, const struct row *row)
{
	return is_of_life(row) ? a->life : a->serial;
}

uint64_t node_serial(const struct node *n)
{
	return n->arena ? serial_in(n->arena, n->row) : 0;
}

/* A number is row:8, number of the serial:24, item:32.  The root is 1, as FUSE
 * wants it. */
uint64_t node_ino(const struct node *n)
{
	if (index_of(n->row) == ROW_ROOT)
		return NODE_ROOT;
	return (uint64_t)index_of(n->row) << 56 |
	       (uint64_t)SERIAL_NUMBER(node_serial(n)) << 32 | n->item;
}

uint32_t node_ino_number(uint64_t ino)
{
	return ino == NODE_ROOT ? 0 : SERIAL_NUMBER(ino >> 32);
}

/* The items of the root are the arenas. */
static bool is_arena_row(const struct row *row)
{
	return row->parent == ROW_ROOT && !row->name;
}

static bool is_in_arena(const struct row *row)
{
	while (row->parent > ROW_ROOT)
		row = &rows[row->parent];
	return is_arena_row(row);
}

static int check_node(const struct node *n)
{
	const struct items_ops *ops = items_above(n->row);

	if (n->row->check)
		return n->row->check(n);
	return ops && ops->check ? ops->check(n) : 0;
}

/* Return the error for a node that was not found: an arena that is not taken
 * over yet cannot say what there is, so the error is no ENOENT. */
static int errno_of_absent(int r)
{
	return r == -EAGAIN ? r : -ENOENT;
}

int node_in_arena(struct node *n, uint64_t serial)
{
	struct arena *a = world.arenas;
	int r;

	while (a && serial_in(a, n->row) != serial)
		a = a->next;
	n->arena = a;
	r = a ? check_node(n) : -ENOENT;
	return r < 0 ? errno_of_absent(r) : 0;
}

/* While the kernel knows a node, its number is nobody else's: serial.h. */
static int in_numbered_arena(struct node *n, uint32_t number)
{
	struct arena *a = world.arenas;

	while (a && SERIAL_NUMBER(serial_in(a, n->row)) != number)
		a = a->next;
	return a ? node_in_arena(n, serial_in(a, n->row)) : -ENOENT;
}

int node_from_ino(uint64_t ino, struct node *ret)
{
	unsigned i = (unsigned)(ino >> 56);
	struct node n = {.item = (uint32_t)ino, .number = NUMBER_NONE};
	int r;

	if (ino == NODE_ROOT) {
		*ret = (struct node){.row = &rows[ROW_ROOT],
				     .number = NUMBER_NONE};
		return 0;
	}
	if (i <= ROW_ROOT || i >= (unsigned)n_rows)
		return -ENOENT;
	n.row = &rows[i];
	if (is_in_arena(n.row)) {
		r = in_numbered_arena(&n, node_ino_number(ino));
		if (r < 0)
			return r;
	} else if (check_node(&n) < 0) {
		return -ENOENT;
	}
	*ret = n;
	return 0;
}

static const struct row *item_row(const struct row *dir)
{
	for (int i = ROW_ROOT + 1; i < n_rows; i++)
		if (rows[i].parent == index_of(dir) && !rows[i].name)
			return &rows[i];
	return NULL;
}

static const struct row *socket_row(void)
{
	const struct row *row = &rows[ROW_ROOT];

	while (row->type != ROW_SOCKET)
		row++;
	return row;
}

enum row_type node_items_type(const struct node *dir)
{
	const struct row *row = item_row(dir->row);

	return row ? row->type : ROW_FILE;
}

static struct node node_child(const struct node *dir, const struct row *row)
{
	return (struct node){
		.row = row,
		.arena = dir->arena,
		.item = dir->item,
		.number = NUMBER_NONE,
	};
}

/* Is @name the name of the row, or NAME.N for one of its numbers? */
static bool row_is_called(const struct row *row, const char *name,
			  uint32_t *number)
{
	size_t len = row->name ? strlen(row->name) : 0;
	uint32_t n;

	*number = NUMBER_NONE;
	if (!row->name || strncmp(row->name, name, len) != 0)
		return false;
	if (!name[len])
		return true;
	if (!row->max_number || name[len] != '.' ||
	    parse_number(name + len + 1, row->max_number, &n) < 0)
		return false;
	*number = n;
	return true;
}

int node_lookup(const struct node *dir, const char *name, struct node *ret)
{
	uint32_t number;
	struct node n;
	int r;

	if (node_is_arena(dir) && !strcmp(name, socket_row()->name)) {
		node_of_socket(ret);
		return check_node(ret);
	}
	for (int i = ROW_ROOT + 1; i < n_rows; i++) {
		if (rows[i].parent != index_of(dir->row) ||
		    !row_is_called(&rows[i], name, &number))
			continue;
		n = node_child(dir, &rows[i]);
		n.number = number;
		r = check_node(&n);
		if (r < 0)
			return errno_of_absent(r);
		*ret = n;
		return 0;
	}
	if (!dir->row->items)
		return -ENOENT;
	n = node_child(dir, item_row(dir->row));
	r = dir->row->items->find(dir, name, &n);
	if (r < 0)
		return errno_of_absent(r);
	*ret = n;
	return 0;
}

void node_parent(const struct node *dir, struct node *ret)
{
	int parent = dir->row->parent;

	if (index_of(dir->row) == ROW_ROOT) {
		*ret = *dir;
		return;
	}
	*ret = (struct node){
		.row = &rows[parent],
		.arena = parent == ROW_ROOT ? NULL : dir->arena,
		.item = dir->row->name ? dir->item : 0,
		.number = NUMBER_NONE,
	};
}

/* Step through the rows first, then through the items: *at goes on over
 * both. */
int node_next(const struct node *dir, uint64_t *at, char name[256],
	      struct node *ret)
{
	uint64_t item_at;
	int r;

	for (; *at < (uint64_t)n_rows; ++*at) {
		const struct row *row = &rows[*at];

		if (*at <= ROW_ROOT || row->parent != index_of(dir->row) ||
		    !row->name || row->type == ROW_SOCKET)
			continue;
		*ret = node_child(dir, row);
		if (check_node(ret) < 0)
			continue;
		strcpy(name, row->name);
		++*at;
		return 0;
	}
	if (!dir->row->items)
		return -ENOENT;
	item_at = *at - (uint64_t)n_rows;
	*ret = node_child(dir, item_row(dir->row));
	r = dir->row->items->next(dir, &item_at, name, ret);
	*at = item_at + (uint64_t)n_rows;
	return r;
}

/* The arena's mode decides: r may look, x may enter, w may write.  A file's own
 * mode only takes away. */
static mode_t mode_in_arena(mode_t row, mode_t arena)
{
	mode_t look = arena & 0444, enter = arena & 0111, post = arena & 0222;

	return row & (look | enter | post);
}

static const mode_t formats[] = {
	[ROW_DIR] = S_IFDIR,	 [ROW_FILE] = S_IFREG, [ROW_LINK] = S_IFLNK,
	[ROW_EVENTS] = S_IFREG,	 [ROW_PORT] = S_IFREG, [ROW_HEAP] = S_IFREG,
	[ROW_SOCKET] = S_IFSOCK,
};

mode_t node_format(const struct node *n)
{
	return formats[n->row->type];
}

/* Stat what is above the arenas: its time is the start of the daemon. */
static void stat_top(const struct node *n, struct stat *st)
{
	st->st_uid = geteuid();
	st->st_gid = getegid();
	st->st_mode = node_format(n) | n->row->mode;
	if (index_of(n->row) == ROW_ROOT)
		st->st_mode =
			S_IFDIR | (world.options->allow_other ? 01777 : 0755);
	attributes_set_times(st, world.started_real_ns);
}

int node_stat(const struct node *n, struct stat *st)
{
	struct stat file;

	/* A directory has one link, too: subdirectories are not counted. */
	*st = (struct stat){.st_ino = node_ino(n), .st_nlink = 1};
	if (!n->arena) {
		stat_top(n, st);
		return 0;
	}
	arena_stat(n->arena, &file);
	st->st_uid = file.st_uid;
	st->st_gid = file.st_gid;
	attributes_set_times(st, (uint64_t)file.st_ctim.tv_sec * 1000000000 +
					 (uint64_t)file.st_ctim.tv_nsec);
	if (node_is_arena(n)) {
		st->st_ino = file.st_ino;
		st->st_mode = S_IFDIR | file.st_mode;
	} else if (n->row->type == ROW_LINK)
		st->st_mode = node_format(n) | 0777;
	else
		st->st_mode = node_format(n) |
			      mode_in_arena(n->row->mode, file.st_mode);
	if (n->row->stat)
		n->row->stat(n, st);
	return 0;
}

struct show_call {
	const struct node *n;
	struct text *t;
};

static int show_guarded(struct arena *a, void *arg)
{
	const struct show_call *c = arg;

	(void)a;
	return c->n->row->show(c->n, c->t);
}

int node_show(const struct node *n, struct text *t)
{
	struct show_call c = {n, t};
	int r;

	t->max = TEXT_MAX;
	t->cut = 0;

	/* What the daemon knows without the memory is shown of a corrupt or
	 * unsettled arena, too. */
	if (!n->arena || (n->row->is_always_shown &&
			  (n->arena->corrupt || n->arena->unsettled)))
		r = n->row->show(n, t);
	else
		r = guarded(n->arena, show_guarded, &c);
	if (r == 0)
		r = t->failed;
	return r;
}

int node_store(const struct node *n, const char *text)
{
	return n->row->store ? n->row->store(n, text) : -EACCES;
}

int node_may_store(const struct node *n, const char *text)
{
	return n->row->may_store ? n->row->may_store(text) : -EACCES;
}

bool node_is_arena(const struct node *n)
{
	return is_arena_row(n->row);
}

void node_of_arena(struct arena *a, struct node *ret)
{
	*ret = (struct node){
		.row = item_row(&rows[ROW_ROOT]),
		.arena = a,
		.number = NUMBER_NONE,
	};
}

void node_of_socket(struct node *ret)
{
	*ret = (struct node){.row = socket_row(), .number = NUMBER_NONE};
}
