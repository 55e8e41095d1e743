/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list by its id, and in numbers. */
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/containers/list.h"
#include "libfusion/heap/free.h"

FUSION_API int fusion_list_get(struct fusion_arena *arena, fusion_id_t id,
			       struct fusion_list **ret)
{
	return told(container_get(arena, id, CONTAINER_LIST, ret));
}

FUSION_API fusion_id_t fusion_list_id(const struct fusion_list *list)
{
	return container_id((const struct container *)list, CONTAINER_LIST);
}

FUSION_API int fusion_list_count(struct fusion_list *list, uint64_t *ret)
{
	struct fusion_arena *a;
	int r = ret ? list_enter(list, &a) : refuse_null("list", "ret");

	if (r < 0)
		return told(r);
	*ret = list_count(list, a);
	return told(container_leave(&list->c, 0));
}

FUSION_API int fusion_list_stat(struct fusion_list *list,
				struct fusion_list_stat *ret, size_t size)
{
	struct fusion_list_stat stat = {0};
	struct fusion_arena *a;
	int r = list_enter(list, &a);

	if (r < 0)
		return told(r);
	stat.id = list->c.link.id;
	stat.flags = list->c.flags;
	stat.count = list_count(list, a);
	stat.bytes = heap_usable_size(a, list) +
		     stat.count * sizeof(struct fusion_list_node);
	r = result_give(ret, size, &stat, sizeof(stat), "fusion_list_stat");
	return told(container_leave(&list->c, r));
}
