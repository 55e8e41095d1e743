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

static inline int attach_at(struct fusion_reactor *re, uint32_t channel,
			    const struct fusion_reactor_policy *policy,
			    fusion_reaction_fn fn, void *ctx,
			    struct fusion_reaction **ret)
{
	struct fusion_reactor_attach_options o =
		FUSION_REACTOR_ATTACH_OPTIONS_INIT;

	o.channel = channel;
	o.policy = policy;
	return fusion_reactor_attach(re, &o, fn, ctx, ret);
}

static inline int dispatch_at(struct fusion_reactor *re, uint32_t channel,
			      const void *data, size_t size, uint32_t flags)
{
	struct fusion_reactor_dispatch_options o =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;

	o.channel = channel;
	o.flags = flags;
	return fusion_reactor_dispatch(re, &o, data, size);
}

static inline int dispatch_globals(struct fusion_reactor *re, uint32_t channel,
				   const void *data, size_t size,
				   const fusion_global_fn *globals, size_t n)
{
	struct fusion_reactor_dispatch_options o =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;

	o.channel = channel;
	o.globals = globals;
	o.n_globals = n;
	return fusion_reactor_dispatch(re, &o, data, size);
}

static inline int attach_global(struct fusion_reactor *re, uint32_t index,
				void *ctx)
{
	struct fusion_reactor_global_options o =
		FUSION_REACTOR_GLOBAL_OPTIONS_INIT;

	o.index = index;
	return fusion_reactor_attach_global(re, &o, ctx);
}

static inline int detach_global(struct fusion_reactor *re, uint32_t index,
				void *ctx)
{
	struct fusion_reactor_global_options o =
		FUSION_REACTOR_GLOBAL_OPTIONS_INIT;

	o.index = index;
	return fusion_reactor_detach_global(re, &o, ctx);
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
