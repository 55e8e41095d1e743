/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Windows: the two ranges of addresses in which arenas lie, cut into slots
 *
 * An arena begins at the start of a slot and takes as many slots as its span
 * needs.  The first window is the one range that is free in plain, ASan, TSan
 * and MSan builds.  The second one serves plain builds when the first is full.
 * The daemon chooses a slot, but it knows its own arenas only.  A process that
 * is to create an arena says in a struct window_busy which slots are busy in
 * it, with arenas of other mounts above all.
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

/* One bit for each slot: something lies there in this process. */
struct window_busy {
	uint64_t bits[(ALL_SLOTS + 63) / 64];
};

/* Compute the address of a slot. */
static inline uint64_t window_address(uint32_t slot)
{
	if (slot < FIRST_SLOTS)
		return WINDOW_BASE + slot * WINDOW_SLOT;
	return SECOND_BASE + (slot - FIRST_SLOTS) * WINDOW_SLOT;
}

/* Say whether @span bytes at @base, which begins a slot, lie in a window. */
static inline bool window_holds(uint64_t base, uint64_t span)
{
	if (base < SECOND_BASE)
		return base >= WINDOW_BASE && base + span <= WINDOW_END;
	return base + span <= SECOND_BASE + SECOND_SLOTS * WINDOW_SLOT;
}

/* Mark the slots of the windows that [@from, @to) overlaps as busy. */
static inline void window_mark(struct window_busy *busy, uint64_t from,
			       uint64_t to)
{
	for (uint32_t i = 0; i < ALL_SLOTS; i++)
		if (window_address(i) < to &&
		    from < window_address(i) + WINDOW_SLOT)
			busy->bits[i / 64] |= 1ull << i % 64;
}

/* Say whether any slot of the @span bytes at @base is busy. */
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
