/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "client.h"

#define PATIENCE_NS 10000000000LL
#define ENTER_NS 3000000000LL
#define AGAIN_NS 100000000LL
#define TOP INT32_MAX

/* --- The program -----------------------------------------------------------
 */

static void ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool sleep_blocked(const sigset_t *set, int64_t ns)
{
	int64_t end = now_ns() + ns;
	struct timespec left;
	int r;

	do {
		left.tv_sec = ns / 1000000000;
		left.tv_nsec = ns % 1000000000;
		r = sigtimedwait(set, NULL, ns < 0 ? NULL : &left);
		if (r > 0 || errno != EINTR)
			return r > 0;
		if (ns >= 0)
			ns = end - now_ns() > 0 ? end - now_ns() : 0;
	} while (true);
}

/* Only here a signal ends the program politely.  Everywhere else it kills the
 * process at once, whatever it waits for: Fusion then recovers it. */
bool client_sleep(int64_t ns)
{
	sigset_t set, old;
	bool ends;

	ending_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	ends = sleep_blocked(&set, ns);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return ends;
}

static int find_desk(struct fusion_arena *arena, void *ctx)
{
	return desk_find(arena, ctx);
}

/* The message only wakes us: surface->shown says what is shown. */
static void on_shown(const struct fusion_message *message, void *ctx)
{
	(void)message;
	(void)ctx;
}

int client_open(const char *arena, struct client *client)
{
	struct fusion_arena_options how = {
		.size = sizeof(how),
		.role = FUSION_ROLE_SLAVE,
		.flags = FUSION_ENTER_EXISTING | FUSION_ENTER_MANUAL,
		.timeout_ns = ENTER_NS,
		.join = find_desk,
		.ctx = &client->desk,
	};
	int r;

	*client = (struct client){0};
	r = fusion_arena_enter(arena, &how, &client->arena);
	if (r < 0)
		return r;
	return fusion_message_handle(client->arena, DESK_SHOWN, on_shown, NULL,
				     NULL, NULL);
}

void client_close(struct client *client)
{
	if (client->has_screen)
		fusion_property_cede(client->desk->screen);
	fusion_arena_exit(client->arena);
}

/* --- Windows -------------------------------------------------------------- */

static bool drop(struct fusion_object *object, void *ctx)
{
	const struct surface *surface = fusion_object_data(object);
	const fusion_id_t *id = ctx;

	if (surface && surface->client == *id &&
	    fusion_object_catch(object) == 0)
		fusion_object_unref(object);
	return true;
}

/* Drop the surfaces of a server that died before it could answer with one. */
static void drop_unseen(struct client *client)
{
	fusion_id_t id = fusion_arena_id(client->arena);

	fusion_object_pool_enum(client->desk->surfaces, drop, &id);
}

static int ask(struct client *client, const struct wish *wish,
	       struct surface **ret)
{
	struct fusion_call_answer answer = FUSION_CALL_ANSWER_INIT;
	struct surface *surface;
	struct fusion_call *call;
	int r = fusion_call_lookup(client->arena, "surface.create", &call);

	if (r < 0)
		return r;
	answer.data = &surface;
	answer.capacity = sizeof(surface);
	r = fusion_call_execute(call, NULL, 0, wish, sizeof(*wish), &answer);
	/* It may have made a surface and died before it could say so. */
	if (r == -ECONNRESET)
		drop_unseen(client);
	if (r == 0)
		r = answer.status;
	if (r == 0 && answer.length != sizeof(surface))
		r = -EPROTO;
	if (r == 0)
		*ret = surface;
	return r;
}

/* The compositor is not there yet, or has just died: try again. */
static bool may_come(int r)
{
	return r == -ENOENT || r == -EHOSTDOWN || r == -ECONNRESET ||
	       r == -EIDRM;
}

static int ask_until_answered(struct client *client, const struct wish *wish,
			      struct surface **ret)
{
	int64_t end = now_ns() + PATIENCE_NS;
	int r = ask(client, wish, ret);

	while (may_come(r) && now_ns() < end) {
		if (client_sleep(AGAIN_NS / 10))
			return -EINTR;
		r = ask(client, wish, ret);
	}
	return may_come(r) ? -ETIMEDOUT : r;
}

/* Purchase, not lease: clients that want the screen too are told at once. */
static int take_screen(struct client *client, struct wish *wish)
{
	int r;

	if (!client->has_screen) {
		r = fusion_property_purchase(client->desk->screen);
		if (r < 0)
			return r;
		client->has_screen = true;
	}
	wish->x = 0;
	wish->y = 0;
	wish->z = TOP;
	wish->width = client->desk->width;
	wish->height = client->desk->height;
	return 0;
}

int window_open(struct client *client, const struct wish *wish,
		struct client_window *ret)
{
	struct surface *surface;
	struct wish mine = *wish;
	int r = 0;

	if (mine.flags & SURFACE_FULL_SCREEN)
		r = take_screen(client, &mine);
	if (r == 0)
		r = ask_until_answered(client, &mine, &surface);
	if (r == 0)
		r = surface_catch(surface);
	if (r == 0)
		*ret = (struct client_window){.client = client,
					      .surface = surface};
	return r;
}

void window_close(struct client_window *window)
{
	surface_unref(window->surface);
}

static bool is_shown(const struct client_window *window)
{
	/* We must not draw before the server has read the picture: acquire
	 * here, release in tell_shown(). */
	return __atomic_load_n(&window->surface->shown, __ATOMIC_ACQUIRE) ==
	       window->sequence;
}

static int dispatch_flip(const struct client_window *window)
{
	const struct flip flip = {
		.surface = window->surface,
		.sequence = window->sequence,
		.id = window->surface->id,
		.damage = window->surface->damage,
	};

	return fusion_reactor_dispatch(window->client->desk->flips, NULL, &flip,
				       sizeof(flip));
}

void window_begin(struct client_window *window, struct canvas *ret)
{
	struct surface *surface = window->surface;

	while (!is_shown(window))
		/* No server, or the flip was lost: dispatch it again. */
		if (fusion_arena_dispatch(window->client->arena, AGAIN_NS,
					  FUSION_WAIT_INTERRUPTIBLE) <= 0)
			dispatch_flip(window);
	*ret = (struct canvas){
		.pixels = surface_picture(surface, window->sequence + 1),
		.width = surface->width,
		.height = surface->height,
		.stride = surface->stride,
	};
}

int window_flip(struct client_window *window, struct area area)
{
	window->surface->damage = area;
	/* The server must see the whole picture before it sees its number:
	 * release here, acquire in window_of(). */
	__atomic_store_n(&window->surface->sequence, ++window->sequence,
			 __ATOMIC_RELEASE);
	return dispatch_flip(window);
}
