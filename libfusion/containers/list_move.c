/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving a node from one list to another; list.h says how. */
#include "libfusion/containers/list_move.h"

#include "libfusion/base/refuse.h"
#include "libfusion/containers/transfer.h"

typedef struct fusion_list_node node_t;

/* --- The record ------------------------------------------------------------
 */

/* Acquire: pairs with the compare-and-swap in move_tell().  If the list has not
 * been told after node->list was read, the node was still a node then. */
bool move_is_committed(const struct fusion_list *l,
		       const struct fusion_arena *a)
{
	bool out = l->op == OP_MOVE_OUT;
	const node_t *node = load_acquire(&l->node);
	const struct fusion_list *has;

	if (!node)
		return out;
	if (!is_inside(a, node, sizeof(*node)))
		return false;
	has = load_acquire(&node->list);
	if (!load_relaxed(&l->node))
		return out;
	return out == (has != l);
}

/* Finish the announced move of one list after its commit point.  Idempotent. */
static void move_finish(struct fusion_list *l)
{
	node_t *pred = l->pred, *succ = l->succ, *node = l->node;

	if (l->op == OP_MOVE_OUT) {
		store_relaxed(&pred->next, succ);
		store_relaxed(&succ->prev, pred);
	} else {
		store_relaxed(&node->next, succ);
		store_relaxed(&node->prev, pred);
		store_relaxed(&succ->prev, node);
	}
	store_relaxed(&l->n, l->then_n);
}

/* Tell the other list, unless it is settled already.  It may have been
 * destroyed since. */
static CONTAINER_MAY_BE_FREED void move_tell(const struct fusion_list *l,
					     const struct fusion_arena *a)
{
	struct fusion_list *peer = l->peer;
	uint32_t op = l->op == OP_MOVE_OUT ? OP_MOVE_IN : OP_MOVE_OUT;
	void *node = l->node;

	if (!is_inside(a, peer, sizeof(*peer)) || (uintptr_t)peer % 16 ||
	    load_relaxed(&peer->c.mark) !=
		    container_mark(peer, CONTAINER_LIST) ||
	    load_relaxed(&peer->op) != op || load_relaxed(&peer->peer) != l)
		return;
	cas_acq_rel(&peer->node, &node, NULL);
}

void move_settle(struct fusion_list *l, const struct fusion_arena *a)
{
	bool in = l->op == OP_MOVE_IN, moved = move_is_committed(l, a);

	if (moved)
		move_finish(l);
	else if (in)
		store_relaxed(&l->pred->next, l->succ);
	/* The node is in this list: it can be freed from now on. */
	if (in == moved)
		move_tell(l, a);
}

/* --- Moving ----------------------------------------------------------------
 */

static int refuse_node(const struct fusion_list *l, const node_t *node)
{
	return refuse(-EINVAL, "list at %p: it has no node at %p",
		      (const void *)l, (const void *)node);
}

/* 0; -EINVAL: a node or the value does not belong there; -EIO. */
static int ask_move(const struct fusion_list *from, const node_t *node,
		    const struct fusion_list *to, const node_t *before,
		    struct fusion_arena *a)
{
	if (node == &from->ring || !list_has(from, a, node))
		return refuse_node(from, node);
	if (!list_has(to, a, before))
		return refuse_node(to, before);
	if (list_has_bytes(from) != list_has_bytes(to))
		return refuse(-EINVAL,
			      "list at %p: only one of the lists has bytes: "
			      "create both with FUSION_CONTAINER_BYTES",
			      (const void *)to);
	if (!is_good_value(&to->c, a, node->value))
		return refuse(-EINVAL,
			      "list at %p: the value is no pointer into the "
			      "arena: create both lists with "
			      "FUSION_CONTAINER_WORDS",
			      (const void *)to);
	return list_is_linked(from, a, node) && list_is_linked(to, a, before)
		       ? 0
		       : -EIO;
}

/* Commit point: the store of node->list.  The list that the node leaves is done
 * first: until the other one is done, nobody can take the node from there. */
static void move_node(struct fusion_list *from, node_t *node,
		      struct fusion_list *to, node_t *before)
{
	node_t *pred = before->prev;

	store_relaxed(&from->peer, to);
	list_announce(from, OP_MOVE_OUT, node->prev, node->next, node);
	store_relaxed(&to->peer, from);
	if (!SEED_BUG(68))
		list_announce(to, OP_MOVE_IN, pred, before, node);
	store_relaxed(&pred->next, node);
	compiler_fence();
	store_relaxed(&node->list, to);
	compiler_fence();
	if (SEED_BUG(68))
		list_announce(to, OP_MOVE_IN, pred, before, node);
	move_finish(from);
	list_done(from);
	move_finish(to);
	list_done(to);
}

/* 1 moved, 0 there is no node; or an error. */
static int move_locked(struct fusion_list *from, node_t **node,
		       struct fusion_list *to, node_t *before,
		       struct fusion_arena *a)
{
	int r = list_settle(from, a);

	if (r == 0)
		r = list_settle(to, a);
	if (r < 0)
		return r;
	if (!*node) {
		*node = from->ring.next;
		if (*node == &from->ring)
			return 0;
	}
	if (before == &to->ring)
		return refuse_node(to, before);
	if (!before)
		before = &to->ring;
	r = ask_move(from, *node, to, before, a);
	if (r < 0)
		return r;
	move_node(from, *node, to, before);
	return 1;
}

FUSION_API int fusion_list_move(struct fusion_list *from,
				struct fusion_list_node *node,
				struct fusion_list *to,
				struct fusion_list_node *before,
				struct fusion_list_node **ret)
{
	struct fusion_arena *a;
	int r = transfer_enter((struct container *)from, CONTAINER_LIST,
			       (struct container *)to, CONTAINER_LIST, &a);

	if (r < 0)
		return told(r);
	r = move_locked(from, &node, to, before, a);
	if (r == 1 && ret)
		*ret = node;
	list_leave(to, a, r);
	return told(list_leave(from, a, r));
}
