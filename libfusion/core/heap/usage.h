/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the heap holds, counted for readers of memory/. */
#ifndef FUSION_CORE_USAGE_H
#define FUSION_CORE_USAGE_H

#include "libfusion/core/heap/heap.h"

int heap_usage(const struct view *v, struct heap_usage *ret);
/* The map tag under which blocks of member slot @slot are counted. */
uint8_t heap_tag(uint32_t slot);

#endif
