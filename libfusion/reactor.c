/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/dispatch.h"

void reactor_news(struct fusion_arena *arena, const struct dispatched *d)
{
	(void)arena;
	(void)d;
}

bool reactor_look(struct fusion_arena *arena)
{
	(void)arena;
	return false;
}

bool reactor_run(struct fusion_arena *arena)
{
	(void)arena;
	return false;
}
