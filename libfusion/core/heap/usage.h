/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Usage: what the heap holds, counted for readers of memory/. */
#ifndef FUSION_CORE_USAGE_H
#define FUSION_CORE_USAGE_H

#include "libfusion/core/heap/heap.h"

/* Count what the heap holds, from its words and maps.  Takes no lock, so the
 * numbers are those of a moment.  0. */
int heap_usage(const struct view *v, struct heap_usage *ret);
/* Compute the map tag under which blocks of the member in @slot are counted. */
uint8_t heap_tag(uint32_t slot);

#endif
