/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/hash_bytes.h"

#include <string.h>

#include "libfusion/base/refuse.h"
#include "libfusion/heap/free.h"

#define LENGTH_BYTES sizeof(uint64_t)

static void *length_at(const void *block, size_t usable)
{
	return (char *)block + usable - LENGTH_BYTES;
}

int bytes_make(struct fusion_hash *h, struct fusion_arena *a, const void *bytes,
	       size_t size, struct fusion_value *ret)
{
	const uint64_t length = size;
	void *block;
	int r;

	if (size > PTRDIFF_MAX - LENGTH_BYTES)
		return -ENOMEM;
	r = twin_begin(&h->table, a, length + LENGTH_BYTES, &block);
	if (r < 0)
		return r;
	if (size)
		memcpy(block, bytes, size);
	memcpy(length_at(block, heap_usable_size(a, block)), &length,
	       LENGTH_BYTES);
	*ret = fusion_value_pointer(block);
	return 0;
}

int bytes_copy(const struct fusion_arena *a, const void *own, void *buf,
	       size_t size, size_t *ret_length)
{
	size_t usable = heap_usable_size(a, own);
	uint64_t length;

	if (usable < LENGTH_BYTES)
		return -EIO;
	memcpy(&length, length_at(own, usable), LENGTH_BYTES);
	if (length > usable - LENGTH_BYTES)
		return -EIO;
	if (ret_length)
		*ret_length = length;
	if (length > size)
		return refuse(-EMSGSIZE,
			      "hash: the value has %llu bytes, more than %zu: "
			      "give a larger buffer",
			      (unsigned long long)length, size);
	if (length)
		memcpy(buf, own, length);
	return 0;
}
