/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/local_reactor.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/heap/tls.h"

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
	if (l->reactions)
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
