/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/dispatch.h"

void call_receive(struct fusion_arena *arena, const struct dispatched *d)
{
	(void)arena;
	(void)d;
}
