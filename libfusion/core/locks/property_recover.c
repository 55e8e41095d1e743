/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Property: recovery of the dead, and the checker
 *
 * Recovery goes through the announcements of the dead thread.  A property whose
 * word names it becomes available.  In any case all waiters are woken, since
 * the dead thread may have owed a wake.  Then the announcement goes, so a
 * recoverer that dies in between leaves it to the next one.
 */
#include "libfusion/core/locks/property_recover.h"

#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"

/* Make @p, which the dead thread of @t owned, available.  false: it was
 * destroyed. */
static bool property_recover_owned(struct view *v, const struct thread_rec *t,
				   struct thread_rec *me, struct property *p)
{
	property_release(p, thread_token(t));
	/* Acquire: pairs with the release in property_fini(). */
	if (!load_acquire(&p->id))
		return false;
	add_relaxed(&p->recovered, 1);
	event_log(v, me, EVENT_RECOVERED, thread_member_id(v, t),
		  "property %.*s", ENTRY_NAME_MAX, p->e.name);
	return true;
}

unsigned property_recover(struct view *v, struct thread_rec *t,
			  struct thread_rec *me)
{
	uint32_t hi = table_hi(v, KIND_PROPERTY), token = thread_token(t),
		 n = 0;

	for (unsigned k = 0; k < THREAD_PROPERTIES; k++) {
		uint32_t i = load_relaxed(&t->properties[k]);
		struct property *p;

		if (i && i <= hi && token) {
			p = view_entry(v, KIND_PROPERTY, i - 1);
			if (PROPERTY_OWNER(load_relaxed(&p->word)) == token)
				n += property_recover_owned(v, t, me, p);
			/* The dead thread may have owed a wake. */
			if (!SEED_BUG(31))
				property_tell_all(p);
		}
		store_relaxed(&t->properties[k], 0);
	}
	return n;
}

/* --- The checker -----------------------------------------------------------
 */

unsigned property_check(struct view *v, check_report_fn report, void *ctx)
{
	uint32_t hi = table_hi(v, KIND_PROPERTY);
	struct checker c = {.report = report, .ctx = ctx};

	for (uint32_t i = 0; i < hi; i++) {
		const struct property *p = view_entry(v, KIND_PROPERTY, i);
		uint64_t w = load_relaxed(&p->word);
		const char *what = NULL;

		if (load_relaxed(&p->e.state) != ENTRY_USED)
			continue;
		if (load_relaxed(&p->id) != load_relaxed(&p->e.id))
			what = "property: id is not its own";
		else if (PROPERTY_OWNER(w) && !property_owner(v, w))
			what = "property: owned by nobody";
		else if (!PROPERTY_OWNER(w) != !PROPERTY_LEVELS(w))
			what = "property: levels without an owner";
		if (what)
			check_fault(&c, "%s", what);
	}
	return c.faults;
}

unsigned property_check_thread(const struct view *v, const struct thread_rec *t)
{
	uint32_t hi = table_hi(v, KIND_PROPERTY);
	unsigned faults = 0;

	for (unsigned k = 0; k < THREAD_PROPERTIES; k++) {
		uint32_t i = load_relaxed(&t->properties[k]);
		const struct property *p;

		if (!i)
			continue;
		p = i <= hi ? view_entry(v, KIND_PROPERTY, i - 1) : NULL;
		faults += !p || PROPERTY_OWNER(load_relaxed(&p->word)) !=
					thread_token(t);
	}
	return faults;
}
