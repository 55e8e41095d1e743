/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/local_reactor.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/core/talk/listener_wake.h"
#include "libfusion/heap/tls.h"
#include "libfusion/talk/dispatch_post.h"

#define FIRST_BUF 1024

void local_reactor_has_news(struct local_reactor *l)
{
	struct fusion_arena *a = l->arena;

	if (l->news)
		return;
	l->news = true;
	l->next_news = a->news;
	/* Relaxed: reactor_run() only wants to know whether there are any. */
	store_relaxed(&a->news, l);
}

void local_reactor_free(struct local_reactor *l)
{
	struct local_reactor **p = &l->arena->reactors;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	for (p = &l->arena->news; *p; p = &(*p)->next_news) {
		if (*p == l) {
			/* Relaxed: as in local_reactor_has_news(). */
			store_relaxed(p, l->next_news);
			break;
		}
	}
	free(l->buf);
	free(l);
}

/* Has nobody anything to do with @l any more? */
static bool is_unused(const struct local_reactor *l)
{
	return !l->reactions && !l->slots.first && !l->slots.busy;
}

void local_reactor_sweep(struct local_reactor *l)
{
	struct fusion_reaction **p = &l->reactions, *r;
	struct thread_rec *me;

	if (l->walkers)
		return;
	while ((r = *p)) {
		if (!r->removed || r->running) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		known_remove(&r->known);
		r->next = l->arena->gone;
		l->arena->gone = r;
	}
	if (!is_unused(l))
		return;
	me = thread_rec_of(l->arena);
	/* A listener that has come to its end has no cursor any more. */
	if (me && !l->ended)
		cursor_free(&l->arena->view, me, &l->l);
	local_reactor_free(l);
}

void local_reactors_unlock(struct fusion_arena *arena)
{
	struct fusion_reaction *r = arena->gone, *next;

	arena->gone = NULL;
	pthread_mutex_unlock(&arena->reactors_lock);
	for (; r; r = next) {
		next = r->next;
		if (r->destroy)
			r->destroy(r->ctx);
		free(r);
	}
}

static void only_wake(void *unused)
{
	(void)unused;
}

/* reactors_lock is held. */
static bool is_there(const struct fusion_arena *a,
		     const struct local_reactor *which)
{
	const struct local_reactor *l = a->reactors;

	while (l && l != which)
		l = l->next;
	return l;
}

/* Without private memory for a post, news come by the queue, as if a message
 * had come. */
void local_reactor_rouse(struct fusion_arena *a, const struct local_reactor *l)
{
	struct thread_rec *me = thread_rec_of(a);
	struct cursor *c;
	struct ring ring;

	if (dispatch_post(a, only_wake, NULL) == 0 || !me)
		return;
	pthread_mutex_lock(&a->reactors_lock);
	if (is_there(a, l) && cursor_get(&a->view, &l->l, &ring, &c) == 0)
		listener_wake(&a->view, me, &ring, c, true);
	pthread_mutex_unlock(&a->reactors_lock);
}

bool local_reactor_grow(struct local_reactor *l, uint32_t size)
{
	void *buf = realloc(l->buf, size);

	if (!buf)
		return false;
	l->buf = buf;
	l->size = size;
	return true;
}

static uint64_t channels_of(const struct local_reactor *l)
{
	uint64_t mask = l->done ? UINT64_MAX : 0;

	for (struct fusion_reaction *x = l->reactions; x; x = x->next)
		if (!x->removed)
			mask |= CHANNEL_BIT(x->channel);
	return mask;
}

int local_reactor_listen(struct local_reactor *l, struct reactor *re)
{
	struct fusion_arena *a = l->arena;
	struct thread_rec *me = thread_rec_of(a);
	const struct cursor_params params = {
		.owner = a->id,
		.slot = a->view.slot,
		.flags = l->done ? CURSOR_DONE : 0,
		.policy = l->policy,
		.limit_ms = l->limit_ms,
		.mask = channels_of(l),
	};
	int r = me ? cursor_take(&a->view, me, re, &params, &l->l) : -errno;

	/* Have the dispatcher look for the first time, so that the cursor rests
	 * and is rung for. */
	if (r == 0)
		local_reactor_has_news(l);
	return r;
}

int local_reactor_make(struct fusion_arena *a, struct reactor *re,
		       const struct cursor_params *params, bool done,
		       struct local_reactor **ret)
{
	struct local_reactor *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (!l)
		return r;
	l->arena = a;
	l->done = done;
	l->policy = params->policy;
	l->limit_ms = params->limit_ms;
	l->next = a->reactors;
	a->reactors = l;
	if (local_reactor_grow(l, FIRST_BUF))
		r = local_reactor_listen(l, re);
	if (r < 0)
		local_reactor_free(l);
	else
		*ret = l;
	return r;
}

void local_reactor_update(struct local_reactor *l)
{
	struct cursor *c;
	struct ring r;

	if (l->ended || cursor_get(&l->arena->view, &l->l, &r, &c) < 0)
		return;
	store_relaxed(&c->mask, channels_of(l));
	store_relaxed(&c->policy, l->policy << 24 | CURSOR_FLAGS(c));
	store_relaxed(&c->limit_ms, l->limit_ms);
}
