/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/reaction.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/known.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/reaction_done.h"
#include "libfusion/talk/reaction_run.h"

/* --- Attaching ------------------------------------------------------------ */

static int check_policy(const struct fusion_reactor_policy *policy,
			struct cursor_params *ret)
{
	struct fusion_reactor_policy p;
	int64_t ms;
	int r = options_copy(&p, sizeof(p),
			     OPTIONS_FIRST(__typeof__(p), limit_ns), policy,
			     "fusion_reactor_policy");

	if (r < 0)
		return r;
	if (p.reserved)
		return refuse_reserved("fusion_reactor_policy");
	if (p.kind > FUSION_REACTOR_DISCONNECT)
		return refuse(-EINVAL,
			      "reactor policy: kind is %u: %u is the highest",
			      p.kind, (unsigned)FUSION_REACTOR_DISCONNECT);
	if (p.limit_ns < FUSION_FOREVER)
		return refuse(-EINVAL,
			      "reactor policy: limit_ns is %lld: it has to be "
			      "0, more, or FUSION_FOREVER",
			      (long long)p.limit_ns);
	ms = p.limit_ns / 1000000 + (p.limit_ns % 1000000 != 0);
	ret->policy = p.kind;
	if (!p.limit_ns)
		ret->limit_ms = REACTOR_LIMIT_MS;
	else if (p.limit_ns == FUSION_FOREVER || ms >= REACTOR_FOREVER_MS)
		ret->limit_ms = REACTOR_FOREVER_MS;
	else
		ret->limit_ms = (uint32_t)ms;
	return 0;
}

/* reactors_lock is held. */
static int add_reaction(struct fusion_arena *a, struct reactor *re,
			const struct cursor_params *params, bool policy,
			struct fusion_reaction *x)
{
	/* Acquire: pairs with the release in reactor_fini(). */
	uint32_t id = load_acquire(&re->id);
	struct local_reactor *l = id ? local_reactor_find(a, id, false) : NULL;
	struct ring ring;
	bool others;
	int r;

	if (!id)
		return -EIDRM;
	r = l ? reactor_ring(&a->view, re, &ring)
	      : local_reactor_make(a, re, params, false, &l);
	if (r < 0)
		return r == -ENOENT ? -EIDRM : r;
	others = l->reactions;
	x->local = l;
	x->next = l->reactions;
	l->reactions = x;
	if (policy) {
		l->policy = params->policy;
		l->limit_ms = params->limit_ms;
	}
	local_reactor_update(l);
	/* The drawing is at begin_at_the_end(): first the channel, then the
	 * end of the ring. */
	full_fence();
	x->from = others ? ring_tail(&ring) : 0;
	return 0;
}

/* Does @a have the reaction @x, and is that not detached yet?  reactors_lock is
 * held. */
static bool has_reaction(const struct fusion_arena *a,
			 const struct fusion_reaction *x)
{
	for (const struct local_reactor *l = a->reactors; l; l = l->next)
		for (const struct fusion_reaction *at = l->reactions; at;
		     at = at->next)
			if (at == x)
				return !at->removed;
	return false;
}

int reaction_add(struct fusion_arena *a, struct reactor *re,
		 const struct fusion_reactor_attach_options *options,
		 fusion_reaction_fn fn, void *ctx, struct fusion_reaction **ret)
{
	struct cursor_params params = {0};
	struct fusion_reaction *x;
	struct local_reactor *l;
	int r = check_policy(options->policy, &params);

	if (r == 0)
		r = dispatch_start(a);
	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->channel = options->channel;
	x->fn = fn;
	x->ctx = ctx;
	x->destroy = options->destroy;
	known_add(&x->known, a);
	pthread_mutex_lock(&a->reactors_lock);
	r = add_reaction(a, re, &params, options->policy != NULL, x);
	l = x->local;
	pthread_mutex_unlock(&a->reactors_lock);
	if (r < 0) {
		known_remove(&x->known);
		free(x);
		return r;
	}
	if (ret)
		*ret = x;
	local_reactor_rouse(a, l);
	return 0;
}

/* --- Detaching ------------------------------------------------------------ */

/* reactors_lock is held. */
static void wait_until_ended(struct fusion_reaction *x)
{
	struct fusion_arena *a = x->local->arena;

	/* A thread that is in a reaction would wait for itself, or for a
	 * reaction that waits for this one.  The dispatcher's thread may not
	 * wait for a handler either. */
	if (dispatch_is_mine(a) || reaction_is_running())
		return;
	x->local->walkers++;
	while (x->running)
		cond_wait(&a->reaction_ended, &a->reactors_lock);
	x->local->walkers--;
}

/* The destroy function of a reaction, which the caller has to run. */
struct farewell {
	void (*destroy)(void *ctx);
	void *ctx;
};

/* The reaction may have to stay in its list, where another thread walks.  Its
 * destroy function does not wait for that, only for the reaction itself. */
static struct farewell detach_reaction(struct fusion_reaction *x)
{
	struct local_reactor *l = x->local;
	struct farewell farewell = {.ctx = x->ctx};

	x->removed = true;
	local_reactor_update(l);
	wait_until_ended(x);
	if (!x->running) {
		farewell.destroy = x->destroy;
		x->destroy = NULL;
	}
	local_reactor_sweep(l);
	return farewell;
}

FUSION_API int fusion_reactor_detach(struct fusion_reaction *reaction)
{
	struct farewell farewell = {0};
	struct fusion_arena *a;
	bool found;

	if (!reaction)
		return 0;
	callback_check();
	/* The program may have given any pointer: read there only if the
	 * pointer is a known reaction, and still there. */
	a = known_whose(reaction);
	if (!a)
		return told(refuse_handle("reaction", reaction));
	pthread_mutex_lock(&a->reactors_lock);
	found = has_reaction(a, reaction);
	if (found)
		farewell = detach_reaction(reaction);
	local_reactors_unlock(a);
	if (farewell.destroy)
		farewell.destroy(farewell.ctx);
	return told(found ? 0 : refuse_handle("reaction", reaction));
}

/* --- The end -------------------------------------------------------------- */

/* The cursors are freed as those of a member that leaves. */
void reactor_stop(struct fusion_arena *arena)
{
	struct local_reactor *l;
	struct fusion_reaction *r;

	pthread_mutex_lock(&arena->reactors_lock);
	while ((l = arena->reactors)) {
		if (l->done && !reaction_done_stop(l))
			continue;
		while ((r = l->reactions)) {
			l->reactions = r->next;
			known_remove(&r->known);
			r->next = arena->gone;
			arena->gone = r;
		}
		local_reactor_free(l);
	}
	local_reactors_unlock(arena);
}
