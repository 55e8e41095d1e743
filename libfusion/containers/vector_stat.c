/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vector by its id, and in numbers. */
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/containers/vector_row.h"
#include "libfusion/heap/free.h"

FUSION_API int fusion_vector_get(struct fusion_arena *arena, fusion_id_t id,
				 struct fusion_vector **ret)
{
	return told(container_get(arena, id, CONTAINER_VECTOR, ret));
}

FUSION_API fusion_id_t fusion_vector_id(const struct fusion_vector *vector)
{
	return container_id((const struct container *)vector, CONTAINER_VECTOR);
}

FUSION_API int fusion_vector_stat(struct fusion_vector *vector,
				  struct fusion_vector_stat *ret, size_t size)
{
	struct fusion_vector_stat stat = {0};
	struct span s = {0};
	int r = container_enter((struct container *)vector, CONTAINER_VECTOR,
				&s.a);

	if (r < 0)
		return told(r);
	r = row_look(vector, &s);
	if (r < 0)
		return told(container_leave(&vector->c, r));
	stat.id = vector->c.link.id;
	stat.flags = vector->c.flags;
	stat.count = s.n;
	stat.bytes = heap_usable_size(s.a, vector);
	if (s.row) {
		stat.capacity = s.row->cap;
		stat.bytes += heap_usable_size(s.a, s.row);
	}
	r = result_give(ret, size, &stat, sizeof(stat), "fusion_vector_stat");
	return told(container_leave(&vector->c, r));
}
