/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_CORE_CALL_H
#define FUSION_CORE_CALL_H

#include "libfusion/core/table.h"

struct call {
	struct entry e;
	uint8_t pad[160];
};
static_assert(sizeof(struct call) == OBJECT_SIZE, "ABI: bump FORMAT");

void call_init(struct view *v, void *rec, const void *arg); /* kinds.c */
void call_fini(struct view *v, void *rec);

#endif
