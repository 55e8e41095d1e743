/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A vector by its id, and in numbers. */
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/containers/vector.h"
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
	const struct row *row;
	struct fusion_arena *a;
	int r = container_enter((struct container *)vector, CONTAINER_VECTOR,
				&a);

	if (r < 0)
		return told(r);
	r = vector_look(vector, a, &row, &stat.count);
	if (r < 0)
		return told(container_leave(&vector->c, r));
	stat.id = vector->c.link.id;
	stat.flags = vector->c.flags;
	stat.bytes = heap_usable_size(a, vector);
	if (row) {
		stat.capacity = row->cap;
		stat.bytes += heap_usable_size(a, row);
	}
	r = result_give(ret, size, &stat, sizeof(stat), "fusion_vector_stat");
	return told(container_leave(&vector->c, r));
}
