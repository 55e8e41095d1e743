/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages through our reactors, in the arena that $BENCH_ARENA names; the
 * argument is how many listen.  There is a reactor for each number of
 * listeners: the first ones to come listen to all of them. */
#include <fusion/fusion.h>

#include "ring_load.h"

static const unsigned numbers_of[] = {1, 2, 4, 8, 64};
#define REACTORS (sizeof(numbers_of) / sizeof(numbers_of[0]))

static struct fusion_arena *arena;
static struct fusion_reactor *reactors[REACTORS];
static unsigned me;

static int make(struct fusion_arena *a, void *ctx)
{
	int r = 0;

	(void)ctx;
	for (unsigned i = 0; i < REACTORS && !r; i++) {
		char name[16];

		snprintf(name, sizeof(name), "to-%u", numbers_of[i]);
		r = fusion_reactor_create(a, name, NULL, &reactors[i]);
	}
	return r;
}

static int look(struct fusion_arena *a, void *ctx)
{
	int r = 0;

	(void)ctx;
	for (unsigned i = 0; i < REACTORS && !r; i++) {
		char name[16];

		snprintf(name, sizeof(name), "to-%u", numbers_of[i]);
		r = fusion_reactor_lookup(a, name, &reactors[i]);
	}
	return r;
}

static int enter(void)
{
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = make,
		.join = look,
	};
	const char *name = getenv("BENCH_ARENA");
	int r = fusion_arena_enter(name ? name : "bench-reactor", &options,
				   &arena);

	return r < 0 ? r : 0;
}

static int send_prepare(void)
{
	return 0;
}

static enum fusion_reaction_result
react(const struct fusion_reactor_message *message, void *ctx)
{
	(void)ctx;
	if (message->event == FUSION_REACTOR_DATA)
		got(me, message->data, message->size);
	return FUSION_REACTION_KEEP;
}

/* Nothing may be lost: as with sockets, who sends waits. */
static int listen_to(struct fusion_reactor *reactor)
{
	static const struct fusion_reactor_policy wait = {
		.size = sizeof(wait),
		.kind = FUSION_REACTOR_BLOCK,
		.limit_ns = FUSION_FOREVER,
	};
	struct fusion_reaction *reaction;

	return fusion_reactor_attach(
		reactor,
		&(const struct fusion_reactor_attach_options){
			.size = sizeof(struct fusion_reactor_attach_options),
			.policy = &wait},
		react, NULL, &reaction);
}

static void send_serve(unsigned i)
{
	int r = enter();

	if (r)
		fprintf(stderr, "listener %u: enter: %s\n", i, strerror(-r));
	me = i;
	for (unsigned k = 0; k < REACTORS && !r; k++)
		if (i < numbers_of[k])
			r = listen_to(reactors[k]);
	if (r) {
		fprintf(stderr, "listener %u: %s\n", i, strerror(-r));
		_exit(1);
	}
	peers_ready();
	for (;;)
		pause();
}

static int send_enter(void)
{
	return enter();
}

static int send_to(unsigned n, const void *data, size_t size)
{
	for (unsigned k = 0; k < REACTORS; k++)
		if (numbers_of[k] == n)
			return fusion_reactor_dispatch(reactors[k], NULL, data,
						       size);
	return -EINVAL;
}

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1;

	if (n < 1 || n > PEERS_MAX)
		worker_fail("listeners", EINVAL);
	return send_main((unsigned)n);
}
