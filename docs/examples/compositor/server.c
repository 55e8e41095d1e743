/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "image.h"
#include "server.h"

#define SECOND 1000000000LL

struct server {
	const struct server_options *options;
	struct fusion_arena *arena;
	struct desk *desk;
	struct fusion_call *create, *status, *png;
	struct fusion_reaction *flips;
	uint64_t frames, drawn; /* pixels */
	int64_t next_ns;	/* the next frame is not due before */
	bool flipped;		/* a client has flipped since the last frame */
	struct damage unshown;	/* composed, but not passed to show() yet */
	struct screen screen;
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

/* --- Windows -------------------------------------------------------------- */

static struct window window_of(const struct surface *surface)
{
	/* We must see the whole picture once we see its number: acquire here,
	 * release in window_flip(). */
	uint64_t sequence =
		__atomic_load_n(&surface->sequence, __ATOMIC_ACQUIRE);

	return (struct window){
		.key = surface,
		.sequence = sequence,
		.z = surface->z,
		.layer = {.canvas = {surface_picture(surface, sequence),
				     surface->width, surface->height,
				     surface->stride},
			  .x = surface->x,
			  .y = surface->y,
			  .opaque = surface->flags & SURFACE_OPAQUE},
	};
}

/* The destructor: the client has given the surface back or is dead, or the
 * surface was never finished. */
static void on_end(struct fusion_object *object, bool zombie, void *ctx)
{
	struct surface *surface = fusion_object_data(object);
	struct server *server = ctx;

	(void)zombie;
	screen_remove(&server->screen, surface);
	fusion_free_from(&surface->pixels);
}

/* Describe the surface for `cat pools/surfaces/#ID`. */
static void describe(struct fusion_object *object, char *text, size_t size,
		     void *ctx)
{
	const struct surface *surface = fusion_object_data(object);

	(void)ctx;
	snprintf(text, size,
		 "%" PRId32 "x%" PRId32 " at %" PRId32 ",%" PRId32 " z %" PRId32
		 "%s",
		 surface->width, surface->height, surface->x, surface->y,
		 surface->z,
		 surface->flags & SURFACE_FULL_SCREEN ? " full screen" : "");
}

static int check_wish(const struct server *server, const struct wish *wish,
		      fusion_id_t client)
{
	struct fusion_property_stat state;
	int r;

	if (wish->width < 1 || wish->height < 1 ||
	    wish->width > CANVAS_SIDE_MAX || wish->height > CANVAS_SIDE_MAX)
		return -EINVAL;
	if (!(wish->flags & SURFACE_FULL_SCREEN))
		return 0;
	r = fusion_property_stat(server->desk->screen, &state, sizeof(state));
	if (r < 0)
		return r;
	return state.owner == client ? 0 : -EBUSY;
}

static void fill_in(struct surface *surface, const struct wish *wish,
		    fusion_id_t client)
{
	surface->id = fusion_object_id(surface_object(surface));
	surface->client = client;
	surface->x = wish->x;
	surface->y = wish->y;
	surface->z = wish->z;
	surface->width = wish->width;
	surface->height = wish->height;
	surface->stride = wish->width;
	surface->flags = wish->flags;
	snprintf(surface->title, DESK_TITLE, "%.*s", DESK_TITLE - 1,
		 wish->title);
}

static int get_pixels(struct server *server, struct surface *surface)
{
	size_t size = 2 * sizeof(uint32_t) * (size_t)surface->stride *
		      (size_t)surface->height;
	int r = fusion_malloc_to(server->arena, size, &surface->pixels);

	if (r == 0)
		memset(surface->pixels, 0, size);
	return r;
}

/* Make the surface visible to the other members. */
static int publish(struct surface *surface)
{
	struct fusion_object *object = surface_object(surface);
	int r = fusion_object_set_string(object, "title", surface->title);

	if (r == 0)
		r = fusion_object_add_owner(object, surface->client);
	return r < 0 ? r : fusion_object_activate(object);
}

static int put_on_screen(struct server *server, struct surface *surface)
{
	const struct window window = window_of(surface);

	return screen_add(&server->screen, &window);
}

/* Once thrown, the client's reference is the only one. */
static int surface_make(struct server *server, const struct wish *wish,
			fusion_id_t client, struct surface **ret)
{
	struct surface *surface;
	int r;

	if (server->screen.n == SCREEN_WINDOWS)
		return -ENOSPC;
	r = surface_create(server->desk->surfaces, &surface);
	if (r < 0)
		return r;
	fill_in(surface, wish, client);
	r = publish(surface);
	if (r == 0)
		r = get_pixels(server, surface);
	if (r == 0)
		r = put_on_screen(server, surface);
	if (r == 0)
		r = surface_throw(surface, client);
	if (r < 0)
		surface_unref(surface);
	else
		*ret = surface;
	return r;
}

/* --- Calls ---------------------------------------------------------------- */

static int on_create(const struct fusion_call_request *request, void *ctx)
{
	struct server *server = ctx;
	struct surface *surface;
	struct wish wish;
	int r;

	if (request->size != sizeof(wish) || !request->caller)
		return -EINVAL;
	memcpy(&wish, request->data, sizeof(wish));
	r = check_wish(server, &wish, request->caller);
	if (r == 0)
		r = surface_make(server, &wish, request->caller, &surface);
	if (r < 0)
		return r;
	return fusion_call_reply(request, 0, &surface, sizeof(surface));
}

static void print_window(FILE *out, const struct surface *surface)
{
	fprintf(out,
		"window-%" PRIu32 " %" PRId32 "x%" PRId32 " at %" PRId32
		",%" PRId32 " z %" PRId32 " member %" PRIu32 " flips %" PRIu64
		"%s %s\n",
		surface->id, surface->width, surface->height, surface->x,
		surface->y, surface->z, surface->client, surface->sequence,
		surface->flags & SURFACE_FULL_SCREEN ? " full screen" : "",
		surface->title);
}

static void print_status(FILE *out, const struct server *server)
{
	fprintf(out,
		"size %" PRId32 "x%" PRId32 "\nwindows %zu\nframes %" PRIu64
		"\ndrawn %" PRIu64 "\n",
		server->desk->width, server->desk->height, server->screen.n,
		server->frames, server->drawn);
	for (size_t i = 0; i < server->screen.n; i++)
		print_window(out, server->screen.window[i].key);
}

static int on_status(const struct fusion_call_request *request, void *ctx)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int r = -ENOMEM;

	if (!out)
		return -ENOMEM;
	print_status(out, ctx);
	if (fclose(out) == 0)
		r = fusion_call_reply(request, 0, text, size);
	free(text);
	return r;
}

static void compose_frame(struct server *server);

/* Answer screen.png with what is on the screen now. */
static int on_png(const struct fusion_call_request *request, void *ctx)
{
	struct server *server = ctx;
	size_t size;
	void *png;
	int r;

	compose_frame(server);
	r = image_encode_png(&server->screen.canvas, &png, &size);
	if (r < 0)
		return r;
	r = fusion_call_reply(request, 0, png, size);
	free(png);
	return r;
}

/* --- Frames --------------------------------------------------------------- */

static enum fusion_reaction_result
on_flip(const struct fusion_reactor_message *message, void *ctx)
{
	struct server *server = ctx;
	struct window *window;
	struct flip flip;

	if (message->event != FUSION_REACTOR_DATA ||
	    message->size != sizeof(flip))
		return FUSION_REACTION_KEEP;
	memcpy(&flip, message->data, sizeof(flip));
	/* The surface may be gone: search for its address, do not follow it. */
	window = screen_find(&server->screen, flip.surface);
	if (!window || flip.id != flip.surface->id ||
	    flip.sequence <= window->sequence)
		return FUSION_REACTION_KEEP;
	/* A flip was lost: anything may have changed. */
	if (flip.sequence > window->sequence + 1)
		flip.damage = canvas_area(&window->layer.canvas);
	window->sequence = flip.sequence;
	server->flipped = true;
	screen_flip(&server->screen, window,
		    surface_picture(flip.surface, flip.sequence), flip.damage);
	return FUSION_REACTION_KEEP;
}

/* Tell the clients that the picture not shown is theirs again. */
static void tell_shown(struct server *server)
{
	for (size_t i = 0; i < server->screen.n; i++) {
		const struct window *window = &server->screen.window[i];
		struct surface *surface = (struct surface *)window->key;

		if (surface->shown == window->sequence)
			continue;
		/* The client must not draw before we have read the picture:
		 * release here, acquire in window_begin(). */
		__atomic_store_n(&surface->shown, window->sequence,
				 __ATOMIC_RELEASE);
		/* Only wakes the client.  If it is lost, the client looks by
		 * itself after a while. */
		fusion_message_send(server->arena, surface->client, DESK_SHOWN,
				    &window->sequence, sizeof(window->sequence),
				    FUSION_MESSAGE_DROP, 0);
	}
}

/* Compose also for a flip that changes nothing: its client waits for that. */
static bool is_to_compose(const struct server *server)
{
	return server->flipped || screen_is_damaged(&server->screen);
}

/* A picture that was composed for screen.png still has to be shown. */
static bool frame_is_due(const struct server *server)
{
	return is_to_compose(server) || server->unshown.n > 0;
}

static void compose_frame(struct server *server)
{
	const struct damage *damage = &server->screen.damage;

	if (!is_to_compose(server))
		return;
	for (size_t i = 0; i < damage->n; i++)
		damage_add(&server->unshown, damage->area[i]);
	server->flipped = false;
	server->drawn += (uint64_t)screen_compose(&server->screen);
	server->frames++;
	tell_shown(server);
}

static void show_frame(struct server *server)
{
	const struct server_options *options = server->options;

	compose_frame(server);
	if (options->frames_per_second)
		server->next_ns =
			now_ns() + SECOND / options->frames_per_second;
	if (options->show && server->unshown.n > 0)
		options->show(&server->screen.canvas, &server->unshown,
			      options->ctx);
	server->unshown.n = 0;
}

/* How long the server can sleep if nothing arrives. */
static int64_t idle_ns(const struct server *server)
{
	int64_t left = server->next_ns - now_ns();

	if (!frame_is_due(server))
		return SECOND / 4;
	return left > 0 ? left : 0;
}

/* Wait until there is something to dispatch, or @fd is readable. */
static int wait_for_both(struct server *server, int fd, int64_t ns)
{
	const struct timespec timeout = {ns / SECOND, ns % SECOND};
	struct pollfd both[] = {
		{.fd = fusion_arena_fd(server->arena), .events = POLLIN},
		{.fd = fd, .events = POLLIN},
	};

	return ppoll(both, 2, &timeout, NULL) < 0 ? -errno : 0;
}

static int handle_what_comes(struct server *server,
			     const volatile sig_atomic_t *stop)
{
	const struct server_options *options = server->options;
	int64_t ns = idle_ns(server);
	int fd = -1, r = 0;

	if (options->attend)
		fd = options->attend(&server->screen.canvas, options->ctx);
	if (*stop)
		return 0;
	if (fd >= 0) {
		r = wait_for_both(server, fd, ns);
		ns = 0;
	}
	return r < 0 ? r
		     : fusion_arena_dispatch(server->arena, ns,
					     FUSION_WAIT_INTERRUPTIBLE);
}

static int compose_frames(struct server *server,
			  const volatile sig_atomic_t *stop)
{
	int r = 0;

	while (!*stop && r >= 0) {
		if (frame_is_due(server) && now_ns() >= server->next_ns)
			show_frame(server);
		r = handle_what_comes(server, stop);
		r = r > 0 || r == -EINTR ? 0 : r;
	}
	return r;
}

/* --- Being the server ------------------------------------------------------
 */

struct adoption {
	struct server *server;
	int result;
};

static bool adopt_one(struct fusion_object *object, void *ctx)
{
	const struct surface *surface = fusion_object_data(object);
	struct adoption *a = ctx;

	if (surface->pixels)
		a->result = put_on_screen(a->server, (struct surface *)surface);
	return a->result == 0;
}

/* Adopt the surfaces of a dead server.  Those without references end at the
 * next dispatch. */
static int adopt(struct server *server)
{
	struct fusion_object_pool *pool = server->desk->surfaces;
	struct adoption a = {server, 0};
	int r = fusion_object_pool_register(pool, on_end, server);

	if (r == 0)
		r = fusion_object_pool_on_describe(pool, describe, NULL, NULL,
						   NULL);
	if (r == 0)
		r = fusion_object_pool_enum(pool, adopt_one, &a);
	return r < 0 ? r : a.result;
}

static int offer(struct server *server, const char *name, fusion_call_fn fn,
		 struct fusion_call **ret)
{
	struct fusion_call_options options = FUSION_CALL_OPTIONS_INIT;

	options.fn = fn;
	options.ctx = server;
	return fusion_call_create(server->arena, name, &options, ret);
}

static int open_screen(struct server *server)
{
	const struct server_options *options = server->options;
	int r = screen_init(&server->screen, server->desk->width,
			    server->desk->height, options->background);

	if (r == 0)
		r = fusion_reactor_attach(server->desk->flips, NULL, on_flip,
					  server, &server->flips);
	if (r == 0)
		r = adopt(server);
	if (r == 0)
		r = offer(server, "screen.status", on_status, &server->status);
	if (r == 0)
		r = offer(server, "screen.png", on_png, &server->png);
	if (r == 0)
		r = offer(server, "surface.create", on_create, &server->create);
	return r;
}

static void close_screen(struct server *server)
{
	if (server->create)
		fusion_call_destroy(server->create);
	if (server->png)
		fusion_call_destroy(server->png);
	if (server->status)
		fusion_call_destroy(server->status);
	fusion_reactor_detach(server->flips);
	fusion_object_pool_unregister(server->desk->surfaces);
	screen_finish(&server->screen);
}

/* Returns 1 if we are the server, 0 if *@stop was set before. */
static int become_server(struct server *server,
			 const volatile sig_atomic_t *stop)
{
	int r = fusion_skirmish_trylock(server->desk->server);

	if (r == -EBUSY && !server->options->standby)
		return -EEXIST;
	while ((r == -EBUSY || r == -ETIMEDOUT) && !*stop)
		r = fusion_skirmish_lock_timed(server->desk->server, SECOND / 4,
					       0);
	if (*stop && (r == -EBUSY || r == -ETIMEDOUT))
		return 0;
	/* The desk is consistent at any time: see desk.h. */
	if (r == -EOWNERDEAD)
		r = fusion_skirmish_consistent(server->desk->server);
	return r < 0 ? r : 1;
}

static int serve(struct server *server, const volatile sig_atomic_t *stop)
{
	int r = become_server(server, stop);

	if (r <= 0)
		return r;
	r = open_screen(server);
	if (r >= 0)
		r = compose_frames(server, stop);
	close_screen(server);
	fusion_skirmish_unlock(server->desk->server);
	return r;
}

/* --- Entering --------------------------------------------------------------
 */

static int initialize(struct fusion_arena *arena, void *ctx)
{
	struct server *server = ctx;

	return desk_make(arena, server->options->width, server->options->height,
			 &server->desk);
}

static int join(struct fusion_arena *arena, void *ctx)
{
	struct server *server = ctx;

	return desk_find(arena, &server->desk);
}

/* Long enough to be for ever.  With a time-out a signal ends entering even
 * while fusionfs is stopped. */
#define LONG_NS (86400 * SECOND)

int server_run(const char *arena, const struct server_options *options,
	       const volatile sig_atomic_t *stop)
{
	struct server *server = calloc(1, sizeof(*server));
	struct fusion_arena_options how = {
		.size = sizeof(how),
		.role = options->standby ? FUSION_ROLE_ANY : FUSION_ROLE_MASTER,
		.flags = FUSION_ENTER_MANUAL,
		.on_master_death = FUSION_MASTER_DEATH_PROMOTE,
		.timeout_ns = LONG_NS,
		.initialize = initialize,
		.join = join,
		.ctx = server,
	};
	int r, left;

	if (!server)
		return -ENOMEM;
	server->options = options;
	r = fusion_arena_enter(arena, &how, &server->arena);
	if (r >= 0) {
		r = serve(server, stop);
		left = fusion_arena_exit(server->arena);
		r = r < 0 ? r : left;
	}
	free(server);
	return r;
}
