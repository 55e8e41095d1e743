/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_HASH_OF_CONTAINER_H
#define FUSION_HASH_OF_CONTAINER_H

#include "libfusion/containers/hash_private.h"

/* Finish or undo what a dead thread announced.  0, -EIO, -ENOMEM, -EMFILE. */
int hash_settle(struct fusion_hash *h, struct fusion_arena *a);
/* Count the entries of @t without settling. */
uint64_t hash_count(const struct fusion_hash *h, const struct hash_table *t);
/* Remove entry @i of @t; the hash must be settled.  0, -ENOMEM, -EMFILE. */
int hash_remove_at(struct fusion_hash *h, struct fusion_arena *a,
		   struct hash_table *t, uint64_t i,
		   struct fusion_value *ret_old);

#endif
