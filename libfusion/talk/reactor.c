/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reactors as programs create them and dispatch to them
 *
 * Acquires of a reactor's id pair with the release in reactor_fini(), which
 * sets it to 0: the reactor was destroyed.
 */
#include "libfusion/talk/reactor.h"

#include <errno.h>

#include "libfusion/arena/refuse_arena.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/reaction.h"
#include "libfusion/talk/reaction_done.h"
#include "libfusion/talk/reaction_run.h"

static_assert(FUSION_REACTOR_GLOBALS == REACTOR_GLOBALS, "as documented");
static_assert(FUSION_REACTOR_BLOCK == (int)POLICY_BLOCK &&
		      FUSION_REACTOR_DROP_OLDEST == (int)POLICY_DROP &&
		      FUSION_REACTOR_DISCONNECT == (int)POLICY_DISCONNECT,
	      "as documented");

static struct reactor *reactor_of(struct fusion_reactor *reactor)
{
	return handle_entry(reactor);
}

static struct fusion_reactor *reactor_handle(const struct reactor *re)
{
	return entry_handle(re, load_relaxed(&re->e.id));
}

/* Return the calling thread's cache of the reactor's arena; NULL and
 * *ret_error. */
static struct tcache *reactor_cache(struct fusion_reactor *reactor,
				    int *ret_error)
{
	return entry_cache_live(KIND_REACTOR, reactor,
				offsetof(struct reactor, id), ret_error);
}

static int check_options(const struct fusion_reactor_options *options,
			 struct reactor_params *ret)
{
	struct fusion_reactor_options o;
	int r = options_copy(&o, sizeof(o), OPTIONS_FIRST(__typeof__(o), flags),
			     options, "fusion_reactor_options");

	if (r < 0)
		return r;
	if (o.flags)
		return refuse_flags("reactor", o.flags, 0);
	if (o.listeners > REACTOR_LISTENERS_MAX)
		return refuse(-EINVAL,
			      "reactor options: listeners is %u: %u are the "
			      "most",
			      o.listeners, REACTOR_LISTENERS_MAX);
	if (o.cells && (o.cells < RING_CELLS_MIN || o.cells > RING_CELLS_MAX ||
			o.cells & (o.cells - 1)))
		return refuse(-EINVAL,
			      "reactor options: cells is %u: it has to be a "
			      "power of two from %u to %u",
			      o.cells, RING_CELLS_MIN, RING_CELLS_MAX);
	*ret = (struct reactor_params){
		.message_size = o.message_size,
		.cells = o.cells ? o.cells : REACTOR_CELLS,
		.listeners = o.listeners ? o.listeners : REACTOR_LISTENERS,
	};
	return 0;
}

static int create_reactor(struct fusion_arena *arena, struct thread_rec *me,
			  const char *name, const void *params, void **ret)
{
	struct reactor *re;
	int r = reactor_create(&arena->view, me, name, params, arena->id, &re);

	if (r == 0)
		*ret = reactor_handle(re);
	return r;
}

static int make_reactor(struct fusion_arena *arena, const char *name,
			const struct fusion_reactor_options *options,
			bool or_find, struct fusion_reactor **ret)
{
	static const struct entry_maker maker = {.kind = KIND_REACTOR,
						 .create = create_reactor};
	struct reactor_params params;
	int r;

	if (!arena || !ret)
		return refuse_null("reactor", arena ? "ret" : "arena");
	r = check_options(options, &params);
	return r < 0 ? r
		     : entry_make(arena, name, &maker, &params, or_find,
				  (void **)ret);
}

FUSION_API int
fusion_reactor_create(struct fusion_arena *arena, const char *name,
		      const struct fusion_reactor_options *options,
		      struct fusion_reactor **ret)
{
	return told(make_reactor(arena, name, options, false, ret));
}

FUSION_API int fusion_reactor_open(struct fusion_arena *arena, const char *name,
				   const struct fusion_reactor_options *options,
				   struct fusion_reactor **ret)
{
	return told(make_reactor(arena, name, options, true, ret));
}

FUSION_API int fusion_reactor_get(struct fusion_arena *arena, fusion_id_t id,
				  struct fusion_reactor **ret)
{
	return told(entry_get(arena, KIND_REACTOR, id, (void **)ret));
}

FUSION_API fusion_id_t fusion_reactor_id(const struct fusion_reactor *reactor)
{
	return entry_id(KIND_REACTOR, reactor, offsetof(struct reactor, id));
}

FUSION_API int fusion_reactor_lookup(struct fusion_arena *arena,
				     const char *name,
				     struct fusion_reactor **ret)
{
	return told(entry_lookup(arena, KIND_REACTOR, name, (void **)ret));
}

FUSION_API int fusion_reactor_destroy(struct fusion_reactor *reactor)
{
	struct tcache *c;
	int r;

	if (!reactor)
		return 0;
	c = reactor_cache(reactor, &r);
	return told(c ? reactor_destroy(&c->arena->view, c->rec,
					reactor_of(reactor))
		      : r);
}

static int check_channel(uint32_t channel)
{
	if (channel <= FUSION_REACTOR_CHANNEL_MAX)
		return 0;
	return refuse(-EINVAL, "reactor: channel is %u: %u is the last",
		      channel, FUSION_REACTOR_CHANNEL_MAX);
}

FUSION_API int
fusion_reactor_attach(struct fusion_reactor *reactor,
		      const struct fusion_reactor_attach_options *options,
		      fusion_reaction_fn fn, void *ctx,
		      struct fusion_reaction **ret)
{
	struct fusion_reactor_attach_options o;
	struct tcache *c;
	int r;

	if (!fn)
		return told(refuse_null("reaction", "fn"));
	r = options_copy(&o, sizeof(o), OPTIONS_FIRST(__typeof__(o), destroy),
			 options, "fusion_reactor_attach_options");
	if (r == 0)
		r = check_channel(o.channel);
	if (r == 0 && o.flags)
		r = refuse_flags("reaction", o.flags, 0);
	if (r < 0)
		return told(r);
	c = reactor_cache(reactor, &r);
	return told(c ? reaction_add(c->arena, reactor_of(reactor), &o, fn, ctx,
				     ret)
		      : r);
}

FUSION_API int fusion_reactor_on_done(struct fusion_reactor *reactor,
				      fusion_reaction_fn fn, void *ctx,
				      fusion_destroy_fn destroy,
				      struct fusion_slot **ret)
{
	const struct subscription s = {
		.fn = (void (*)(void))fn,
		.ctx = ctx,
		.destroy = destroy,
	};
	struct tcache *c;
	int r;

	callback_check();
	if (!fn)
		return told(refuse_null("fusion_reactor_on_done()", "fn"));
	c = reactor_cache(reactor, &r);
	return told(
		c ? reaction_done_add(c->arena, reactor_of(reactor), &s, ret)
		  : r);
}

/* --- Global reactions ----------------------------------------------------- */

#define GLOBAL_POINTER 0xffffffffffffull

static uint64_t global_word(uint32_t index, const void *ctx)
{
	return (uint64_t)(index + 1) << 48 | (uint64_t)(uintptr_t)ctx;
}

/* Give the word of a global reaction.  0, -EINVAL, -E2BIG. */
static int check_global(const struct tcache *c,
			const struct fusion_reactor_global_options *options,
			const void *ctx, uint64_t *ret)
{
	struct fusion_reactor_global_options o;
	int r = options_copy(&o, sizeof(o), OPTIONS_FIRST(__typeof__(o), index),
			     options, "fusion_reactor_global_options");

	if (r < 0)
		return r;
	if (o.flags)
		return refuse_flags("global reaction", o.flags, 0);
	if (o.index >= 0xffff)
		return refuse(-EINVAL,
			      "global reaction: index is %u: 65534 is the last",
			      o.index);
	if (ctx && (!view_contains(&c->arena->view, ctx) ||
		    (uintptr_t)ctx > GLOBAL_POINTER))
		return refuse(-EINVAL,
			      "global reaction: ctx is %p, which is not in "
			      "arena '%s': give a pointer that all members "
			      "can use",
			      ctx, c->arena->name);
	*ret = global_word(o.index, ctx);
	return 0;
}

/* Attach behind all other globals, if there is room, as the newest are run
 * first.  Commit: the CAS. */
FUSION_API int fusion_reactor_attach_global(
	struct fusion_reactor *reactor,
	const struct fusion_reactor_global_options *options, void *ctx)
{
	uint64_t word = 0;
	struct tcache *c;
	int r, last = -1;

	c = reactor_cache(reactor, &r);
	if (c)
		r = check_global(c, options, ctx, &word);
	if (!c || r < 0)
		return told(r);
	for (int i = 0; i < REACTOR_GLOBALS; i++)
		if (load_relaxed(&reactor_of(reactor)->globals[i]))
			last = i;
	for (int n = 1; n <= REACTOR_GLOBALS; n++) {
		uint64_t *at = &reactor_of(reactor)
					->globals[(last + n) % REACTOR_GLOBALS];
		uint64_t none = 0;

		/* Release: pairs with the acquire in run_globals(), which must
		 * see what @ctx points to. */
		if (cas_release(at, &none, word))
			return 0;
	}
	return told(-ENOSPC);
}

FUSION_API int fusion_reactor_detach_global(
	struct fusion_reactor *reactor,
	const struct fusion_reactor_global_options *options, void *ctx)
{
	uint64_t word = 0;
	struct tcache *c;
	int r;

	c = reactor_cache(reactor, &r);
	if (c)
		r = check_global(c, options, ctx, &word);
	if (!c || r < 0)
		return told(r);
	for (int i = REACTOR_GLOBALS - 1; i >= 0; i--) {
		uint64_t w = word;

		if (cas_relaxed(&reactor_of(reactor)->globals[i], &w, 0ull))
			return 0;
	}
	return told(-ENOENT);
}

/* Nothing is held around a global reaction. */
static void undo_globals(const struct callback_args *args)
{
	(void)args;
}

static bool is_of_arena(const struct callback_args *args, const void *arena)
{
	return args->a == arena;
}

bool globals_run_here(const struct fusion_arena *arena)
{
	return callback_is_inside(undo_globals, is_of_arena, arena);
}

static void run_globals(struct fusion_arena *arena, struct reactor *re,
			const struct fusion_reactor_message *m,
			const fusion_global_fn *globals, size_t n)
{
	struct callback c CALLBACK;

	callback_begin(&c, undo_globals, arena, NULL, 0);
	for (int i = REACTOR_GLOBALS - 1; i >= 0; i--) {
		/* Acquire: pairs with the release in
		 * fusion_reactor_attach_global(). */
		uint64_t w = load_acquire(&re->globals[i]);
		uint64_t index = (w >> 48) - 1;

		if (!w || index >= n || !globals[index])
			continue;
		if (globals[index](m,
				   (void *)(uintptr_t)(w & GLOBAL_POINTER)) ==
		    FUSION_REACTION_REMOVE)
			cas_relaxed(&re->globals[i], &w, 0ull);
	}
	callback_end(&c);
}

/* --- Dispatching ---------------------------------------------------------- */

static bool is_direct(const struct reactor *re)
{
	return !(load_relaxed(&re->flags) & REACTOR_NOT_DIRECT);
}

#define DISPATCH_FLAGS                                 \
	(FUSION_REACTOR_SELF | FUSION_REACTOR_NOWAIT | \
	 FUSION_WAIT_INTERRUPTIBLE)

static int
copy_dispatch_options(const struct fusion_reactor_dispatch_options *options,
		      struct fusion_reactor_dispatch_options *ret)
{
	int r = 0;

	/* The usual ways are short. */
	if (!options) {
		*ret = (struct fusion_reactor_dispatch_options){
			.size = sizeof(*ret)};
		return 0;
	}
	if (options->size == sizeof(*ret))
		*ret = *options;
	else
		r = options_copy(ret, sizeof(*ret),
				 OPTIONS_FIRST(__typeof__(*ret), n_globals),
				 options, "fusion_reactor_dispatch_options");
	if (r < 0)
		return r;
	if (ret->flags & ~DISPATCH_FLAGS)
		return refuse_flags("dispatching", ret->flags, DISPATCH_FLAGS);
	return check_channel(ret->channel);
}

/* Return the most bytes of a message in a queue of @cells. */
static size_t most_bytes(uint32_t cells)
{
	return (size_t)cells * RING_CELL / 2 - sizeof(struct msg_head);
}

int reactor_check_dispatch(
	const struct fusion_reactor_dispatch_options *options, const void *data,
	size_t size)
{
	struct fusion_reactor_dispatch_options o;
	int r;

	if (!data && size)
		return refuse_null("reactor", "data");
	r = copy_dispatch_options(options, &o);
	if (r < 0)
		return r;
	return size > most_bytes(REACTOR_CELLS) ? -EMSGSIZE : 0;
}

FUSION_API int
fusion_reactor_dispatch(struct fusion_reactor *reactor,
			const struct fusion_reactor_dispatch_options *options,
			const void *data, size_t size)
{
	struct reactor_send send = {.data = data};
	struct fusion_reactor_dispatch_options o;
	struct fusion_reactor_message m;
	struct tcache *c;
	bool inline_self;
	int r;

	callback_check();
	c = reactor_cache(reactor, &r);
	if (!c)
		return told(r);
	if (!data && size)
		return told(refuse_null("reactor", "data"));
	r = copy_dispatch_options(options, &o);
	if (r < 0)
		return told(r);
	if (size > most_bytes(reactor_of(reactor)->cells))
		return told(-EMSGSIZE);
	m = (struct fusion_reactor_message){
		.reactor = reactor,
		.channel = o.channel,
		.sender = c->arena->id,
		.data = data,
		.size = size,
		.event = FUSION_REACTOR_DATA,
	};
	inline_self =
		o.flags & FUSION_REACTOR_SELF && is_direct(reactor_of(reactor));
	if (o.channel == 0 && o.globals)
		run_globals(c->arena, reactor_of(reactor), &m, o.globals,
			    o.n_globals);
	if (inline_self)
		reactions_run(c->arena, load_acquire(&reactor_of(reactor)->id),
			      &m);
	send.head = (struct msg_head){
		.sender = c->arena->id,
		.size = (uint32_t)size,
		.a = o.channel,
		.flags = inline_self || !(o.flags & FUSION_REACTOR_SELF)
				 ? MSG_NOT_SENDER
				 : 0,
	};
	send.nowait = o.flags & FUSION_REACTOR_NOWAIT;
	send.interruptible = o.flags & FUSION_WAIT_INTERRUPTIBLE;
	send.impatient = dispatch_is_mine(c->arena) ? c->arena->id : 0;
	return told(reactor_dispatch(&c->arena->view, c->rec,
				     reactor_of(reactor), &send));
}

FUSION_API int fusion_reactor_set_direct(struct fusion_reactor *reactor,
					 bool direct)
{
	struct tcache *c;
	int r;

	c = reactor_cache(reactor, &r);
	if (!c)
		return told(r);
	if (direct)
		and_acq_rel(&reactor_of(reactor)->flags, ~REACTOR_NOT_DIRECT);
	else
		or_acq_rel(&reactor_of(reactor)->flags, REACTOR_NOT_DIRECT);
	return 0;
}

FUSION_API int fusion_reactor_stat(struct fusion_reactor *reactor,
				   struct fusion_reactor_stat *ret, size_t size)
{
	struct fusion_reactor_stat stat;
	struct reactor_sum sum;
	struct tcache *c;
	int r;

	c = reactor_cache(reactor, &r);
	if (!c)
		return told(r);
	r = reactor_sum(&c->arena->view, reactor_of(reactor), &sum);
	if (r < 0)
		return told(r == -ENOENT ? -EIDRM : r);
	stat = (struct fusion_reactor_stat){
		.id = load_relaxed(&reactor_of(reactor)->id),
		.listeners = sum.listeners,
		.dispatched = sum.dispatched,
		.bytes = sum.bytes,
		.dropped = sum.dropped,
		.rate = sum.rate,
	};
	return told(result_give(ret, size, &stat, sizeof(stat),
				"fusion_reactor_stat"));
}
