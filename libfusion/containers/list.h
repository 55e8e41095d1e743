/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list: a ring of nodes, of which one is in the list itself
 *
 * The links forward are the truth; the commit of an insertion or removal is the
 * store of the one in the node before.  The link backward and the number follow
 * it, and list.op says that they may not have yet:
 *
 *   INSERT   pred->next == node   succ->prev = node, n = then_n; the node is
 *                                 the list's
 *            else                 node, if there is one, is freed
 *   REMOVE   pred->next == succ   succ->prev = pred, n = then_n; node is freed
 *            else                 nothing has happened
 *
 * list.node is the slot through which nodes come and go.
 */
#ifndef FUSION_LIBFUSION_LIST_H
#define FUSION_LIBFUSION_LIST_H

#include <fusion/list.h>

#include "libfusion/containers/container.h"

enum list_op { OP_NONE = 0, OP_INSERT = 1, OP_REMOVE = 2 };

/* Shared: every byte is ABI. */
struct fusion_list_node {
	struct fusion_list_node *next, *prev;
	struct fusion_list *list; /* NULL once it is removed */
	union fusion_value value;
};
static_assert(sizeof(struct fusion_list_node) == 32, "ABI: another kind");

struct fusion_list {
	struct container c;
	uint32_t op;
	uint32_t pad;
	struct fusion_list_node ring; /* no value */
	uint64_t n;
	struct fusion_list_node *pred, *succ; /* of op */
	uint64_t then_n;
	void *node; /* a slot, of op */
};
static_assert(sizeof(struct fusion_list) == 104, "ABI: another kind");

#endif
