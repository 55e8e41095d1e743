/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/reading.h"

#include "libfusion/core/base/futex.h"

/* A text whose size was told, and that is not read, grows old. */
#define FRESH_NS 1000000000

static bool is_reading_fresh(const struct reading *r)
{
	return clock_monotonic_ns() - r->made_ns < FRESH_NS;
}

bool reading_is_due(const struct reading *r, uint64_t off, bool paged)
{
	if (!r->made_ns)
		return true;
	if (!r->begun)
		return !is_reading_fresh(r);
	return off == 0 && !paged && !r->paged;
}

int reading_make(struct reading *r, const struct node *n)
{
	int e;

	text_reset(&r->text);
	e = node_show(n, &r->text);
	r->made_ns = e == 0 ? clock_monotonic_ns() : 0;
	r->begun = false;
	return e;
}

size_t reading_take(struct reading *r, uint64_t off, size_t size, bool paged,
		    const char **ret)
{
	size_t left = off < r->text.len ? r->text.len - (size_t)off : 0;

	r->begun = true;
	r->paged |= paged;
	*ret = left ? r->text.p + off : NULL;
	return left < size ? left : size;
}

int reading_size(struct reading *r, const struct node *n, uint64_t *ret)
{
	int e = r->begun && r->made_ns ? 0 : reading_make(r, n);

	if (e == 0)
		*ret = r->text.len;
	return e;
}

bool reading_ends_at(const struct reading *r, uint64_t off)
{
	return r->made_ns && off == r->text.len;
}

void reading_finish(struct reading *r)
{
	text_finish(&r->text);
}
