/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/list.h"

#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/containers/list_move.h"
#include "libfusion/containers/transfer.h"
#include "libfusion/core/heap/span.h"

#define KIND CONTAINER_LIST
#define FLAGS                                             \
	(FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS | \
	 FUSION_CONTAINER_BYTES)

typedef struct fusion_list_node node_t;

static bool is_of(const struct fusion_list *l, const struct fusion_arena *a,
		  const node_t *x)
{
	return is_inside(a, x, sizeof(*x)) && (uintptr_t)x % 8 == 0 &&
	       x->list == l;
}

/* Is @node, which a caller gave and which may be any pointer, a node of @l? */
static inline bool is_node(const struct fusion_list *l, struct fusion_arena *a,
			   const node_t *x)
{
	struct tcache *t = tls_cache(a);

	if (!t)
		return false;
	if (UNLIKELY(!is_in_slab(t, x))) {
		t->span_hi = span_hi(&a->view);
		if (!is_in_slab(t, x))
			return false;
	}
	return x->list == l;
}

bool list_is_linked(const struct fusion_list *l, const struct fusion_arena *a,
		    const node_t *x)
{
	return is_of(l, a, x->prev) && is_of(l, a, x->next) &&
	       x->prev->next == x && x->next->prev == x;
}

/* --- The record ------------------------------------------------------------
 */

/* Has the announced change reached its commit point?  @node is its node. */
static bool is_committed(const struct fusion_list *l,
			 const struct fusion_arena *a, const node_t *node)
{
	const node_t *next = load_relaxed(&l->pred->next);

	if (l->op >= OP_GIVE)
		return (node || l->op == OP_GIVE) && transfer_is_done(&l->c, a);
	if (l->op >= OP_MOVE_OUT)
		return move_is_committed(l, a);
	return l->op == OP_INSERT ? node && next == node : next == l->succ;
}

/* A node that a dead thread has given to another container is no node any more,
 * though nobody has freed it yet. */
bool list_has(const struct fusion_list *l, struct fusion_arena *a,
	      const node_t *x)
{
	return is_node(l, a, x) && !(UNLIKELY(l->op == OP_GIVE) &&
				     x == l->node && is_committed(l, a, x));
}

void list_announce(struct fusion_list *l, enum list_op op, node_t *pred,
		   node_t *succ, node_t *node)
{
	bool more = op == OP_INSERT || op == OP_MOVE_IN || op == OP_TAKE;

	store_relaxed(&l->pred, pred);
	store_relaxed(&l->succ, succ);
	store_relaxed(&l->then_n, more ? l->n + 1 : l->n - 1);
	store_relaxed(&l->node, SEED_BUG(63) ? NULL : (void *)node);
	compiler_fence();
	store_relaxed(&l->op, op);
	compiler_fence();
}

void list_done(struct fusion_list *l)
{
	compiler_fence();
	store_relaxed(&l->op, OP_NONE);
	compiler_fence();
}

/* Finish a change after its commit point.  @owned says that a removed value is
 * freed.  Idempotent. */
static int list_finish(struct fusion_list *l, struct fusion_arena *a,
		       bool owned)
{
	node_t *node = l->node;
	bool in = l->op == OP_INSERT || l->op == OP_TAKE;
	int r;

	if (l->op >= OP_GIVE)
		store_relaxed(&l->pred->next, in ? node : l->succ);
	store_relaxed(&l->succ->prev, in ? node : l->pred);
	store_relaxed(&l->n, l->then_n);
	compiler_fence();
	if (in) {
		/* The node comes last: it says that the block is the list's. */
		if (l->op == OP_INSERT && list_has_bytes(l))
			store_relaxed(&l->block, NULL);
		compiler_fence();
		store_relaxed(&l->node, NULL);
		return 0;
	}
	r = node && owned ? slot_drop(a, &node->own) : 0;
	if (r < 0)
		return r;
	if (node)
		store_relaxed(&node->list, NULL);
	compiler_fence();
	return slot_drop(a, &l->node);
}

/* Free what an insertion has allocated, before its commit point. */
static int undo_insert(struct fusion_list *l, struct fusion_arena *a)
{
	int r = list_has_bytes(l) ? slot_drop(a, &l->block) : 0;

	return r < 0 ? r : slot_drop(a, &l->node);
}

static int settle_op(struct fusion_list *l, struct fusion_arena *a)
{
	node_t *node = l->node;
	bool done;
	int r = 0;

	if (l->op > OP_TAKE || !is_of(l, a, l->pred) || !is_of(l, a, l->succ) ||
	    (node && !is_inside(a, node, sizeof(*node))))
		return -EIO;
	done = is_committed(l, a, node);
	if (l->op == OP_MOVE_OUT || l->op == OP_MOVE_IN)
		move_settle(l, a);
	else if (done)
		r = list_finish(l, a, l->op == OP_REMOVE && list_has_bytes(l));
	else if (l->op == OP_INSERT)
		r = undo_insert(l, a);
	else if (l->op == OP_TAKE)
		r = slot_drop(a, &l->node);
	if (r < 0)
		return r;
	if (l->op >= OP_GIVE)
		transfer_settled(&l->c, a, done);
	list_done(l);
	return 0;
}

int list_settle(struct fusion_list *l, struct fusion_arena *a)
{
	return LIKELY(!l->op) ? 0 : settle_op(l, a);
}

/* The node after another one.  While a move is announced, its links may be
 * those of the other list. */
static node_t *next_of(const struct fusion_list *l,
		       const struct fusion_arena *a, const node_t *x)
{
	bool in = l->op == OP_MOVE_IN, moved;

	if (LIKELY(l->op < OP_MOVE_OUT) || SEED_BUG(69) ||
	    !is_of(l, a, l->pred))
		return x->next;
	moved = is_committed(l, a, l->node);
	if (l->op >= OP_GIVE && moved && x == l->pred)
		return l->op == OP_TAKE ? l->node : l->succ;
	if (l->op >= OP_GIVE)
		return x->next;
	if ((x == l->pred && in != moved) || (x == l->node && in && moved))
		return l->succ;
	return x->next;
}

/* The node before another one.  While a change is announced, only the forward
 * links count. */
static node_t *prev_of(const struct fusion_list *l,
		       const struct fusion_arena *a, const node_t *x)
{
	node_t *node = l->node;

	if (LIKELY(!l->op) || SEED_BUG(64) || (x != l->succ && x != node) ||
	    !is_of(l, a, l->pred) || !is_committed(l, a, node))
		return x->prev;
	if (x == node)
		return l->op == OP_MOVE_IN ? l->pred : x->prev;
	return l->op == OP_REMOVE || l->op == OP_MOVE_OUT || l->op == OP_GIVE
		       ? l->pred
		       : node;
}

uint64_t list_count(const struct fusion_list *l, const struct fusion_arena *a)
{
	return l->op && is_of(l, a, l->pred) && is_committed(l, a, l->node)
		       ? l->then_n
		       : l->n;
}

/* --- Calls that change it --------------------------------------------------
 */

/* Killed before the wake: recovery of the lock wakes all. */
int list_leave(struct fusion_list *l, struct fusion_arena *a, int r)
{
	if (UNLIKELY(l->wanted) && r >= 0) {
		store_relaxed(&l->wanted, 0);
		container_wake(&l->c, a);
	}
	return container_leave(&l->c, r);
}

/* Commit point: the store of pred->next. */
int list_insert(struct fusion_list *l, struct fusion_arena *a, node_t *pred,
		node_t *succ, const struct fusion_value *value, node_t **ret)
{
	node_t *node;
	int r;

	list_announce(l, OP_INSERT, pred, succ, NULL);
	r = fusion_malloc_to(a, sizeof(*node), &l->node);
	if (r < 0) {
		if (undo_insert(l, a) == 0)
			list_done(l);
		return r;
	}
	node = l->node;
	*node = (node_t){
		.next = succ,
		.prev = pred,
		.list = l,
		.value = value ? *value : fusion_value_pointer(l->block),
	};
	compiler_fence();
	store_relaxed(&pred->next, node);
	compiler_fence();
	list_finish(l, a, false);
	list_done(l);
	if (ret)
		*ret = node;
	return 0;
}

static int check_value(const struct fusion_list *l,
		       const struct fusion_arena *a, struct fusion_value value)
{
	if (list_has_bytes(l))
		return refuse(-EINVAL,
			      "list at %p: its values are bytes: use "
			      "fusion_list_insert_bytes()",
			      (const void *)l);
	return is_good_value(&l->c, a, value) ? 0 : -EINVAL;
}

enum where { BEFORE, AFTER };

/* @node NULL is the ring's own node, which is after the last node and before
 * the first. */
static int insert_at(struct fusion_list *l, node_t *node, enum where where,
		     struct fusion_value value, node_t **ret)
{
	struct fusion_arena *a;
	node_t *other;
	int r = list_enter(l, &a);

	if (r < 0)
		return r;
	if (!node)
		node = &l->ring;
	r = list_settle(l, a);
	if (r == 0)
		r = is_node(l, a, node) ? check_value(l, a, value) : -EINVAL;
	if (r < 0)
		return container_leave(&l->c, r);
	other = where == BEFORE ? node->prev : node->next;
	if (!is_of(l, a, other))
		r = -EIO;
	else if (where == BEFORE)
		r = list_insert(l, a, other, node, &value, ret);
	else
		r = list_insert(l, a, node, other, &value, ret);
	return list_leave(l, a, r);
}

FUSION_API int fusion_list_insert_front(struct fusion_list *list,
					struct fusion_value value,
					struct fusion_list_node **ret)
{
	return told(insert_at(list, NULL, AFTER, value, ret));
}

FUSION_API int fusion_list_insert_back(struct fusion_list *list,
				       struct fusion_value value,
				       struct fusion_list_node **ret)
{
	return told(insert_at(list, NULL, BEFORE, value, ret));
}

FUSION_API int fusion_list_insert_before(struct fusion_list *list,
					 struct fusion_list_node *node,
					 struct fusion_value value,
					 struct fusion_list_node **ret)
{
	return told(node ? insert_at(list, node, BEFORE, value, ret) : -EINVAL);
}

FUSION_API int fusion_list_insert_after(struct fusion_list *list,
					struct fusion_list_node *node,
					struct fusion_value value,
					struct fusion_list_node **ret)
{
	return told(node ? insert_at(list, node, AFTER, value, ret) : -EINVAL);
}

/* Remove a node.  @owned says that its value is freed.  Commit point: the store
 * of pred->next. */
static int take_out(struct fusion_list *l, struct fusion_arena *a, node_t *node,
		    bool owned)
{
	node_t *pred = node->prev, *succ = node->next;
	int r;

	if (!list_is_linked(l, a, node))
		return -EIO;
	list_announce(l, OP_REMOVE, pred, succ, node);
	store_relaxed(&pred->next, succ);
	compiler_fence();
	if (SEED_BUG(63))
		store_relaxed(&l->node, (void *)node);
	r = list_finish(l, a, owned);
	/* If freeing failed, the announcement stays. */
	if (r == 0)
		list_done(l);
	return 0;
}

FUSION_API int fusion_list_remove(struct fusion_list *list,
				  struct fusion_list_node *node,
				  struct fusion_value *ret_old)
{
	struct fusion_value old = {0};
	struct fusion_arena *a;
	int r = list_enter(list, &a);

	if (r < 0)
		return told(r);
	r = list_settle(list, a);
	if (r == 0 && (!is_node(list, a, node) || node == &list->ring))
		r = -EINVAL;
	if (r == 0) {
		old = node->value;
		r = take_out(list, a, node, list_has_bytes(list) && !ret_old);
	}
	if (r == 0 && ret_old)
		*ret_old = old;
	return told(list_leave(list, a, r));
}

FUSION_API int fusion_list_set(struct fusion_list *list,
			       struct fusion_list_node *node,
			       struct fusion_value value,
			       struct fusion_value *ret_old)
{
	struct fusion_value old;
	struct fusion_arena *a;
	int r = list_enter(list, &a);

	if (r < 0)
		return told(r);
	/* The node may be one that a dead thread has taken out. */
	r = list_settle(list, a);
	if (r == 0)
		r = is_node(list, a, node) && node != &list->ring
			    ? check_value(list, a, value)
			    : -EINVAL;
	if (r < 0)
		return told(container_leave(&list->c, r));
	old = node->value;
	store_relaxed(&node->value.word, value.word);
	if (ret_old)
		*ret_old = old;
	return told(list_leave(list, a, 0));
}

/* --- Reading ---------------------------------------------------------------
 */

static __attribute__((noinline)) int walk(struct fusion_list *l, node_t *node,
					  enum where where, node_t **ret)
{
	struct fusion_arena *a;
	node_t *to;
	int r = ret ? list_enter(l, &a) : refuse_null("list", "ret");

	if (r < 0)
		return r;
	if (!node)
		node = &l->ring;
	else if (node == &l->ring || !list_has(l, a, node))
		return container_leave(&l->c, -EINVAL);
	to = where == AFTER ? next_of(l, a, node) : prev_of(l, a, node);
	if (to == &l->ring)
		return container_leave(&l->c, 0);
	if (!is_of(l, a, to))
		return container_leave(&l->c, -EIO);
	*ret = to;
	return container_leave(&l->c, 1);
}

/* The fast path: is @node a node with a value, of a list without a lock, in the
 * arena that the thread used last?  Then a call has nothing else to begin or
 * end. */
static inline bool is_node_soon(const struct tcache *t,
				const struct fusion_list *l, const node_t *node)
{
	return LIKELY(!container_look(t, &l->c, KIND)) && is_in_slab(t, node) &&
	       LIKELY(node->list == l) && node != &l->ring;
}

FUSION_API int fusion_list_next(struct fusion_list *list,
				struct fusion_list_node *node,
				struct fusion_list_node **ret)
{
	const struct tcache *t = tls_current;

	struct fusion_list_node *next;

	if (LIKELY(ret) && is_node_soon(t, list, node)) {
		next = node->next;
		if (LIKELY(next != &list->ring) && is_in_slab(t, next) &&
		    LIKELY(next->list == list)) {
			*ret = next;
			return 1;
		}
	}
	return told(walk(list, node, AFTER, ret));
}

FUSION_API int fusion_list_prev(struct fusion_list *list,
				struct fusion_list_node *node,
				struct fusion_list_node **ret)
{
	return told(walk(list, node, BEFORE, ret));
}

static __attribute__((noinline)) int value_slow(struct fusion_list *list,
						struct fusion_list_node *node,
						struct fusion_value *ret)
{
	struct fusion_arena *a;
	int r = ret ? list_enter(list, &a) : refuse_null("list", "ret");

	if (r < 0)
		return r;
	if (list_has(list, a, node) && node != &list->ring)
		*ret = node->value;
	else
		r = -EINVAL;
	return container_leave(&list->c, r);
}

FUSION_API int fusion_list_value(struct fusion_list *list,
				 struct fusion_list_node *node,
				 struct fusion_value *ret)
{
	if (LIKELY(ret) && is_node_soon(tls_current, list, node)) {
		*ret = node->value;
		return 0;
	}
	return told(value_slow(list, node, ret));
}

/* --- From beginning to end -------------------------------------------------
 */

static void init_list(struct container *c, const struct container_make *make)
{
	struct fusion_list *l = (struct fusion_list *)c;

	(void)make;
	l->ring = (node_t){.next = &l->ring, .prev = &l->ring, .list = l};
}

/* Read the options of a program. */
static int read_options(const struct fusion_list_options *options,
			struct container_make *ret)
{
	struct fusion_list_options o;
	int r = options_copy(
		&o, sizeof(o),
		OPTIONS_FIRST(struct fusion_list_options, reserved), options,
		"fusion_list_options");

	if (r < 0)
		return r;
	if (o.reserved)
		return refuse_reserved("fusion_list_options");
	if (o.flags & ~FLAGS)
		return refuse_flags("list", o.flags, FLAGS);
	if (o.flags & FUSION_CONTAINER_WORDS &&
	    o.flags & FUSION_CONTAINER_BYTES)
		return refuse(-EINVAL,
			      "list: FUSION_CONTAINER_WORDS and "
			      "FUSION_CONTAINER_BYTES are set: choose one");
	*ret = (struct container_make){
		.kind = KIND,
		.flags = o.flags,
		.size = sizeof(struct fusion_list),
		.init = init_list,
	};
	return 0;
}

FUSION_API int fusion_list_create(struct fusion_arena *arena, const char *name,
				  const struct fusion_list_options *options,
				  struct fusion_list **ret)
{
	struct container_make make;
	int r = ret ? read_options(options, &make) : refuse_null("list", "ret");

	return told(r < 0 ? r : container_create(arena, name, &make, ret));
}

FUSION_API int fusion_list_open(struct fusion_arena *arena, const char *name,
				const struct fusion_list_options *options,
				struct fusion_list **ret)
{
	struct container_make make;
	int r = ret ? read_options(options, &make) : refuse_null("list", "ret");

	return told(r < 0 ? r : container_open(arena, name, &make, ret));
}

FUSION_API int fusion_list_lookup(struct fusion_arena *arena, const char *name,
				  struct fusion_list **ret)
{
	return told(container_lookup(arena, name, KIND, ret));
}

FUSION_API int fusion_list_destroy(struct fusion_list *list)
{
	struct fusion_arena *a;
	int r;

	if (!list)
		return 0;
	r = container_doom((struct container *)list, KIND, &a);
	if (r < 0)
		return told(r);
	/* The nodes of a corrupt list leak. */
	r = list_settle(list, a);
	while (r == 0 && list->ring.next != &list->ring)
		r = is_of(list, a, list->ring.next)
			    ? take_out(list, a, list->ring.next,
				       list_has_bytes(list))
			    : -EIO;
	return told(container_free(&list->c, a));
}

FUSION_API int fusion_list_lock(struct fusion_list *list)
{
	return told(container_lock((struct container *)list, KIND));
}

FUSION_API int fusion_list_unlock(struct fusion_list *list)
{
	return told(container_unlock((struct container *)list, KIND));
}

FUSION_API int fusion_list_wait(struct fusion_list *list, int64_t timeout_ns,
				uint32_t flags)
{
	struct fusion_arena *a;
	struct wait wait;
	int r = wait_begin(timeout_ns, flags, &wait);

	if (r == 0)
		r = list_enter(list, &a);
	if (r < 0)
		return told(r);
	if (list->c.flags & FUSION_CONTAINER_LOCK)
		store_relaxed(&list->wanted, 1);
	return told(container_wait(&list->c, KIND, a, &wait));
}
