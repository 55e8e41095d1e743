/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_HASH_OF_CONTAINER_H
#define FUSION_HASH_OF_CONTAINER_H

#include "libfusion/containers/hash_key.h"
#include "libfusion/containers/hash_private.h"
#include "libfusion/containers/hash_table.h"

/* Finish or undo what a dead thread announced.  0, -EIO, -ENOMEM, -EMFILE. */
int hash_settle(struct fusion_hash *h, struct fusion_arena *a);
/* Count the entries of @t without settling. */
uint64_t hash_count(const struct fusion_hash *h, const struct fusion_arena *a,
		    const struct hash_table *t);
/* Remove entry @i of @t; the hash must be settled.  0, -ENOMEM, -EMFILE. */
int hash_remove_at(struct fusion_hash *h, struct fusion_arena *a,
		   struct hash_table *t, uint64_t i,
		   struct fusion_value *ret_old);

/* What hash_transfer.c needs. */

/* Find a key.  1 and its table and position; 0: the hash does not have it;
 * -EINVAL, -EIO. */
int hash_find(const struct fusion_hash *h, const struct fusion_arena *a,
	      const struct fusion_key *key, struct hash_table **ret_t,
	      int64_t *ret_i);
/* Search the table for a key, by the tags.  1 and its entry; 0; -EIO. */
int hash_search_table(const struct fusion_arena *a, const struct hash_table *t,
		      const struct needle *k, int64_t *ret);
/* Find the position of a key, and make room for it.  0: a new entry; 1: it has
 * one; -ENOMEM, -EIO. */
int hash_make_room(struct fusion_hash *h, struct fusion_arena *a,
		   const struct needle *k, struct hash_table **ret_t,
		   int64_t *ret_i);
/* Copy a string or bytes to where the key of @e is.  0, -ENOMEM, -EMFILE. */
int hash_copy_key(struct fusion_arena *a, struct hash_entry *e,
		  const struct needle *k);
/* Finish a removal after its commit point.  Idempotent. */
int hash_finish_remove(struct fusion_hash *h, struct fusion_arena *a,
		       struct hash_table *t, struct hash_entry *e,
		       bool with_value);

/* The tag of entry @i once it is removed.  If the next tag is FREE, no search
 * goes beyond this entry, so the tag becomes FREE, not REMOVED. */
static inline uint32_t hash_tag_removed(const struct hash_table *t, uint64_t i)
{
	uint32_t next = t->tags[(i + 1) & (table_size(t) - 1)];

	return next == TAG_IS_FREE ? TAG_IS_FREE : TAG_IS_REMOVED;
}

#endif
