/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Our calls, in the arena that $BENCH_ARENA names.  $FUSION_SPIN_NS says
 * whether who waits looks or sleeps: each has one processor here, so the
 * library would not look by itself. */
#include <fusion/fusion.h>

#include "call_load.h"

static struct fusion_arena *arena;
static struct fusion_call *call;

static int enter(void)
{
	const char *name = getenv("BENCH_ARENA");
	int r = fusion_arena_enter(name ? name : "bench-call", NULL, &arena);

	return r < 0 ? r : 0;
}

static int call_prepare(void)
{
	return 0;
}

static int next(const struct fusion_call_request *request, void *ctx)
{
	(void)ctx;
	return fusion_call_reply(request, request->word + 1, NULL, 0);
}

static void call_serve(void)
{
	struct fusion_call_options options = FUSION_CALL_OPTIONS_INIT;

	options.fn = next;
	if (enter() || fusion_call_create(arena, "next", &options, &call))
		_exit(1);
	peers_ready();
	for (;;)
		pause();
}

static int call_enter(void)
{
	int r = enter();

	return r ? r : fusion_call_lookup(arena, "next", &call);
}

static int64_t call_once(uint32_t word)
{
	struct fusion_call_answer answer = FUSION_CALL_ANSWER_INIT;
	int r = fusion_call_execute(call, NULL, word, NULL, 0, &answer);

	return r ? r : (int64_t)answer.word;
}

int main(void)
{
	return call_main();
}
