/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/hash_bytes.h"

int bytes_make(struct fusion_hash *h, struct fusion_arena *a, const void *bytes,
	       size_t size, struct fusion_value *ret)
{
	uint64_t block_size;
	void *block;
	int r = bytes_block_size(size, &block_size);

	if (r == 0)
		r = twin_begin(&h->table, a, block_size, &block);
	if (r < 0)
		return r;
	bytes_fill(a, block, bytes, size);
	*ret = fusion_value_pointer(block);
	return 0;
}
