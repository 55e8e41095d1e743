/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a thread leaves that is killed right before the commit point of a
 * transfer, or right behind it. */
#ifndef TESTS_HALF_TRANSFER_H
#define TESTS_HALF_TRANSFER_H

#include "libfusion/containers/hash_transfer.h"
#include "libfusion/containers/list_transfer.h"
#include "libfusion/containers/vector_transfer.h"

static inline void half_word(const struct transfer_side *s,
			     const struct transfer_side *other, uint64_t state)
{
	uint64_t word = (uintptr_t)other->c | state;

	switch (s->kind->kind) {
	case CONTAINER_HASH:
		((struct fusion_hash *)s->c)->transfer = word;
		break;
	case CONTAINER_VECTOR:
		((struct fusion_vector *)s->c)->transfer = word;
		break;
	default:
		((struct fusion_list *)s->c)->transfer = word;
	}
}

/* 0; or an error. */
static inline int half_transfer(struct fusion_arena *a,
				struct transfer_side *from,
				struct transfer_side *to, bool done)
{
	struct fusion_value value;
	int r;

	half_word(from, to, TRANSFER_OUT);
	half_word(to, from, TRANSFER_IN);
	r = from->kind->find(from, a, &value);
	if (r <= 0)
		return r ? r : -ENOENT;
	r = to->kind->take(to, a, value);
	if (r == 0)
		r = from->kind->give(from, a);
	if (r < 0)
		return r;
	from->c->state = to->c->state = CONTAINER_MOVING;
	if (done)
		half_word(from, to, TRANSFER_GONE);
	return 0;
}

#endif
