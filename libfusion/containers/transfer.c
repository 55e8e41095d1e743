/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/containers/transfer.h"

#include "libfusion/base/refuse.h"
#include "libfusion/containers/hash_private.h"
#include "libfusion/containers/list.h"
#include "libfusion/containers/vector.h"
#include "libfusion/heap/free.h"

/* --- The word --------------------------------------------------------------
 */

#define STATE_MASK 15ull

static_assert(TRANSFER_LOST <= STATE_MASK, "blocks are aligned to 16 bytes");

static uint64_t word_for(const struct container *other, uint64_t state)
{
	return (uintptr_t)other | state;
}

/* The word of a container of any kind; NULL: it is none. */
static CONTAINER_MAY_BE_FREED uint64_t *word_of(const struct container *c)
{
	switch (load_relaxed(&c->mark) ^ container_mark(c, 0)) {
	case CONTAINER_HASH:
		return &((struct fusion_hash *)c)->transfer;
	case CONTAINER_VECTOR:
		return &((struct fusion_vector *)c)->transfer;
	case CONTAINER_LIST:
		return &((struct fusion_list *)c)->transfer;
	}
	return NULL;
}

/* The word of the other container.  NULL: it was destroyed since, or a member
 * has scribbled on one of the two. */
static uint64_t *word_of_other(const struct fusion_arena *a, uint64_t word)
{
	const struct container *c = (void *)(uintptr_t)(word & ~STATE_MASK);
	uint64_t *at;

	if (!is_inside(a, c, sizeof(*c)))
		return NULL;
	at = word_of(c);
	return at && is_inside(a, at, sizeof(*at)) ? at : NULL;
}

/* Has the giver of @c, whose word was @word, passed the commit point? */
static CONTAINER_MAY_BE_FREED bool ask_giver(const struct container *c,
					     const struct fusion_arena *a,
					     uint64_t word)
{
	const uint64_t *own = word_of(c), *at = word_of_other(a, word);
	bool gone;

	/* Acquire: pairs with the release in transfer_locked(), of this
	 * transfer or of the giver's next one.  In the second case we see below
	 * what transfer_settled() told us before. */
	gone = at && load_acquire(at) == word_for(c, TRANSFER_GONE);
	if (!SEED_BUG(78))
		word = load_acquire(own);
	if ((word & STATE_MASK) != TRANSFER_IN)
		return (word & STATE_MASK) == TRANSFER_CAME;
	return gone;
}

bool transfer_is_done(const struct container *c, const struct fusion_arena *a)
{
	const uint64_t *own = word_of(c);
	/* Acquire: pairs with the compare-and-swap in transfer_settled(). */
	uint64_t word = own ? load_acquire(own) : 0;

	if ((word & STATE_MASK) == TRANSFER_IN)
		return ask_giver(c, a, word);
	return (word & STATE_MASK) == TRANSFER_GONE ||
	       (word & STATE_MASK) == TRANSFER_CAME;
}

/* Tell the taker, unless it is settled already. */
static CONTAINER_MAY_BE_FREED void tell_taker(const struct container *c,
					      const struct fusion_arena *a,
					      uint64_t word, bool done)
{
	uint64_t *at = word_of_other(a, word), in = word_for(c, TRANSFER_IN);

	if (at && SEED_BUG(79))
		in = load_relaxed(at);
	if (at && !SEED_BUG(74))
		cas_acq_rel(at, &in,
			    word_for(c, done ? TRANSFER_CAME : TRANSFER_LOST));
}

void transfer_settled(struct container *c, const struct fusion_arena *a,
		      bool done)
{
	const uint64_t *own = word_of(c);
	uint64_t word = own ? load_relaxed(own) : 0;

	if ((word & STATE_MASK) == TRANSFER_OUT ||
	    (word & STATE_MASK) == TRANSFER_GONE)
		tell_taker(c, a, word, done);
	compiler_fence();
	if (load_relaxed(&c->state) == CONTAINER_MOVING)
		store_relaxed(&c->state, (uint16_t)CONTAINER_ALIVE);
}

/* --- Begin -----------------------------------------------------------------
 */

int transfer_enter(struct container *from, uint32_t from_kind,
		   struct container *to, uint32_t to_kind,
		   struct fusion_arena **ret)
{
	bool in_order = (uintptr_t)from < (uintptr_t)to;
	struct container *first = in_order ? from : to,
			 *second = in_order ? to : from;
	struct fusion_arena *other;
	int r;

	if (!from || !to)
		return refuse_null("move between two containers",
				   from ? "to" : "from");
	if (from == to)
		return refuse(-EINVAL,
			      "container at %p: it is both containers of the "
			      "move: give another",
			      (const void *)from);
	r = container_enter(first, in_order ? from_kind : to_kind, ret);
	if (r < 0)
		return r;
	r = container_enter(second, in_order ? to_kind : from_kind, &other);
	if (r < 0)
		return container_leave(first, r);
	if (other == *ret)
		return 0;
	container_leave(second, 0);
	return container_leave(
		first, refuse(-EINVAL,
			      "container at %p: it is not in the arena of the "
			      "container at %p: copy the value",
			      (const void *)to, (const void *)from));
}

/* May a value of the one be a value of the other?  A block that a container
 * owns is that of the next owner: of another container that owns its values, or
 * of the program.  0, -EINVAL. */
static int ask_value(const struct container *from, const struct container *to,
		     const struct fusion_arena *a, struct fusion_value value)
{
	const uint16_t owns =
		FUSION_CONTAINER_AUTOFREE | FUSION_CONTAINER_BYTES;

	if (to->flags & FUSION_CONTAINER_BYTES &&
	    !(from->flags & FUSION_CONTAINER_BYTES))
		return refuse(-EINVAL,
			      "container at %p: its values are bytes: only a "
			      "container with FUSION_CONTAINER_BYTES can give "
			      "it one",
			      (const void *)to);
	if (from->flags & owns && to->flags & FUSION_CONTAINER_WORDS)
		return refuse(-EINVAL,
			      "container at %p: its values are words, and the "
			      "container at %p owns a block: create it without "
			      "FUSION_CONTAINER_WORDS",
			      (const void *)to, (const void *)from);
	if (!is_good_value(to, a, value))
		return refuse(-EINVAL,
			      "container at %p: the value is no pointer into "
			      "the arena: create both containers with "
			      "FUSION_CONTAINER_WORDS",
			      (const void *)to);
	if (to->flags & owns &&
	    !heap_usable_size(a, fusion_value_get_pointer(value)))
		return refuse(
			-EINVAL,
			"container at %p: the value is not the address of a "
			"block, which it could own: allocate the value "
			"with fusion_malloc()",
			(const void *)to);
	return 0;
}

/* --- The transfer ----------------------------------------------------------
 */

/* Announce what is to happen on both sides.  0; or nothing is announced. */
static int announce_both(struct transfer_side *from, struct transfer_side *to,
			 struct fusion_arena *a, struct fusion_value value)
{
	int r;

	/* Release: pairs with the acquire in ask_giver(). */
	store_release(word_of(from->c), word_for(to->c, TRANSFER_OUT));
	compiler_fence();
	store_relaxed(word_of(to->c), word_for(from->c, TRANSFER_IN));
	compiler_fence();
	r = to->kind->take(to, a, value);
	if (r < 0)
		return r;
	r = from->kind->give(from, a);
	if (r < 0)
		to->kind->settle(to->c, a);
	return r;
}

/* Commit point: the store of the giver's word.  The taker is told before the
 * giver ends its announcement. */
static void commit(struct container *from, struct container *to)
{
	compiler_fence();
	if (!SEED_BUG(75)) {
		store_relaxed(&from->state, (uint16_t)CONTAINER_MOVING);
		store_relaxed(&to->state, (uint16_t)CONTAINER_MOVING);
	}
	compiler_fence();
	store_release(word_of(from), word_for(to, TRANSFER_GONE));
	compiler_fence();
	if (!SEED_BUG(74))
		store_relaxed(word_of(to), word_for(from, TRANSFER_CAME));
	compiler_fence();
}

static int transfer_locked(struct transfer_side *from, struct transfer_side *to,
			   struct fusion_arena *a)
{
	struct fusion_value value;
	int r = from->kind->settle(from->c, a);

	if (r == 0)
		r = to->kind->settle(to->c, a);
	if (r == 0)
		r = from->kind->find(from, a, &value);
	if (r <= 0)
		return r;
	r = ask_value(from->c, to->c, a, value);
	if (r == 0)
		r = announce_both(from, to, a, value);
	if (r < 0)
		return r;
	commit(from->c, to->c);
	/* If freeing failed, the announcement stays. */
	if (from->kind->settle(from->c, a) == 0 && from->kind->shrink)
		from->kind->shrink(from->c, a);
	to->kind->settle(to->c, a);
	return 1;
}

static int leave(const struct transfer_side *s, struct fusion_arena *a, int r)
{
	return s->kind->leave ? s->kind->leave(s->c, a, r)
			      : container_leave(s->c, r);
}

int transfer_run(struct transfer_side *from, struct transfer_side *to)
{
	struct fusion_arena *a;
	int r = transfer_enter(from->c, from->kind->kind, to->c, to->kind->kind,
			       &a);

	if (r < 0)
		return r;
	r = transfer_locked(from, to, a);
	leave(to, a, r);
	return leave(from, a, r);
}
