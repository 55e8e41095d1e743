/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/dispatch.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include <fusion/heap.h>

#include "libfusion/arena/arenas.h"
#include "libfusion/base/log.h"
#include "libfusion/base/quiet_thread.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/talk/dispatcher.h"

#define BUSY_NAP_NS 50000	/* while a record is being written */
#define LOOK_NS SUSPECT_LAST_NS /* between two looks at all there is */

/* Of which dispatchers this thread has the turn, the last one first: a handler
 * in one arena may dispatch in another. */
static __thread struct dispatcher *my_turns;

/* --- The turn ------------------------------------------------------------- */

static bool is_mine(const struct dispatcher *d)
{
	const struct dispatcher *t = my_turns;

	while (t && t != d)
		t = t->outer;
	return t;
}

static void taken(struct dispatcher *d)
{
	d->outer = my_turns;
	my_turns = d;
}

void turn_take(struct dispatcher *d)
{
	add_relaxed(&d->wanted, 1);
	pthread_mutex_lock(&d->turn);
	sub_relaxed(&d->wanted, 1);
	taken(d);
}

bool turn_try(struct dispatcher *d)
{
	if (pthread_mutex_trylock(&d->turn) != 0)
		return false;
	taken(d);
	return true;
}

void turn_give(struct dispatcher *d)
{
	struct dispatcher **p = &my_turns;

	/* The child of a fork in a handler has none. */
	while (*p && *p != d)
		p = &(*p)->outer;
	if (*p)
		*p = d->outer;
	pthread_mutex_unlock(&d->turn);
}

static struct dispatcher *existing(struct fusion_arena *arena)
{
	/* Acquire: pairs with the release in dispatcher_of(). */
	return load_acquire(&arena->dispatcher);
}

bool dispatch_is_mine(struct fusion_arena *arena)
{
	struct dispatcher *d = existing(arena);

	return d && is_mine(d);
}

/* --- What is in the queue ------------------------------------------------- */

/* Give back what no handler uses any more, but not for every record. */
static void release(struct dispatcher *d, bool all)
{
	uint64_t to = d->next;
	uint32_t batch = d->ring.cells / 4 < 32 ? d->ring.cells / 4 : 32;

	for (const struct held *h = d->held; h; h = h->next)
		if (!h->released)
			to = h->pos; /* outer ones are older */
	if (to - d->released >= (all ? 1 : batch)) {
		ring_release(&d->ring, d->released, to);
		d->released = to;
	}
}

uint64_t dispatch_done(const struct dispatcher *d)
{
	uint64_t done = d->next;

	for (const struct held *h = d->held; h; h = h->next)
		if (!h->number)
			done = h->pos;
	return done;
}

bool dispatch_has_ended(const struct dispatcher *d, uint64_t before)
{
	for (const struct held *h = d->held; h; h = h->next)
		if (h->number && h->number < before)
			return false;
	return true;
}

void dispatch_hold(struct dispatcher *d, struct held *ret)
{
	*ret = (struct held){
		.number = ++d->numbers,
		.next = d->held,
		.released = true,
	};
	d->held = ret;
}

void dispatch_unhold(struct dispatcher *d, struct held *mine)
{
	struct held **p = &d->held;

	while (*p != mine)
		p = &(*p)->next;
	*p = mine->next;
}

void dispatch_release(struct fusion_arena *arena)
{
	struct dispatcher *d = existing(arena);

	if (d && is_mine(d) && d->held)
		d->held->released = true;
}

/* Not meant for us: it was on its way to who had this ring before. */
static void drop(struct dispatcher *d, const struct msg_head *h, void *data)
{
	if (h->flags & MSG_BLOCK)
		fusion_free_from(d->arena, data);
}

/* Who waits for a small answer will probably ask again; but who does not look
 * has nothing of looking there.  Nor for who has given up: it may have posted
 * the next one HERE, have seen that we did not attend, and be about to take
 * HERE off. */
static bool may_attend(const struct dispatcher *d, const struct msg_head *h)
{
	const struct call_slot *s =
		h->b && !(h->flags & MSG_BLOCK) &&
				load_relaxed(&d->mode) == DISPATCH_THREAD &&
				spin_limit_ns()
			? call_slot_of(&d->arena->view, h->b)
			: NULL;

	return s && call_is_wanted(&d->arena->view, h->b) &&
	       !(load_relaxed(&s->st) & (SLOT_VISITOR | SLOT_ONEWAY)) &&
	       h->size <= sizeof(uint64_t) + SLOT_INLINE;
}

static void deliver(struct dispatcher *d, const struct msg_head *h, void *data)
{
	const struct dispatched in = {.head = h, .data = data};

	if (h->target != d->arena->id) {
		drop(d, h, data);
		return;
	}
	d->ring.ctl->received++;
	switch (h->kind) {
	case MSG_USER:
		message_receive(d, &in);
		break;
	case MSG_CALL:
		if (may_attend(d, h))
			attend(d, SERIAL_SLOT(h->b));
		call_receive(d->arena, &in);
		break;
	case MSG_NEWS:
		reactor_news(d->arena, &in);
		break;
	default:
		drop(d, h, data);
	}
}

/* While its handler runs the record stays; it may lose the turn meanwhile. */
static void handle(struct dispatcher *d, uint32_t cells)
{
	struct held mine = {.pos = d->next, .next = d->held};
	struct msg_head *at = ring_head_at(&d->ring, d->next);
	struct msg_head h = *at;

	d->next += cells;
	d->held = &mine;
	deliver(d, &h, at + 1);
	dispatch_unhold(d, &mine);
}

/* A claim whose producer may be dead, or just not running. */
static void wait_for_producer(struct dispatcher *d, uint32_t producer)
{
	struct view *v = &d->arena->view;
	const struct timespec nap = {.tv_nsec = BUSY_NAP_NS};
	int64_t now = clock_monotonic_ns();

	if (!d->busy_since_ns)
		d->busy_since_ns = now;
	if (now - d->busy_since_ns < BUSY_NAP_NS)
		sched_yield();
	else
		nanosleep(&nap, NULL);
	if (now - d->busy_since_ns < SUSPECT_FIRST_NS ||
	    producer >= v->geo.max_threads)
		return;
	life_suspect(v, load_relaxed(&view_thread(v, producer)->token));
	d->busy_since_ns = now;
}

/* 1 a record was handled, 0 nothing there, -EAGAIN look again. */
static int step(struct dispatcher *d)
{
	uint32_t cells, producer;

	switch (ring_look(&d->ring, d->next, &cells, &producer)) {
	case RING_RECORD:
		d->busy_since_ns = 0;
		handle(d, cells);
		return 1;
	case RING_SKIP:
		d->busy_since_ns = 0;
		d->next += cells;
		return -EAGAIN;
	case RING_BUSY:
		wait_for_producer(d, producer);
		return -EAGAIN;
	default:
		return 0;
	}
}

static unsigned run_reactors(struct dispatcher *d)
{
	struct held mine;
	unsigned n = 0;

	dispatch_hold(d, &mine);
	/* Relaxed: a word that is set for good until it is seen. */
	if (load_relaxed(&d->ring.ctl->scan) &&
	    xchg_acquire(&d->ring.ctl->scan, 0u))
		n += reactor_look(d->arena);
	d->backlog = reactor_run(d->arena);
	dispatch_unhold(d, &mine);
	return n + d->backlog;
}

unsigned dispatch_run(struct dispatcher *d)
{
	unsigned n = 0;
	int r;

	for (unsigned i = 0; i < DISPATCH_BATCH; i++) {
		r = step(d);
		if (!r)
			break;
		n += r > 0;
		release(d, false);
	}
	n += attend_run(d);
	n += run_reactors(d);
	n += dispatch_run_posts(d);
	if (load_acquire(&d->n_syncers))
		sync_look(d);
	return n;
}

/* --- Sleep ---------------------------------------------------------------- */

bool dispatch_is_there(const struct dispatcher *d)
{
	uint32_t cells, producer;

	return ring_look(&d->ring, d->next, &cells, &producer) != RING_EMPTY ||
	       attend_is_there(d) || dispatch_has_posts(d) || d->backlog;
}

static bool look(void *arg)
{
	struct dispatcher *d = arg;

	return dispatch_is_there(d) || load_acquire(&d->stop) ||
	       load_relaxed(&d->wanted);
}

bool dispatch_spin(struct dispatcher *d)
{
	return spin_until(&d->spinner, look, d);
}

/*
 *   who posts                         who sleeps
 *   put it on the list                flag at asleep_at, in the ring
 *   fence                             fence
 *   flag in the ring? take it off,    anything on the list?
 *   wake                              sleep while the flag is there
 */
bool dispatch_arm(struct dispatcher *d)
{
	release(d, true);
	if (attend_close(d))
		return false;
	/* Release: pairs with the acquire in dispatch_rouse(). */
	store_release(&d->asleep_at, d->next + 1);
	if (!ring_arm(&d->ring, d->next))
		return false;
	full_fence();
	if (dispatch_has_posts(d) || load_acquire(&d->stop) ||
	    load_acquire(&d->n_syncers) || load_relaxed(&d->ring.ctl->scan)) {
		ring_rouse(&d->ring, d->next);
		return false;
	}
	store_relaxed(&d->ring.ctl->sleeping, 1u);
	return true;
}

void dispatch_rouse(struct dispatcher *d)
{
	uint64_t at;

	full_fence();
	at = load_acquire(&d->asleep_at);
	if (at)
		ring_rouse(&d->ring, at - 1);
}

void dispatch_idle(struct dispatcher *d)
{
	life_sweep(&d->arena->view);
	turn_take(d);
	store_relaxed(&d->ring.ctl->scan, 1u);
	turn_give(d);
}

/* --- The library's threads ------------------------------------------------ */

static void sleep_a_while(struct dispatcher *d, uint64_t at)
{
	int r = ring_sleep(&d->ring, at, LOOK_NS);

	store_relaxed(&d->ring.ctl->sleeping, 0u);
	if (r == -ETIMEDOUT)
		dispatch_idle(d);
}

/* Does nobody want the turn of the active thread @t?  Relaxed: whoever does
 * waits for it. */
static bool may_go_on(const struct dispatch_thread *t)
{
	const struct dispatcher *d = t->d;

	return !load_relaxed(&d->wanted) && !load_relaxed(&d->stop) &&
	       load_relaxed(&d->active) == t;
}

/* A turn as long as there is something to do, then sleep.  Whoever wants the
 * turn gets it in between: a mutex alone would give it to us again. */
static void be_active(struct dispatch_thread *t)
{
	struct dispatcher *d = t->d;
	bool asleep = false;
	uint64_t at;

	while (load_relaxed(&d->wanted))
		sched_yield();
	pthread_mutex_lock(&d->turn);
	taken(d);
	do {
		if (!dispatch_run(d) && !dispatch_spin(d))
			asleep = dispatch_arm(d);
	} while (!asleep && may_go_on(t));
	at = d->next;
	turn_give(d);
	if (asleep)
		sleep_a_while(d, at);
}

/* Wait until this thread is the active one.  False: stop. */
static bool become_active(struct dispatch_thread *t)
{
	struct dispatcher *d = t->d;
	bool stop;

	pthread_mutex_lock(&d->lock);
	while (!load_relaxed(&d->stop) && d->active && d->active != t) {
		d->n_parked++;
		pthread_cond_wait(&d->changed, &d->lock);
		d->n_parked--;
	}
	stop = load_relaxed(&d->stop);
	if (!stop)
		store_relaxed(&d->active, t);
	pthread_mutex_unlock(&d->lock);
	return !stop;
}

static void *run(void *arg)
{
	struct dispatch_thread *t = arg;

	while (become_active(t))
		be_active(t);
	/* What has just come is there for who dispatches by hand. */
	turn_take(t->d);
	attend_close(t->d);
	turn_give(t->d);
	return NULL;
}

/* lock is held. */
static int start_thread(struct dispatcher *d)
{
	struct dispatch_thread *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->d = d;
	r = quiet_thread_start(&t->thread, run, t);
	if (r < 0) {
		free(t);
		return r;
	}
	t->next = d->threads;
	d->threads = t;
	return 0;
}

static void stop_threads(struct dispatcher *d)
{
	struct dispatch_thread *t;

	pthread_mutex_lock(&d->lock);
	store_release(&d->stop, 1u);
	pthread_cond_broadcast(&d->changed);
	pthread_mutex_unlock(&d->lock);
	dispatch_rouse(d);
	while ((t = d->threads)) {
		pthread_join(t->thread, NULL);
		d->threads = t->next;
		free(t);
	}
	store_relaxed(&d->active, (struct dispatch_thread *)NULL);
	store_relaxed(&d->stop, 0u);
}

bool dispatch_block(struct fusion_arena *arena)
{
	struct dispatcher *d = existing(arena);

	if (!d || my_turns != d)
		return false;
	pthread_mutex_lock(&d->lock);
	if (d->mode != DISPATCH_THREAD || load_relaxed(&d->stop)) {
		pthread_mutex_unlock(&d->lock);
		return false;
	}
	store_relaxed(&d->active, (struct dispatch_thread *)NULL);
	if (d->n_parked)
		pthread_cond_broadcast(&d->changed);
	else if (start_thread(d) < 0)
		log_error("arena '%s': no thread could be started, so nothing "
			  "is dispatched while a handler waits",
			  arena->path);
	pthread_mutex_unlock(&d->lock);
	turn_give(d);
	return true;
}

void dispatch_unblock(struct fusion_arena *arena)
{
	struct dispatcher *d = existing(arena);

	turn_take(d);
}

/* --- Starting and stopping ------------------------------------------------ */

static struct dispatcher *make(struct fusion_arena *arena, int *ret_error)
{
	struct dispatcher *d = calloc(1, sizeof(*d));
	struct thread_rec *me = thread_rec_of(arena);

	if (!d || !me) {
		*ret_error = !d ? -ENOMEM : -errno;
		free(d);
		return NULL;
	}
	*ret_error = message_queue(&arena->view, me, arena->view.slot,
				   arena->id, &d->ring);
	if (*ret_error < 0) {
		free(d);
		return NULL;
	}
	d->arena = arena;
	d->fd = -1;
	d->posts.last = &d->posts.first;
	d->cleanups.last = &d->cleanups.first;
	d->next = d->released = load_acquire(&d->ring.ctl->head);
	pthread_mutex_init(&d->turn, NULL);
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	pthread_cond_init(&d->job_done, NULL);
	return d;
}

struct dispatcher *dispatcher_of(struct fusion_arena *arena, int *ret_error)
{
	struct dispatcher *d = existing(arena);

	if (d)
		return d;
	*ret_error = -EINVAL;
	if (!arena->id)
		return NULL;
	pthread_mutex_lock(&arena->dispatch_lock);
	d = arena->dispatcher;
	if (!d) {
		d = make(arena, ret_error);
		store_release(&arena->dispatcher, d);
	}
	pthread_mutex_unlock(&arena->dispatch_lock);
	return d;
}

int dispatch_start(struct fusion_arena *arena)
{
	int r = 0;
	struct dispatcher *d = dispatcher_of(arena, &r);

	if (!d)
		return r;
	r = 0; /* another thread may have made it meanwhile */
	pthread_mutex_lock(&d->lock);
	if (d->mode == DISPATCH_IDLE) {
		r = start_thread(d);
		if (r == 0)
			store_relaxed(&d->mode, DISPATCH_THREAD);
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

int dispatch_by_hand(struct dispatcher *d)
{
	bool threads;

	pthread_mutex_lock(&d->lock);
	threads = d->mode == DISPATCH_THREAD;
	if (threads && is_mine(d)) {
		pthread_mutex_unlock(&d->lock);
		return -EDEADLK;
	}
	store_relaxed(&d->mode, DISPATCH_MANUAL);
	pthread_mutex_unlock(&d->lock);
	if (threads)
		stop_threads(d);
	return 0;
}

void dispatch_stop(struct fusion_arena *arena)
{
	struct dispatcher *d = existing(arena);

	if (!d)
		return;
	if (d->mode == DISPATCH_THREAD)
		stop_threads(d);
	dispatch_fd_stop(d);
	dispatch_drop_posts(d);
	message_handlers_free(d);
	store_release(&arena->dispatcher, (struct dispatcher *)NULL);
	pthread_cond_destroy(&d->changed);
	pthread_cond_destroy(&d->job_done);
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->turn);
	free(d);
}

/* Its threads are the parent's. */
void dispatch_after_fork(struct fusion_arena *arena)
{
	pthread_mutex_init(&arena->dispatch_lock, NULL);
	arena->by_hand =
		arena->dispatcher && arena->dispatcher->mode == DISPATCH_MANUAL;
	arena->dispatcher = NULL;
	my_turns = NULL;
}
