/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where arenas lie: the slots of two windows of addresses
 *
 * An arena begins at the start of a slot and takes as many as its span needs.
 * The first window is the one range that is free in plain, ASan, TSan and MSan
 * builds; the second serves plain ones when the first is full.  The daemon
 * chooses, and knows its own arenas only.  What else lies there in the process
 * that is to create one, arenas of other mounts above all, that process says in
 * a struct window_busy.
 */
#ifndef FUSION_CORE_WINDOW_H
#define FUSION_CORE_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "libfusion/core/file/layout.h"

#define FIRST_SLOTS ((uint32_t)((WINDOW_END - WINDOW_BASE) / WINDOW_SLOT))
#define SECOND_BASE 0x600000000000ull
#define SECOND_SLOTS 2048u
#define ALL_SLOTS (FIRST_SLOTS + SECOND_SLOTS)

struct window_busy {
	uint64_t bits[(ALL_SLOTS + 63) / 64];
};

static inline uint64_t window_address(uint32_t slot)
{
	if (slot < FIRST_SLOTS)
		return WINDOW_BASE + slot * WINDOW_SLOT;
	return SECOND_BASE + (slot - FIRST_SLOTS) * WINDOW_SLOT;
}

/* Do @span bytes at @base, which begins a slot, lie in one of the windows? */
static inline bool window_holds(uint64_t base, uint64_t span)
{
	if (base < SECOND_BASE)
		return base >= WINDOW_BASE && base + span <= WINDOW_END;
	return base + span <= SECOND_BASE + SECOND_SLOTS * WINDOW_SLOT;
}

/* Of [@from, @to), what lies in the windows is busy. */
static inline void window_mark(struct window_busy *busy, uint64_t from,
			       uint64_t to)
{
	for (uint32_t i = 0; i < ALL_SLOTS; i++)
		if (window_address(i) < to &&
		    from < window_address(i) + WINDOW_SLOT)
			busy->bits[i / 64] |= 1ull << i % 64;
}

/* Is any of @span bytes at @base busy? */
static inline bool window_is_busy(const struct window_busy *busy, uint64_t base,
				  uint64_t span)
{
	for (uint32_t i = 0; i < ALL_SLOTS; i++)
		if (busy->bits[i / 64] & 1ull << i % 64 &&
		    window_address(i) < base + span &&
		    base < window_address(i) + WINDOW_SLOT)
			return true;
	return false;
}

#endif
