/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An arena with one reactor, for the tests of reactors in one process. */
#ifndef TESTS_REACTOR_FIXTURE_H
#define TESTS_REACTOR_FIXTURE_H

#include "tests/unit/heap_member.h"

#include <fusion/fusion.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/talk/cursor_recover.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/reaction.h"

static struct fusion_arena *arena;
static struct fusion_reactor *reactor;

static int reactor_set_up(void)
{
	arena = image_enter(image_create(64ull << 20, 0));
	return fusion_reactor_create(arena, "r", NULL, &reactor);
}

static int reactor_tear_down(void)
{
	dispatch_stop(arena);
	reactor_stop(arena);
	assert_int_equal(life_lock(&arena->view, -1), 0);
	cursor_recover_member(&arena->view, arena->view.slot);
	life_unlock(&arena->view);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

#endif
