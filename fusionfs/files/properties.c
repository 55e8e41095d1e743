/* SPDX-License-Identifier: GPL-2.0-or-later */
/* properties/ */
#include "fusionfs/files/properties.h"

#include <errno.h>
#include <inttypes.h>

#include "fusionfs/service/threads.h"
#include "fusionfs/service/visitors.h"
#include "fusionfs/world/record.h"
#include "libfusion/core/base/futex.h"

const char *property_state_name(uint64_t word)
{
	if (!PROPERTY_OWNER(word))
		return "available";
	return word & PROPERTY_PURCHASED ? "purchased" : "leased";
}

/* Members stamp the property by a clock that knows no date. */
static void add_since(struct text *t, const struct property *p)
{
	int64_t age = clock_monotonic_ns() - (int64_t)p->since_ns;

	text_add(t, "since ");
	if (PROPERTY_OWNER(p->word) && p->since_ns && age >= 0)
		text_add_time(t, (uint64_t)(clock_realtime_ns() - age));
	else
		text_add(t, "none");
	text_add(t, "\n");
}

static void add_window(struct text *t, const char *what, int64_t ns)
{
	text_add(t, "%s ", what);
	if (ns == INT64_MAX)
		text_add(t, "forever");
	else
		text_add_time(t, ns > 0 ? (uint64_t)ns : 0);
	text_add(t, "\n");
}

int property_show(const struct node *n, struct text *t)
{
	const struct property *p;
	union record o;
	int r = record_get(n, &o);

	if (r < 0)
		return r;
	p = &o.property;
	text_add(t, "state %s\nowner ", property_state_name(p->word));
	text_add_owner(t, &n->arena->view, PROPERTY_OWNER(p->word));
	text_add(t, "\n");
	add_since(t, p);
	text_add(t, "levels %u\n", PROPERTY_LEVELS(p->word));
	text_add(t, "leased %" PRIu64 "\npurchased %" PRIu64 "\n", p->leased,
		 p->purchased);
	text_add(t, "recovered %u\n", p->recovered);
	add_window(t, "lease-window", p->lease_window_ns);
	add_window(t, "purchase-window", p->purchase_window_ns);
	return 0;
}

/* --- Locks -----------------------------------------------------------------
 */

enum { BY_FLOCK, BY_LEASE, BY_PURCHASE };

static struct property *property_at(struct view *v, uint32_t index)
{
	return view_entry(v, KIND_PROPERTY, index);
}

int property_make(struct view *v, struct thread_rec *me, const char *name,
		  uint32_t *ret_index)
{
	const struct property_windows windows = {PROPERTY_LEASE_WINDOW_NS,
						 PROPERTY_PURCHASE_WINDOW_NS};
	struct property *p;
	int r = property_create(v, me, name, &windows, 0, &p);

	if (r == 0)
		*ret_index = property_index(v, p);
	return r;
}

/* Take it.  A thread that is told to wait has set the mark by which the owner
 * tells the waiters, and stands in no queue. */
static int property_lock_take(struct view *v, struct thread_rec *me,
			      const struct claim *claim)
{
	struct property *p = property_at(v, claim->index);

	/* Acquire: pairs with the release in property_fini(). */
	if (load_acquire(&p->id) != claim->id)
		return -EIDRM;
	return property_try(v, me, p,
			    claim->how == BY_PURCHASE ? PROPERTY_PURCHASE
						      : PROPERTY_LEASE);
}

static void property_lock_give_up(struct view *v, struct thread_rec *me,
				  const struct claim *claim)
{
	(void)v;
	(void)me;
	(void)claim;
}

static int property_lock_cede(struct view *v, struct thread_rec *me,
			      const struct claim *claim)
{
	return property_cede(v, me, property_at(v, claim->index));
}

static void property_lock_release(struct view *v, struct thread_rec *me,
				  const struct claim *claim)
{
	for (unsigned i = 0; i < claim->levels; i++)
		property_lock_cede(v, me, claim);
}

static const struct lock_word words[] = {
	{"lease", .how = BY_LEASE},
	{"purchase", .how = BY_PURCHASE, .is_purchase = true},
	{"cede", .act = property_lock_cede, .is_back = true},
	{0},
};

const struct lock_ops property_locks = {
	.take = property_lock_take,
	.give_up = property_lock_give_up,
	.release = property_lock_release,
	.words = words,
};
