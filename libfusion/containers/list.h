/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list: a ring of nodes, one of which is in the list itself
 *
 * Invariant: the forward links are right at any time.  The commit point of an
 * insertion or removal is the store of the forward link of the node before.
 * The backward link and the number of values are stored afterwards.  list.op
 * announces that they may not have been:
 *
 *   INSERT   pred->next == node   succ->prev = node, n = then_n; node and block
 *                                 are the list's
 *            else                 node and block, if there are any, are freed
 *   REMOVE   pred->next == succ   succ->prev = pred, n = then_n; node is freed,
 *                                 and a value that is the list's own
 *            else                 nothing has happened
 *
 * list.node is the slot through which nodes are allocated and freed.  In a list
 * with FUSION_CONTAINER_BYTES, list.block is the slot through which the block
 * of a new value is allocated, before the node.
 *
 * A move takes a node from one list to another, list.peer.  The commit point is
 * the store of node.list, the list that has the node.  Until then all links of
 * the node are those of the list that it leaves.  The list that it goes to has
 * linked it already, and a walk there does not see it.  Each list announces:
 *
 *   MOVE_OUT  node->list != list  pred and succ are linked, n = then_n
 *             else                nothing has happened
 *   MOVE_IN   node->list == list  node is linked, n = then_n
 *             else                pred->next = succ
 *
 * The lists may have locks of their own, so a thread that settles one of them
 * cannot settle the other.  After it the node may be freed, and its memory may
 * be anything.  So that thread first tells the other list how the move ended:
 * it clears peer.node, which means that MOVE_OUT has happened and MOVE_IN has
 * not.  It does so only where the node is in the list that it settles.  So the
 * other list, whose record is about the same node, changes by no other hand.
 *
 * A transfer (transfer.h) brings a value from a container of another kind, or
 * takes one there.  The node is made before the commit point, and linked after
 * it:
 *
 *   TAKE   the transfer is done   node is linked between pred and succ
 *          else                   node, if there is one, is freed
 *   GIVE   the transfer is done   pred and succ are linked, node is freed
 *          else                   nothing has happened
 */
#ifndef FUSION_LIBFUSION_LIST_H
#define FUSION_LIBFUSION_LIST_H

#include <fusion/list.h>

#include "libfusion/containers/container.h"

enum list_op {
	OP_NONE = 0,
	OP_INSERT = 1,
	OP_REMOVE = 2,
	OP_MOVE_OUT = 3,
	OP_MOVE_IN = 4,
	OP_GIVE = 5,
	OP_TAKE = 6,
};

/* Shared: every byte is ABI. */
struct fusion_list_node {
	struct fusion_list_node *next, *prev;
	struct fusion_list *list; /* NULL once the node is removed */
	union {
		struct fusion_value value;
		void *own; /* a slot, if the list owns its values */
	};
};
static_assert(sizeof(struct fusion_list_node) == 32, "ABI: another kind");

struct fusion_list {
	struct container c;
	struct fusion_list_node ring; /* its node without a value */
	uint64_t n;
	uint32_t op;
	uint32_t wanted; /* a thread may wait for a change */
	struct fusion_list_node *pred, *succ; /* neighbours in `op` */
	uint64_t then_n;
	void *node; /* a slot: the node in `op` */
	union {
		struct fusion_list *peer; /* the other list of a move */
		void *block; /* a slot: the value of an insertion */
	};
	uint64_t transfer; /* transfer.h */
};
static_assert(sizeof(struct fusion_list) == 128, "ABI: another kind");
static_assert(offsetof(struct fusion_list, ring) % 16 == 0, "is_in_slab()");
static_assert(offsetof(struct fusion_list, n) == CONTAINER_LIST_N,
	      "the daemon reads it");

static inline bool list_has_bytes(const struct fusion_list *l)
{
	return l->c.flags & FUSION_CONTAINER_BYTES;
}

/* What list_bytes.c, list_move.c and list_transfer.c know of a list (list.c).
 */

/* Begin a call: container_enter(). */
static inline int list_enter(struct fusion_list *l, struct fusion_arena **ret)
{
	return container_enter((struct container *)l, CONTAINER_LIST, ret);
}
/* End a call that has changed the list, unless @r is an error: wake those who
 * wait for that.  Return @r. */
int list_leave(struct fusion_list *l, struct fusion_arena *a, int r);
/* Insert a node.  *@value is its value; NULL: the block in the list's slot,
 * which is announced already.  @ret may be NULL.  0, -ENOMEM, -EMFILE. */
int list_insert(struct fusion_list *l, struct fusion_arena *a,
		struct fusion_list_node *pred, struct fusion_list_node *succ,
		const struct fusion_value *value,
		struct fusion_list_node **ret);

/* Does the list have @x, which a caller gave and which may be any pointer? */
bool list_has(const struct fusion_list *l, struct fusion_arena *a,
	      const struct fusion_list_node *x);
/* Are the links at @x, a node of the list or its ring, as they should be? */
bool list_is_linked(const struct fusion_list *l, const struct fusion_arena *a,
		    const struct fusion_list_node *x);
/* Count the values. */
uint64_t list_count(const struct fusion_list *l, const struct fusion_arena *a);
/* Finish or undo what a dead thread announced.  0, -EIO, -ENOMEM, -EMFILE. */
int list_settle(struct fusion_list *l, struct fusion_arena *a);
/* Announce a change of the node between @pred and @succ; it is done. */
void list_announce(struct fusion_list *l, enum list_op op,
		   struct fusion_list_node *pred, struct fusion_list_node *succ,
		   struct fusion_list_node *node);
void list_done(struct fusion_list *l);

#endif
