/* SPDX-License-Identifier: GPL-2.0-or-later */
/* skirmishes/ */
#include "fusionfs/files/skirmishes.h"

#include <errno.h>
#include <inttypes.h>

#include "fusionfs/service/threads.h"
#include "fusionfs/service/visitors.h"
#include "fusionfs/world/record.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/locks/skirmish_queue.h"

static const char *skirmish_state_name(uint64_t word)
{
	if (word & SKIRMISH_DIED)
		return "owner-died";
	return SKIRMISH_OWNER(word) ? "held" : "free";
}

int skirmish_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	const struct skirmish *s;
	union record o;
	int r = record_get(n, &o);

	if (r < 0)
		return r;
	s = &o.skirmish;
	text_add(t, "owner ");
	text_add_owner(t, v, SKIRMISH_OWNER(s->word));
	text_add(t, "\ndepth %" PRIu64 "\nwaiters %u\n",
		 SKIRMISH_OWNER(s->word) ? (uint64_t)s->depth + 1 : 0,
		 threads_waiting(v, record_index(n)));
	text_add(t, "taken %" PRIu64 "\ncontended %" PRIu64 "\n", s->taken,
		 s->contended);
	text_add(t, "recovered %u\nstate %s\n", s->recovered,
		 skirmish_state_name(s->word));
	return 0;
}

/* --- flock -----------------------------------------------------------------
 */

static struct skirmish *skirmish_at(struct view *v, uint32_t index)
{
	return view_entry(v, KIND_SKIRMISH, index);
}

static int skirmish_lock_take(struct view *v, struct thread_rec *me,
			      const struct claim *claim)
{
	struct skirmish *s = skirmish_at(v, claim->index);
	/* Acquire: pairs with the release in skirmish_fini(). */
	int r = load_acquire(&s->id) == claim->id ? 0 : -EIDRM;

	if (!r)
		r = claim->nowait ? skirmish_try(v, me, s)
				  : skirmish_queue(v, me, s);
	return r == -EBUSY ? -EAGAIN : r;
}

static void skirmish_lock_give_up(struct view *v, struct thread_rec *me,
				  const struct claim *claim)
{
	skirmish_unqueue(v, me, skirmish_at(v, claim->index));
}

/* Give it back.  The mark of a dead owner stays for the next owner, unless the
 * shell has said "consistent". */
static void skirmish_lock_release(struct view *v, struct thread_rec *me,
				  const struct claim *claim)
{
	skirmish_unlock(v, me, skirmish_at(v, claim->index));
}

static int skirmish_lock_consistent(struct view *v, struct thread_rec *me,
				    const struct claim *claim)
{
	return skirmish_consistent(me, skirmish_at(v, claim->index));
}

int skirmish_make(struct view *v, struct thread_rec *me, const char *name,
		  uint32_t *ret_index)
{
	struct skirmish *s;
	int r = skirmish_create(v, me, name, 0, 0, &s);

	if (r == 0)
		*ret_index = skirmish_index(v, s);
	return r;
}

static const struct lock_word words[] = {
	{"consistent", .act = skirmish_lock_consistent},
	{0},
};

const struct lock_ops skirmish_locks = {
	.take = skirmish_lock_take,
	.give_up = skirmish_lock_give_up,
	.release = skirmish_lock_release,
	.words = words,
};
