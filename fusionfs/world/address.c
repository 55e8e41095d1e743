/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/address.h"

#include "fusionfs/world/world.h"
#include "libfusion/core/file/window.h"

static bool is_address_free(uint64_t base, uint64_t span,
			    const struct arena *except,
			    const struct window_busy *busy)
{
	if (!window_holds(base, span))
		return false;
	if (busy && window_is_busy(busy, base, span))
		return false;
	for (const struct arena *a = world.arenas; a; a = a->next)
		if (a != except && a->view.base &&
		    base < a->base + a->view.geo.span && a->base < base + span)
			return false;
	return true;
}

static uint64_t hash_name(const char *name)
{
	uint64_t h = 14695981039346656037ull;

	for (const char *p = world.backing.path; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ull;
	for (const char *p = name; *p; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211ull;
	return h;
}

/* Find a free address among @n slots from @first on, beginning with the @h-th.
 * Multiples of the span come first, as they leave no gaps; then any slot.  0:
 * there is none. */
static uint64_t find_address(uint32_t first, uint32_t n, uint64_t h,
			     uint64_t span, const struct arena *except,
			     const struct window_busy *busy)
{
	uint32_t step = span > WINDOW_SLOT ? (uint32_t)(span / WINDOW_SLOT) : 1;

	for (;; step = 1) {
		for (uint32_t i = 0; i < n / step; i++) {
			uint32_t slot = (uint32_t)((h + i) % (n / step)) * step;
			uint64_t base = window_address(first + slot);

			if (is_address_free(base, span, except, busy))
				return base;
		}
		if (step == 1)
			return 0;
	}
}

uint64_t address_choose(const char *name, uint64_t span,
			const struct arena *except,
			const struct window_busy *busy)
{
	uint64_t base = find_address(0, FIRST_SLOTS, hash_name(name), span,
				     except, busy);

	return base ? base
		    : find_address(FIRST_SLOTS, SECOND_SLOTS, 0, span, except,
				   busy);
}
