/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nodes: what an inode number means
 *
 * A number is computed, so that none is stored but those of numbered.h.  In it
 * are the row of the tree, the serial of the arena, and the id of the item
 * where a directory has many of a kind.  What ends with a life of the arena has
 * the serial of that life instead.  As long as the kernel remembers a number it
 * means nothing else (serial.h).
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

/* Invariant: an item that has gone never comes back, so that a node of it is
 * ENOENT from then on, whatever is at its index next. */
struct node {
	const struct row *row;
	struct arena *arena; /* NULL above the arenas */
	uint32_t item;	     /* id of a member, of an object */
	uint32_t number;     /* NUMBER_NONE, or N of a file called `name.N` */
};

#define NUMBER_NONE UINT32_MAX

/* Create an entry called @name, as a shell may.  Returns table_add()'s result.
 */
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
	/* Find the item called @name.  0, -ENOENT. */
	int (*find)(const struct node *dir, const char *name, struct node *ret);
	/* Find the first item at or after *at, and its name; *at goes on behind
	 * it.  0; -ENOENT there is none. */
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

/* Compute the inode number of @n. */
uint64_t node_ino(const struct node *n);
/* Return the serial of its arena, or of the arena's life if @n ends with that;
 * 0 above the arenas.  With row, item and number it is the node's identity. */
uint64_t node_serial(const struct node *n);
/* Return the number of the serial that is in a computed inode number. */
uint32_t node_ino_number(uint64_t ino);
/* Find the node of a computed inode number.  0; -ENOENT it is not there any
 * more; -EAGAIN its arena is unsettled. */
int node_from_ino(uint64_t ino, struct node *ret);
/* Complete @n, all of which is known but the arena, which has that serial.  As
 * node_from_ino(). */
int node_in_arena(struct node *n, uint64_t serial);
/* Find the node called @name in directory @dir.  0, -ENOENT, -EAGAIN. */
int node_lookup(const struct node *dir, const char *name, struct node *ret);
/* Find the parent of a directory; the root is its own. */
void node_parent(const struct node *dir, struct node *ret);
/* Step through the nodes of a directory, but "." and "..": *at begins with 0.
 * 0; -ENOENT there are no more. */
int node_next(const struct node *dir, uint64_t *at, char name[256],
	      struct node *ret);
/* Stat a node, but for the size of a text.  0, -EIO, -ENOENT. */
int node_stat(const struct node *n, struct stat *st);
/* Write what the file says to @t.  0, -EIO, -ENOMEM. */
int node_show(const struct node *n, struct text *t);
/* Store a value that was written to the file.  0, -errno. */
int node_store(const struct node *n, const char *text);
/* Can a value begin with @text?  0, -EINVAL. */
int node_may_store(const struct node *n, const char *text);

/* Return the S_IFMT bits of a node. */
mode_t node_format(const struct node *n);

/* Return the type of the items of @dir, ROW_FILE if it has none. */
enum row_type node_items_type(const struct node *dir);

/* Is it the directory of an arena? */
bool node_is_arena(const struct node *n);
/* Return the node of the socket (hand_over.h). */
void node_of_socket(struct node *ret);
/* Return the node of the directory of @a. */
void node_of_arena(struct arena *a, struct node *ret);

#endif
