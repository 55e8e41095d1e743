/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading what reactors bring, and running reactions
 *
 * A reactor with news is on the arena's list until its cursor rests.  The
 * dispatcher reads a batch of each at a time.  No lock is held while a reaction
 * runs, so reactions may attach and detach others.
 */
#include "libfusion/talk/reaction_run.h"

#include <errno.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/log.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/heap/tls.h"

#define BATCH 64 /* messages of a reactor before the next reactor's turn */
/* Pause between two attempts to get private memory for a message. */
#define NO_MEMORY_NAP_NS 2000000

/* How many reactions this thread is in. */
static __thread unsigned reaction_depth;
/* How many reactions this thread has begun to run, ever; it may wrap. */
static __thread unsigned reactions_begun;

void reactor_news(struct fusion_arena *arena, const struct dispatched *d)
{
	uint32_t id = (uint32_t)d->head->a;

	pthread_mutex_lock(&arena->reactors_lock);
	for (struct local_reactor *l = arena->reactors; l; l = l->next)
		if (l->l.id == id)
			local_reactor_has_news(l);
	pthread_mutex_unlock(&arena->reactors_lock);
}

bool reactor_look(struct fusion_arena *arena)
{
	bool any;

	pthread_mutex_lock(&arena->reactors_lock);
	for (struct local_reactor *l = arena->reactors; l; l = l->next)
		if (!l->ended)
			local_reactor_has_news(l);
	any = arena->news;
	pthread_mutex_unlock(&arena->reactors_lock);
	return any;
}

static void reaction_ran(struct fusion_reaction *r)
{
	reaction_depth--;
	pthread_mutex_lock(&r->local->arena->reactors_lock);
	r->running--;
	if (r->removed)
		pthread_cond_broadcast(&r->local->arena->reaction_ended);
}

/* A reaction did not return, and so its thread does not walk the list any more
 * (run_reactions(), tell_the_end()). */
static void undo_reaction(const struct callback_args *args)
{
	struct fusion_reaction *r = args->a;
	struct local_reactor *l = r->local;
	struct fusion_arena *arena = l->arena;

	reaction_ran(r);
	l->walkers--;
	local_reactor_sweep(l);
	local_reactors_unlock(arena);
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
	reactions_begun++;
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
		if (!r->removed && r->from <= pos && r->channel == m->channel)
			run_reaction(r, m);
	l->walkers--;
}

static void undo_done(const struct callback_args *args)
{
	reaction_depth--;
	slots_leave(args->a);
}

static void run_done(struct fusion_slot *slot,
		     const struct fusion_reactor_message *m)
{
	enum fusion_reaction_result result;
	struct callback c CALLBACK;

	reaction_depth++;
	reactions_begun++;
	callback_begin(&c, undo_done, slot, NULL, 0);
	result = ((fusion_reaction_fn)slot->is.fn)(m, slot->is.ctx);
	callback_end(&c);
	reaction_depth--;
	if (result == FUSION_REACTION_REMOVE)
		slots_cancel_held(slot);
}

/* Run the done functions that were there when the message came.  The caller is
 * a walker, and holds reactors_lock, which is let go meanwhile. */
static void run_done_functions(struct local_reactor *l,
			       const struct fusion_reactor_message *m,
			       uint64_t pos)
{
	struct slots_walk walk = {.list = &l->slots};
	struct fusion_arena *a = l->arena;
	struct fusion_slot *slot;

	pthread_mutex_unlock(&a->reactors_lock);
	while ((slot = slots_next(&walk)))
		if (slot->is.from <= pos)
			run_done(slot, m);
	pthread_mutex_lock(&a->reactors_lock);
}

static bool is_of_arena(const struct callback_args *args, const void *arena)
{
	const struct fusion_reaction *r = args->a;

	return r->local->arena == arena;
}

bool reaction_runs_here(const struct fusion_arena *arena)
{
	return callback_is_inside(undo_reaction, is_of_arena, arena);
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
	l = local_reactor_find(arena, id, false);
	if (l) {
		run_reactions(l, message, UINT64_MAX);
		local_reactor_sweep(l);
	}
	local_reactors_unlock(arena);
}

/* Tell each reaction once that nothing more comes: cursor_read() has returned
 * @error.  The cursor is freed first.  The queue of a reactor that is destroyed
 * then goes, however long the reactions take. */
static void tell_the_end(struct local_reactor *l, struct thread_rec *me,
			 int error)
{
	/* Acquire: pairs with the release in reactor_fini(). */
	bool gone = error == -EIDRM && load_acquire(&l->l.re->id) != l->l.id;
	struct fusion_reactor_message m = {
		.reactor = entry_handle(l->l.re, l->l.id),
		.event = gone ? FUSION_REACTOR_DESTROYED
			      : FUSION_REACTOR_DISCONNECTED,
	};

	l->ended = true;
	cursor_free(&l->arena->view, me, &l->l);
	if (l->done)
		run_done_functions(l, &m, UINT64_MAX);
	l->walkers++;
	for (struct fusion_reaction *r = l->reactions; r; r = r->next) {
		if (r->removed || r->told)
			continue;
		r->told = true;
		m.channel = r->channel;
		run_reaction(r, &m);
	}
	l->walkers--;
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
	while (r == -EMSGSIZE && local_reactor_grow(l, h->size));
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
	if (!l->lacks_memory)
		log_error(
			"arena '%s': this process has no memory to read a message of "
			"%u bytes from reactor %u: the message waits until "
			"there is memory",
			l->arena->path, size, l->l.id);
	l->lacks_memory = true;
	sleep_ns(NO_MEMORY_NAP_NS);
}

static void deliver_message(struct local_reactor *l, const struct msg_head *h)
{
	const struct fusion_reactor_message m = {
		.reactor = entry_handle(l->l.re, l->l.id),
		.channel = (uint32_t)h->a,
		.sender = h->sender,
		.data = l->buf,
		.size = h->size,
		.event = FUSION_REACTOR_DATA,
	};

	if (l->done)
		run_done_functions(l, &m, h->b);
	else
		run_reactions(l, &m, h->b);
}

/* Read and deliver a batch.  True: there is more.  reactors_lock is held before
 * and after. */
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
	if (!me)
		return true;
	if (r < 0) {
		tell_the_end(l, me, r);
		return false;
	}
	if (r > 0)
		return true;
	pthread_mutex_unlock(lock);
	rests = cursor_rest(&l->arena->view, me, &l->l);
	pthread_mutex_lock(lock);
	return !rests;
}

/* A reaction of @l did not return.  The other reactors that have news are on
 * the list, or another thread reads them. */
static void undo_run(const struct callback_args *args)
{
	struct local_reactor *l = args->a;
	struct fusion_arena *a = l->arena;

	pthread_mutex_lock(&a->reactors_lock);
	l->walkers--;
	l->news = false;
	if (!l->ended)
		local_reactor_has_news(l);
	local_reactor_sweep(l);
	local_reactors_unlock(a);
}

/* Deliver a batch of @l's messages.  True: there is more.  As a walker, this
 * thread keeps others from freeing @l. */
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

/* Put @l behind the others that have news.  reactors_lock is held. */
static void has_more_news(struct local_reactor *l)
{
	struct local_reactor **p = &l->arena->news;

	while (*p)
		p = &(*p)->next_news;
	l->next_news = NULL;
	/* Relaxed: as in local_reactor_has_news(). */
	store_relaxed(p, l);
}

/* Take a reactor that has news and was not read in this turn or a later one.
 * reactors_lock is held.  NULL: none. */
static struct local_reactor *take_news(struct fusion_arena *arena,
				       uint64_t turn)
{
	struct local_reactor *l = arena->news;

	if (!l || l->turn >= turn)
		return NULL;
	l->turn = turn;
	/* Relaxed: as in local_reactor_has_news(). */
	store_relaxed(&arena->news, l->next_news);
	return l;
}

/* Read the reactors that have news now.  A reactor that has more goes to the
 * end of the list, where other threads find it if they free it.  When a handler
 * waits, another thread may come here: it finds other reactors, or none. */
bool reactor_run(struct fusion_arena *arena, unsigned *ret_ran)
{
	unsigned begun = reactions_begun;
	struct local_reactor *l;
	uint64_t turn;
	bool more;

	*ret_ran = 0;
	/* Relaxed: it is set with the turn, which we have. */
	if (!load_relaxed(&arena->news))
		return false;
	pthread_mutex_lock(&arena->reactors_lock);
	turn = ++arena->news_turn;
	while ((l = take_news(arena, turn))) {
		if (l->ended) {
			l->news = false;
			continue;
		}
		l->news = run_guarded(l);
		if (l->news) {
			has_more_news(l);
		} else {
			local_reactor_sweep(l);
			local_reactors_unlock(arena);
			pthread_mutex_lock(&arena->reactors_lock);
		}
	}
	more = arena->news;
	pthread_mutex_unlock(&arena->reactors_lock);
	*ret_ran = reactions_begun - begun;
	return more;
}
