/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers that a seed repeats. */
#ifndef TESTS_CRASH_RNG_H
#define TESTS_CRASH_RNG_H

#include <stdint.h>

struct rng {
	uint64_t state;
};

/* splitmix64: any seed is good, 0 too. */
static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

/* 0 .. n-1 */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
	return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

#endif
