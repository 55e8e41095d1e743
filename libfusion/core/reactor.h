/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_CORE_REACTOR_H
#define FUSION_CORE_REACTOR_H

#include "libfusion/core/table.h"

struct reactor {
	struct entry e;
	uint8_t pad[160];
};
static_assert(sizeof(struct reactor) == OBJECT_SIZE, "ABI: bump FORMAT");

void reactor_init(struct view *v, void *rec, const void *arg); /* kinds.c */
void reactor_fini(struct view *v, void *rec);

#endif
