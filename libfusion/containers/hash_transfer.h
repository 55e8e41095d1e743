/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A hash as one side of a transfer (transfer.h). */
#ifndef FUSION_HASH_TRANSFER_H
#define FUSION_HASH_TRANSFER_H

#include "libfusion/containers/hash_key.h"
#include "libfusion/containers/transfer.h"

extern const struct transfer_kind hash_transfer;

static inline struct transfer_side hash_side(struct fusion_hash *h,
					     const struct fusion_key *key)
{
	return (struct transfer_side){
		.c = (struct container *)h, .kind = &hash_transfer, .key = key};
}

/* Finish or undo the announced transfer of entry @i.  0, -EIO, -ENOMEM,
 * -EMFILE. */
int hash_settle_transfer(struct fusion_hash *h, struct fusion_arena *a,
			 struct hash_table *t, uint64_t i);
/* As hash_find(), in a hash that is CONTAINER_MOVING. */
int hash_find_moving(const struct fusion_hash *h, const struct fusion_arena *a,
		     const struct fusion_key *key, struct hash_table **ret_t,
		     int64_t *ret_i);
/* The first entry from @i on, in a hash that is CONTAINER_MOVING; or the size
 * of the table. */
uint64_t hash_next_moving(const struct fusion_hash *h,
			  const struct fusion_arena *a,
			  const struct hash_table *t, uint64_t i);

#endif
