/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/hint.h"

/* Ids are given in turn, so the items of one directory have different words. */
#define HINTS (1u << 17)

static uint32_t hints[HINTS];

uint32_t *hint_of(uint64_t life, enum hint kind, uint32_t id)
{
	uint64_t arena = (life << 1 | kind) * 0x9e3779b97f4a7c15ull;

	return &hints[((uint32_t)(arena >> 32) + id) % HINTS];
}
