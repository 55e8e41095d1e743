/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages through our rings, in the arena that $BENCH_ARENA names. */
#include <fusion/fusion.h>

#include "ring_load.h"

static struct fusion_arena *arena;
static fusion_id_t *receiver;

static int enter(void)
{
	const char *name = getenv("BENCH_ARENA");
	int r = fusion_arena_enter(name ? name : "bench-ring", NULL, &arena);

	return r < 0 ? r : 0;
}

static int send_prepare(void)
{
	receiver = peers_share(sizeof(*receiver));
	return 0;
}

static void handle(const struct fusion_message *message, void *ctx)
{
	(void)ctx;
	got(0, message->data, message->size);
}

static void send_serve(unsigned i)
{
	(void)i;
	if (enter() ||
	    fusion_message_handle(arena, 1, handle, NULL, NULL, NULL))
		_exit(1);
	*receiver = fusion_arena_id(arena);
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
	(void)n;
	return fusion_message_send(arena, *receiver, 1, data, size, 0,
				   FUSION_FOREVER);
}

int main(void)
{
	return send_main(1);
}
