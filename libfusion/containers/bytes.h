/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes: the values of a container with FUSION_CONTAINER_BYTES
 *
 * A value is a block that begins with the bytes.  The last eight bytes of the
 * block are the number of bytes.  So a program finds the bytes where the value
 * points to, and the number stays exact, though the heap rounds sizes up.
 */
#ifndef FUSION_BYTES_H
#define FUSION_BYTES_H

#include "libfusion/containers/container.h"

/* Compute the size of the block for @size bytes.  0, -ENOMEM. */
int bytes_block_size(size_t size, uint64_t *ret);
/* Copy @size bytes to @block, which has room for them. */
void bytes_fill(const struct fusion_arena *a, void *block, const void *bytes,
		size_t size);
/* Copy the bytes of the block @own of a @container ("hash") to @buf, which has
 * room for @size.  @ret_length may be NULL.  0; -EMSGSIZE: too many,
 * *@ret_length says how many; -EIO. */
int bytes_copy(const struct fusion_arena *a, const char *container,
	       const void *own, void *buf, size_t size, size_t *ret_length);

#endif
