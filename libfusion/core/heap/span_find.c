/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The search for free runs
 *
 * A byte for each group of 64 spans is an upper bound on the length of the free
 * runs that touch the group.  So a search reads the words of a group only if a
 * run that fits may be there; else it reads one byte for 4 MiB.
 *
 * Invariant: every free run touches a group whose bound is at least the run's
 * length.  The group of the span that was freed last is one: its bound was
 * raised then, and lowered since only to the length of runs that contain the
 * span.
 */
#include "libfusion/core/heap/span_find.h"

#include "libfusion/core/heap/span.h"

#define BOUND_ANY 255u /* no bound: a span here was freed since */
#define BOUND_MAX 254u /* this length or longer */

static uint8_t *group_bound(const struct view *v, uint32_t group)
{
	return (uint8_t *)span_word(v, v->geo.n_spans) + group;
}

void span_bounds_raise(struct view *v, uint32_t first, uint32_t n)
{
	for (uint32_t g = first / SPAN_GROUP; g <= (first + n - 1) / SPAN_GROUP;
	     g++)
		/* Release: pairs with the exchange in lower_bound(). */
		store_release(group_bound(v, g), (uint8_t)BOUND_ANY);
}

static bool is_free_at(const struct view *v, uint32_t i)
{
	/* Acquire: pairs with the release in span_mark_free(). */
	return span_is_free(load_acquire(span_word(v, i)));
}

uint32_t span_free_run(const struct view *v, uint32_t i, uint32_t hi,
		       uint32_t want)
{
	uint32_t n = 0;

	while (n < want && i + n < hi && is_free_at(v, i + n))
		n++;
	return n;
}

struct search {
	uint32_t n, align, hi;
	uint32_t longest; /* run that touches the group, if none fits */
};

/* Search all runs that touch @group.  The search follows a run out of the
 * group, but no further than it needs to see that the run fits.  Returns the
 * first span of a run that fits, 0 none. */
static uint32_t search_group(const struct view *v, uint32_t group,
			     struct search *s)
{
	uint64_t need = (uint64_t)s->n + s->align - 1;
	uint32_t at = group * SPAN_GROUP, end = at + SPAN_GROUP;

	s->longest = 0;
	if (at < v->geo.first_span)
		at = v->geo.first_span;
	if (end > s->hi)
		end = s->hi;
	while (at < end) {
		uint32_t first = at, from, n;

		if (!is_free_at(v, at)) {
			at++;
			continue;
		}
		while (first > v->geo.first_span && at - first < need &&
		       is_free_at(v, first - 1))
			first--;
		n = at - first;
		n += span_free_run(v, at, s->hi, (uint32_t)(need - n) + 1);
		from = (first + s->align - 1) / s->align * s->align;
		if (first + n >= from && first + n - from >= s->n)
			return from;
		if (n > s->longest)
			s->longest = n;
		at = first + n;
	}
	return 0;
}

/*
 * Lower the bound of @group to the longest run that was found, and search
 * again: a thread that frees a span with a single store does not take
 * span_lock.
 *
 *   here                       span_mark_free()
 *   bound = longest            word = free
 *   search again               bound = ANY
 *
 * If this exchange comes after that store of ANY, it acquires what the store
 * released, so the second search sees the free word.
 */
static uint32_t lower_bound(struct view *v, uint32_t group, struct search *s)
{
	uint32_t seen = s->longest, at;

	xchg_acquire(group_bound(v, group),
		     (uint8_t)(seen < BOUND_MAX ? seen : BOUND_MAX));
	at = search_group(v, group, s);
	if (at || s->longest > seen)
		store_relaxed(group_bound(v, group), (uint8_t)BOUND_ANY);
	return at;
}

uint32_t span_find(struct view *v, uint32_t n, uint32_t align)
{
	struct search s = {.n = n, .align = align, .hi = span_hi(v)};
	uint32_t want = n < BOUND_MAX ? n : BOUND_MAX, at;
	uint32_t groups = (s.hi + SPAN_GROUP - 1) / SPAN_GROUP;

	for (uint32_t g = v->geo.first_span / SPAN_GROUP; g < groups; g++) {
		if (load_relaxed(group_bound(v, g)) < want)
			continue;
		at = search_group(v, g, &s);
		if (!at)
			at = lower_bound(v, g, &s);
		if (at)
			return at;
	}
	return 0;
}

bool span_bounds_hide(const struct view *v, uint32_t first, uint32_t n)
{
	uint32_t want = n < BOUND_MAX ? n : BOUND_MAX;

	for (uint32_t g = first / SPAN_GROUP; g <= (first + n - 1) / SPAN_GROUP;
	     g++)
		if (load_relaxed(group_bound(v, g)) >= want)
			return false;
	return true;
}
