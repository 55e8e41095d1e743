/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reactions: one cursor of this member for each reactor, and behind it a list
 *
 * All of it is guarded by the arena's reactors_lock, which is not held while a
 * reaction runs.  A reaction that is detached stays in its list, marked, until
 * nobody walks there; who walks last frees what is marked.
 */
#include "libfusion/talk/reaction.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/known.h"
#include "libfusion/base/log.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/heap/heap_private.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_post.h"

#define BATCH 64 /* messages of a reactor before the next one's turn */
#define FIRST_BUF 1024
/* Pause between two attempts to get private memory for a message. */
#define NO_MEMORY_NAP_NS 2000000

/* Reactions that this thread is in. */
static __thread unsigned reaction_depth;

static struct local_reactor *find_listener(struct fusion_arena *a, uint32_t id,
					   bool done)
{
	struct local_reactor *l = a->reactors;

	while (l && (l->l.id != id || l->done != done || l->ended))
		l = l->next;
	return l;
}

/* --- News ----------------------------------------------------------------- */

void reactions_have_news(struct local_reactor *l)
{
	struct fusion_arena *a = l->arena;

	if (l->news)
		return;
	l->news = true;
	l->next_news = a->news;
	/* Relaxed: reactor_run() only wants to know whether there are any. */
	store_relaxed(&a->news, l);
}

void reactor_news(struct fusion_arena *arena, const struct dispatched *d)
{
	uint32_t id = (uint32_t)d->head->a;

	pthread_mutex_lock(&arena->reactors_lock);
	for (struct local_reactor *l = arena->reactors; l; l = l->next)
		if (l->l.id == id)
			reactions_have_news(l);
	pthread_mutex_unlock(&arena->reactors_lock);
}

bool reactor_look(struct fusion_arena *arena)
{
	bool any;

	pthread_mutex_lock(&arena->reactors_lock);
	for (struct local_reactor *l = arena->reactors; l; l = l->next)
		if (!l->ended)
			reactions_have_news(l);
	any = arena->news;
	pthread_mutex_unlock(&arena->reactors_lock);
	return any;
}

/* --- Running -------------------------------------------------------------- */

/* reactors_lock is held. */
static void forget_listener(struct local_reactor *l)
{
	struct local_reactor **p = &l->arena->reactors;

	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	for (p = &l->arena->news; *p; p = &(*p)->next_news) {
		if (*p == l) {
			/* Relaxed: as in reactions_have_news(). */
			store_relaxed(p, l->next_news);
			break;
		}
	}
	free(l->buf);
	free(l);
}

/* Free what is marked, if nobody else walks; without reactions there is nothing
 * to listen for.  reactors_lock is held. */
static void sweep_reactions(struct local_reactor *l)
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
		free(r);
	}
	if (l->reactions)
		return;
	me = thread_rec_of(l->arena);
	if (me && !l->ended)
		cursor_free(&l->arena->view, me, &l->l);
	forget_listener(l);
}

static void reaction_ran(struct fusion_reaction *r)
{
	reaction_depth--;
	pthread_mutex_lock(&r->local->arena->reactors_lock);
	r->running--;
	if (r->removed)
		pthread_cond_broadcast(&r->local->arena->reaction_ended);
}

/* It did not return, and so nobody walks there any more (run_reactions(),
 * tell_the_end()). */
static void undo_reaction(const struct callback_args *args)
{
	struct fusion_reaction *r = args->a;
	struct local_reactor *l = r->local;
	pthread_mutex_t *lock = &l->arena->reactors_lock;

	reaction_ran(r);
	l->walkers--;
	sweep_reactions(l);
	pthread_mutex_unlock(lock);
}

/* reactors_lock is held before and after. */
static void run_reaction(struct fusion_reaction *r,
			 const struct fusion_reactor_message *m)
{
	enum fusion_reaction_result result;
	struct callback c CALLBACK;

	r->running++;
	pthread_mutex_unlock(&r->local->arena->reactors_lock);
	reaction_depth++;
	callback_begin(&c, undo_reaction, r, NULL, 0);
	result = r->fn(m, r->ctx);
	callback_end(&c);
	reaction_ran(r);
	if (result == FUSION_REACTION_REMOVE)
		r->removed = true;
}

static void run_reactions(struct local_reactor *l,
			  const struct fusion_reactor_message *m, uint64_t pos)
{
	l->walkers++;
	for (struct fusion_reaction *r = l->reactions; r; r = r->next)
		if (!r->removed && r->from <= pos &&
		    (l->done || r->channel == m->channel))
			run_reaction(r, m);
	l->walkers--;
}

bool reaction_is_running(void)
{
	return reaction_depth > 0;
}

void reactions_run(struct fusion_arena *arena, uint32_t id,
		   const struct fusion_reactor_message *message)
{
	struct local_reactor *l;

	pthread_mutex_lock(&arena->reactors_lock);
	l = find_listener(arena, id, false);
	if (l) {
		run_reactions(l, message, UINT64_MAX);
		sweep_reactions(l);
	}
	pthread_mutex_unlock(&arena->reactors_lock);
}

/* Disconnected, or destroyed: each is told once. */
static void tell_the_end(struct local_reactor *l)
{
	l->ended = true;
	l->walkers++;
	for (struct fusion_reaction *r = l->reactions; r; r = r->next) {
		if (r->removed || r->told)
			continue;
		r->told = true;
		run_reaction(r, NULL);
	}
	l->walkers--;
}

static bool grow_buffer(struct local_reactor *l, uint32_t size)
{
	void *buf = realloc(l->buf, size);

	if (!buf)
		return false;
	l->buf = buf;
	l->size = size;
	return true;
}

/* Read one message; without the lock.  As cursor_read(), and -ENOMEM: the
 * message stays in the ring, as this process has no private memory for it. */
static int read_one(struct local_reactor *l, struct msg_head *h)
{
	struct view *v = &l->arena->view;
	uint32_t me = l->done ? 0 : l->arena->id;
	int r;

	/* Again, as a writer may have moved the cursor to a larger message. */
	do
		r = cursor_read(v, &l->l, me, l->buf, l->size, h);
	while (r == -EMSGSIZE && grow_buffer(l, h->size));
	if (r == -EMSGSIZE)
		return -ENOMEM;
	l->lacks_memory = false;
	return r;
}

/* The listener must not rest, because nobody would ring for a message that is
 * in the ring already.  It must not turn at full speed either.  So it pauses,
 * with the turn, and says once that it has to.  The lock is not held. */
static void wait_for_memory(struct local_reactor *l, uint32_t size)
{
	const struct timespec nap = {.tv_nsec = NO_MEMORY_NAP_NS};

	if (!l->lacks_memory)
		log_error("%s: this process has no memory to read a message of "
			  "%u bytes from reactor %u: the message waits until "
			  "there is memory",
			  l->arena->path, size, l->l.id);
	l->lacks_memory = true;
	nanosleep(&nap, NULL);
}

static void deliver_message(struct local_reactor *l, const struct msg_head *h)
{
	const struct fusion_reactor_message m = {
		.reactor = (struct fusion_reactor *)l->l.re,
		.channel = (uint32_t)h->a,
		.sender = h->sender,
		.data = l->buf,
		.size = h->size,
	};

	run_reactions(l, &m, h->b);
}

/* Lock as run_reaction(). */
static bool run_batch(struct local_reactor *l)
{
	pthread_mutex_t *lock = &l->arena->reactors_lock;
	struct thread_rec *me = thread_rec_of(l->arena);
	struct msg_head h;
	bool rests;
	int r = 0;

	for (unsigned n = 0; n < BATCH; n++) {
		pthread_mutex_unlock(lock);
		r = read_one(l, &h);
		pthread_mutex_lock(lock);
		if (r <= 0)
			break;
		deliver_message(l, &h);
	}
	if (r == -ENOMEM) {
		pthread_mutex_unlock(lock);
		wait_for_memory(l, h.size);
		pthread_mutex_lock(lock);
		return true;
	}
	if (r < 0) {
		tell_the_end(l);
		return false;
	}
	if (r > 0 || !me)
		return true;
	pthread_mutex_unlock(lock);
	rests = cursor_rest(&l->arena->view, me, &l->l);
	pthread_mutex_lock(lock);
	return !rests;
}

/* A reaction of @l did not return.  Which others had news is lost with the
 * stack: all are looked at. */
static void undo_run(const struct callback_args *args)
{
	struct local_reactor *l = args->a;
	struct fusion_arena *a = l->arena;

	pthread_mutex_lock(&a->reactors_lock);
	l->walkers--;
	store_relaxed(&a->news, (struct local_reactor *)NULL);
	for (struct local_reactor *x = a->reactors; x; x = x->next) {
		x->news = false;
		if (!x->ended)
			reactions_have_news(x);
	}
	sweep_reactions(l);
	pthread_mutex_unlock(&a->reactors_lock);
}

/* A batch of @l's messages; true: there is more.  Nobody frees @l while we are
 * at it. */
static bool run_guarded(struct local_reactor *l)
{
	struct callback c CALLBACK;
	bool more;

	l->walkers++;
	callback_begin(&c, undo_run, l, NULL, 0);
	more = run_batch(l);
	callback_end(&c);
	l->walkers--;
	return more;
}

/* Those that have news now; what comes meanwhile is the next turn's.  A handler
 * that waits has another thread here: it finds other reactors, or none. */
bool reactor_run(struct fusion_arena *arena)
{
	struct local_reactor *l, *again = NULL;
	bool more;

	/* Relaxed: it is set with the turn, which we have. */
	if (!load_relaxed(&arena->news))
		return false;
	pthread_mutex_lock(&arena->reactors_lock);
	while ((l = arena->news)) {
		store_relaxed(&arena->news, l->next_news);
		if (l->ended) {
			l->news = false;
			continue;
		}
		more = run_guarded(l);
		l->news = more;
		if (more) {
			l->next_news = again;
			again = l;
		} else {
			sweep_reactions(l);
		}
	}
	more = again;
	store_relaxed(&arena->news, again);
	pthread_mutex_unlock(&arena->reactors_lock);
	return more;
}

/* --- Attaching ------------------------------------------------------------ */

static int check_policy(const struct fusion_reactor_policy *p,
			struct cursor_params *ret)
{
	int64_t ms;

	ret->policy = POLICY_BLOCK;
	ret->limit_ms = REACTOR_LIMIT_MS;
	if (!p)
		return 0;
	if (p->size != sizeof(*p) || p->kind > FUSION_REACTOR_DISCONNECT ||
	    p->limit_ns < FUSION_FOREVER)
		return -EINVAL;
	ret->policy = p->kind;
	ms = (p->limit_ns + 999999) / 1000000;
	if (p->limit_ns == FUSION_FOREVER)
		ret->limit_ms = REACTOR_FOREVER_MS;
	else if (p->limit_ns)
		ret->limit_ms = ms < REACTOR_FOREVER_MS
					? (uint32_t)ms
					: REACTOR_FOREVER_MS - 1;
	return 0;
}

static uint64_t channels_of(const struct local_reactor *l)
{
	uint64_t mask = l->done ? UINT64_MAX : 0;

	for (struct fusion_reaction *x = l->reactions; x; x = x->next)
		if (!x->removed)
			mask |= CHANNEL_BIT(x->channel);
	return mask;
}

int reactions_listen(struct local_reactor *l, struct reactor *re)
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

	/* Look for the first time: it has never rested. */
	if (r == 0)
		reactions_have_news(l);
	return r;
}

/* With @x as its first reaction. */
static int listen_to(struct fusion_arena *a, struct reactor *re,
		     const struct cursor_params *params, bool done,
		     struct fusion_reaction *x)
{
	struct local_reactor *l = calloc(1, sizeof(*l));
	int r = -ENOMEM;

	if (!l)
		return r;
	l->arena = a;
	l->done = done;
	l->policy = params->policy;
	l->limit_ms = params->limit_ms;
	l->reactions = x;
	x->local = l;
	if (grow_buffer(l, FIRST_BUF))
		r = reactions_listen(l, re);
	if (r < 0) {
		free(l->buf);
		free(l);
		return r;
	}
	l->next = a->reactors;
	a->reactors = l;
	return 0;
}

/* What counts from now on for the member. */
static void update_cursor(struct local_reactor *l)
{
	struct cursor *c;
	struct ring r;

	if (l->ended || cursor_get(&l->arena->view, &l->l, &r, &c) < 0)
		return;
	store_relaxed(&c->mask, channels_of(l));
	store_relaxed(&c->policy, l->policy << 24 | CURSOR_FLAGS(c));
	store_relaxed(&c->limit_ms, l->limit_ms);
}

/* reactors_lock is held. */
static int add_reaction(struct fusion_arena *a, struct reactor *re, bool done,
			const struct cursor_params *params, bool policy,
			struct fusion_reaction *x)
{
	uint32_t id = load_acquire(&re->id);
	struct local_reactor *l = id ? find_listener(a, id, done) : NULL;
	struct ring ring;
	int r;

	if (!id)
		return -EIDRM;
	if (!l)
		return listen_to(a, re, params, done, x);
	r = reactor_ring(&a->view, re, &ring);
	if (r < 0)
		return r == -ENOENT ? -EIDRM : r;
	x->local = l;
	x->from = l->reactions ? ring_tail(&ring) : 0;
	x->next = l->reactions;
	l->reactions = x;
	if (policy) {
		l->policy = params->policy;
		l->limit_ms = params->limit_ms;
	}
	update_cursor(l);
	return 0;
}

static void only_wake(void *unused)
{
	(void)unused;
}

int reaction_add(struct fusion_arena *a, struct reactor *re, uint32_t channel,
		 bool done, fusion_reaction_fn fn, void *ctx,
		 const struct fusion_reactor_policy *policy,
		 struct fusion_reaction **ret)
{
	struct cursor_params params = {0};
	struct fusion_reaction *x;
	int r = check_policy(policy, &params);

	if (r == 0)
		r = dispatch_start(a);
	if (r < 0)
		return r;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	x->channel = channel;
	x->fn = fn;
	x->ctx = ctx;
	known_add(&x->known, a);
	pthread_mutex_lock(&a->reactors_lock);
	r = add_reaction(a, re, done, &params, policy != NULL, x);
	pthread_mutex_unlock(&a->reactors_lock);
	if (r < 0) {
		known_remove(&x->known);
		free(x);
		return r;
	}
	if (ret)
		*ret = x;
	/* That the dispatcher looks, and the cursor rests. */
	return dispatch_post(a, only_wake, NULL);
}

/* --- Detaching ------------------------------------------------------------ */

/* reactors_lock is held. */
static void wait_until_ended(struct fusion_reaction *x)
{
	struct fusion_arena *a = x->local->arena;

	if (dispatch_is_mine(a))
		return;
	x->local->walkers++;
	while (x->running)
		pthread_cond_wait(&a->reaction_ended, &a->reactors_lock);
	x->local->walkers--;
}

static void detach_reaction(struct fusion_reaction *x)
{
	struct local_reactor *l = x->local;

	x->removed = true;
	update_cursor(l);
	wait_until_ended(x);
	sweep_reactions(l);
}

/* Does @a have that reaction, and is it not detached yet?  reactors_lock is
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

FUSION_API int fusion_reactor_detach(struct fusion_reaction *reaction)
{
	struct fusion_arena *a;
	bool found;

	if (!reaction)
		return 0;
	callback_check();
	/* Any pointer may have been given: it is read when it is known, and
	 * still there. */
	a = known_whose(reaction);
	if (!a)
		return told(refuse_handle("reaction", reaction));
	pthread_mutex_lock(&a->reactors_lock);
	found = has_reaction(a, reaction);
	if (found)
		detach_reaction(reaction);
	pthread_mutex_unlock(&a->reactors_lock);
	return told(found ? 0 : refuse_handle("reaction", reaction));
}

void reaction_remove_done(struct fusion_arena *arena, uint32_t id)
{
	struct local_reactor *l;

	pthread_mutex_lock(&arena->reactors_lock);
	l = find_listener(arena, id, true);
	if (l && l->reactions)
		detach_reaction(l->reactions);
	pthread_mutex_unlock(&arena->reactors_lock);
}

/* --- The end -------------------------------------------------------------- */

void reactor_stop(struct fusion_arena *arena)
{
	struct local_reactor *l;
	struct fusion_reaction *r;

	while ((l = arena->reactors)) {
		while ((r = l->reactions)) {
			l->reactions = r->next;
			known_remove(&r->known);
			free(r);
		}
		forget_listener(l);
	}
}
