/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes: the values of a hash with FUSION_CONTAINER_BYTES
 *
 * A value is a block that begins with the bytes.  The last eight bytes of the
 * block are the number of bytes.  So a program finds the bytes where the value
 * points to, and the number stays exact, though the heap rounds sizes up.
 */
#ifndef FUSION_HASH_BYTES_H
#define FUSION_HASH_BYTES_H

#include "libfusion/containers/hash_private.h"

/* Make a value of a copy of bytes.  The block waits in the other slot of the
 * table's twins.  0, -ENOMEM, -EMFILE. */
int bytes_make(struct fusion_hash *h, struct fusion_arena *a, const void *bytes,
	       size_t size, struct fusion_value *ret);
/* Copy the bytes of the block @own to @buf, which has room for @size.
 * @ret_length may be NULL.  0; -EMSGSIZE: too many, *@ret_length says how many;
 * -EIO. */
int bytes_copy(const struct fusion_arena *a, const void *own, void *buf,
	       size_t size, size_t *ret_length);

#endif
