/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes: what an inode number means
 *
 * A number is computed from the row of the tree, the serial of the arena (of
 * its present life, for what ends with that) and, where a directory has many of
 * a kind, the id of the item in it; so none is ever stored, but for those of
 * numbered.h.  As long as the kernel remembers a number it means nothing else:
 * what is gone is ENOENT for ever (serial.h).
 */
#ifndef FUSIONFS_NODE_H
#define FUSIONFS_NODE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fusionfs/base/text.h"
#include "fusionfs/world/arena.h"

struct lock_ops;
struct thread_rec;
struct port_ops;
struct row;

struct node {
	const struct row *row;
	struct arena *arena; /* NULL above the arenas */
	uint32_t item;	     /* id of a member, of an object */
	uint32_t number;     /* NUMBER_NONE, or N of a file called `name.N` */
};

#define NUMBER_NONE UINT32_MAX

/* Make one called @name, as a shell may: table_add()'s results. */
typedef int (*create_fn)(struct view *v, struct thread_rec *me,
			 const char *name, uint32_t *ret_index);

enum row_type {
	ROW_DIR,
	ROW_FILE,
	ROW_LINK,
	ROW_EVENTS,
	ROW_PORT,
	ROW_HEAP,
	ROW_SOCKET
};

/* Items of a directory: those that are not rows. */
struct items_ops {
	/* The item called @name: 0 and *ret, -ENOENT. */
	int (*find)(const struct node *dir, const char *name, struct node *ret);
	/* The first item at or after *at, its name; *at goes on behind it.
	 * 0, -ENOENT: no more. */
	int (*next)(const struct node *dir, uint64_t *at, char name[256],
		    struct node *ret);
	/* Is @n still there?  0, -ENOENT. */
	int (*check)(const struct node *n);
};

struct row {
	int parent; /* index of its row, ROW_NONE of the root */
	enum row_type type;
	const char *name; /* NULL: an item of its parent */
	mode_t mode;	  /* before the arena's mode takes its part */
	int (*show)(const struct node *n, struct text *t);
	int (*store)(const struct node *n, const char *text);
	int (*may_store)(const char *text); /* is a value so far.  0, -EINVAL */
	/* Is it there now?  0, -ENOENT.  NULL: whenever its parent is. */
	int (*check)(const struct node *n);
	/* Set what stat(2) says beyond what it says of every file. */
	void (*stat)(const struct node *n, struct stat *st);
	bool is_always_shown; /* show() knows corrupt, unsettled arenas, too */
	const struct items_ops *items;
	enum entry_kind kind;	      /* of record.h's rows */
	create_fn create;	      /* of a directory: its items */
	bool removes;		      /* and they can be removed */
	const struct lock_ops *locks; /* it can be locked: visitors.h */
	const struct port_ops *port;  /* ROW_PORT */
	uint32_t max_number;	      /* there are `name.0` to this, too */
};

/* The tree begins with these two; its items without a name are the arenas. */
enum { ROW_NONE, ROW_ROOT };

/* Begin with the tree of these rows. */
void node_begin(const struct row *tree, int n);

#define NODE_ROOT 1u

uint64_t node_ino(const struct node *n);
/* That of its arena, or of the arena's life if it ends with that; 0 above the
 * arenas.  Together with row, item and number it is the node's identity. */
uint64_t node_serial(const struct node *n);
/* The number of that serial, from the node's. */
uint32_t node_ino_number(uint64_t ino);
/* 0; -ENOENT: it is not there any more; -EAGAIN: its arena is unsettled. */
int node_from_ino(uint64_t ino, struct node *ret);
/* The same for @n, all of which is known but the arena. */
int node_in_arena(struct node *n, uint64_t serial);
int node_lookup(const struct node *dir, const char *name, struct node *ret);
/* Of a directory; the root is its own. */
void node_parent(const struct node *dir, struct node *ret);
/* List: 0 "." and ".." are the caller's.  *at begins with 0. */
int node_next(const struct node *dir, uint64_t *at, char name[256],
	      struct node *ret);
/* 0, -EIO, -ENOENT. */
int node_stat(const struct node *n, struct stat *st);
/* What the file says.  0, -EIO, -ENOMEM. */
int node_show(const struct node *n, struct text *t);
int node_store(const struct node *n, const char *text);
/* Can a value begin with @text?  0, -EINVAL. */
int node_may_store(const struct node *n, const char *text);

/* Return its S_IFMT bits. */
mode_t node_format(const struct node *n);

/* What are the items of @dir?  ROW_FILE if it has none. */
enum row_type node_items_type(const struct node *dir);

/* Rows that others ask for by name. */
bool node_is_arena(const struct node *n);
/* The file of hand_over.h. */
void node_of_socket(struct node *ret);
void node_of_arena(struct arena *a, struct node *ret);

#endif
