/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values of a hash with FUSION_CONTAINER_BYTES: see bytes.h. */
#ifndef FUSION_HASH_BYTES_H
#define FUSION_HASH_BYTES_H

#include "libfusion/containers/bytes.h"
#include "libfusion/containers/hash_private.h"

/* Make a value of a copy of bytes.  The block waits in the other slot of the
 * table's twins.  0, -ENOMEM, -EMFILE. */
int bytes_make(struct fusion_hash *h, struct fusion_arena *a, const void *bytes,
	       size_t size, struct fusion_value *ret);

#endif
