/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list: a ring of nodes, one of which is in the list itself
 *
 * Invariant: the forward links are right at any time.  The commit point of an
 * insertion or removal is the store of the forward link of the node before.
 * The backward link and the number of values are stored afterwards.  list.op
 * announces that they may not have been:
 *
 *   INSERT   pred->next == node   succ->prev = node, n = then_n; the node is
 *                                 the list's
 *            else                 node, if there is one, is freed
 *   REMOVE   pred->next == succ   succ->prev = pred, n = then_n; node is freed
 *            else                 nothing has happened
 *
 * list.node is the slot through which nodes are allocated and freed.
 */
#ifndef FUSION_LIBFUSION_LIST_H
#define FUSION_LIBFUSION_LIST_H

#include <fusion/list.h>

#include "libfusion/containers/container.h"

enum list_op { OP_NONE = 0, OP_INSERT = 1, OP_REMOVE = 2 };

/* Shared: every byte is ABI. */
struct fusion_list_node {
	struct fusion_list_node *next, *prev;
	struct fusion_list *list; /* NULL once the node is removed */
	struct fusion_value value;
};
static_assert(sizeof(struct fusion_list_node) == 32, "ABI: another kind");

struct fusion_list {
	struct container c;
	struct fusion_list_node ring; /* its node without a value */
	uint64_t n;
	uint32_t op;
	uint32_t pad;
	struct fusion_list_node *pred, *succ; /* neighbours in `op` */
	uint64_t then_n;
	void *node; /* a slot: the node in `op` */
};
static_assert(sizeof(struct fusion_list) == 112, "ABI: another kind");
static_assert(offsetof(struct fusion_list, ring) % 16 == 0, "is_in_slab()");
static_assert(offsetof(struct fusion_list, n) == CONTAINER_LIST_N,
	      "the daemon reads it");

#endif
