/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/bytes.h"

#include <string.h>

#include "libfusion/base/refuse.h"
#include "libfusion/heap/free.h"

#define LENGTH_BYTES sizeof(uint64_t)

static void *length_at(const void *block, size_t usable)
{
	return (char *)block + usable - LENGTH_BYTES;
}

int bytes_block_size(size_t size, uint64_t *ret)
{
	if (size > PTRDIFF_MAX - LENGTH_BYTES)
		return -ENOMEM;
	*ret = size + LENGTH_BYTES;
	return 0;
}

void bytes_fill(const struct fusion_arena *a, void *block, const void *bytes,
		size_t size)
{
	const uint64_t length = size;

	if (size)
		memcpy(block, bytes, size);
	memcpy(length_at(block, heap_usable_size(a, block)), &length,
	       LENGTH_BYTES);
}

int bytes_copy(const struct fusion_arena *a, const char *container,
	       const void *own, void *buf, size_t size, size_t *ret_length)
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
			      "%s: the value has %llu bytes, more than %zu: "
			      "give a larger buffer",
			      container, (unsigned long long)length, size);
	if (length)
		memcpy(buf, own, length);
	return 0;
}
