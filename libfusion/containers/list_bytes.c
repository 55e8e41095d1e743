/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of a list with FUSION_CONTAINER_BYTES; bytes.h and list.h say how. */
#include <fusion/list.h>

#include "libfusion/base/refuse.h"
#include "libfusion/containers/bytes.h"
#include "libfusion/containers/list.h"

typedef struct fusion_list_node node_t;

/* 0, or -EINVAL: the list has no bytes. */
static int ask_bytes(const struct fusion_list *l)
{
	return list_has_bytes(l)
		       ? 0
		       : refuse(-EINVAL,
				"list at %p: its values are not bytes: create "
				"it with FUSION_CONTAINER_BYTES",
				(const void *)l);
}

/* Insert into a settled list.  Killed before list_insert() commits: who settles
 * frees the block. */
static int insert_copy(struct fusion_list *l, struct fusion_arena *a,
		       node_t *succ, const void *bytes, size_t size,
		       node_t **ret)
{
	uint64_t block_size;
	int r = bytes_block_size(size, &block_size);

	if (r < 0)
		return r;
	store_relaxed(&l->block, NULL);
	compiler_fence();
	list_announce(l, OP_INSERT, succ->prev, succ, NULL);
	r = fusion_malloc_to(a, block_size, &l->block);
	if (r < 0) {
		list_done(l);
		return r;
	}
	bytes_fill(a, l->block, bytes, size);
	return list_insert(l, a, succ->prev, succ, NULL, ret);
}

FUSION_API int fusion_list_insert_bytes(struct fusion_list *list,
					struct fusion_list_node *before,
					const void *bytes, size_t size,
					struct fusion_list_node **ret)
{
	struct fusion_arena *a;
	int r = bytes || !size ? list_enter(list, &a)
			       : refuse_null("list", "bytes");

	if (r < 0)
		return told(r);
	r = ask_bytes(list);
	if (r == 0)
		r = list_settle(list, a);
	if (r == 0 && before &&
	    (before == &list->ring || !list_has(list, a, before)))
		r = -EINVAL;
	if (!before)
		before = &list->ring;
	if (r == 0 && !list_is_linked(list, a, before))
		r = -EIO;
	if (r == 0)
		r = insert_copy(list, a, before, bytes, size, ret);
	return told(list_leave(list, a, r));
}

FUSION_API int fusion_list_get_bytes(struct fusion_list *list,
				     struct fusion_list_node *node, void *buf,
				     size_t size, size_t *ret_length)
{
	struct fusion_arena *a;
	int r = buf || !size ? list_enter(list, &a)
			     : refuse_null("list", "buf");

	if (r < 0)
		return told(r);
	r = ask_bytes(list);
	if (r == 0 && (node == &list->ring || !list_has(list, a, node)))
		r = -EINVAL;
	if (r == 0)
		r = bytes_copy(a, "list", node->own, buf, size, ret_length);
	return told(container_leave(&list->c, r));
}
