/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/list_transfer.h"

#include "libfusion/base/refuse.h"
#include "libfusion/containers/hash_transfer.h"
#include "libfusion/containers/vector_transfer.h"

typedef struct fusion_list_node node_t;

static struct fusion_list *list_at(struct container *c)
{
	return (struct fusion_list *)c;
}

static int settle_list(struct container *c, struct fusion_arena *a)
{
	return list_settle(list_at(c), a);
}

static int refuse_node(const struct fusion_list *l, const node_t *node)
{
	return refuse(-EINVAL, "list at %p: it has no node at %p",
		      (const void *)l, (const void *)node);
}

static int find_node(struct transfer_side *s, struct fusion_arena *a,
		     struct fusion_value *ret)
{
	struct fusion_list *l = list_at(s->c);

	if (!s->node) {
		s->node = l->ring.next;
		if (s->node == &l->ring)
			return 0;
	} else if (s->node == &l->ring) {
		return refuse_node(l, s->node);
	}
	if (!list_has(l, a, s->node))
		return refuse_node(l, s->node);
	if (!list_is_linked(l, a, s->node))
		return -EIO;
	*ret = s->node->value;
	return 1;
}

static int give_node(struct transfer_side *s, struct fusion_arena *a)
{
	(void)a;
	list_announce(list_at(s->c), OP_GIVE, s->node->prev, s->node->next,
		      s->node);
	return 0;
}

/* Make the node.  Its own links are right, and nothing leads to it yet. */
static int make_node(struct fusion_list *l, struct fusion_arena *a,
		     node_t *succ, struct fusion_value value)
{
	node_t *pred = succ->prev, *node;
	int r;

	list_announce(l, OP_TAKE, pred, succ, NULL);
	r = fusion_malloc_to(a, sizeof(*node), &l->node);
	if (r < 0) {
		list_done(l);
		return r;
	}
	node = l->node;
	*node = (node_t){.next = succ, .prev = pred, .list = l, .value = value};
	return 0;
}

static int take_node(struct transfer_side *s, struct fusion_arena *a,
		     struct fusion_value value)
{
	struct fusion_list *l = list_at(s->c);
	node_t *before = s->node ? s->node : &l->ring;
	int r;

	if (s->node == &l->ring || !list_has(l, a, before))
		return refuse_node(l, s->node);
	if (!list_is_linked(l, a, before))
		return -EIO;
	r = make_node(l, a, before, value);
	if (r == 0)
		s->node = l->node;
	return r;
}

static int leave_list(struct container *c, struct fusion_arena *a, int r)
{
	return list_leave(list_at(c), a, r);
}

const struct transfer_kind list_transfer = {
	.kind = CONTAINER_LIST,
	.settle = settle_list,
	.find = find_node,
	.give = give_node,
	.take = take_node,
	.leave = leave_list,
};

/* --- Calls -----------------------------------------------------------------
 */

FUSION_API int fusion_list_move_to_hash(struct fusion_list *from,
					struct fusion_list_node *node,
					struct fusion_hash *to,
					struct fusion_key key)
{
	struct transfer_side out = list_side(from, node),
			     in = hash_side(to, &key);

	return told(transfer_run(&out, &in));
}

FUSION_API int fusion_list_move_to_vector(struct fusion_list *from,
					  struct fusion_list_node *node,
					  struct fusion_vector *to)
{
	struct transfer_side out = list_side(from, node),
			     in = vector_side(to, 0);

	return told(transfer_run(&out, &in));
}
