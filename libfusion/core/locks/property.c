/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Property: the table of states and requests, waiting
 *
 * A request looks at the word, asks property_steps[] what to do, and does it
 * with one CAS, or begins anew if the word has changed.  A thread that must
 * wait reads seq before it looks at the word, sets WAIT in the word, and sleeps
 * while seq is that number.  So a change between its look and its sleep, which
 * adds 1 to seq, keeps it awake.
 */
#include "libfusion/core/locks/property.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"

/* What the property is to the thread that asks. */
enum property_state {
	AVAILABLE,
	MY_LEASE,
	MY_PURCHASE,
	THEIR_LEASE,
	THEIR_PURCHASE,
	N_STATES
};

/* What to do for a request. */
enum property_step {
	REFUSE = 0, /* -EDEADLK: the thread has it, in the other way */
	DENY,	    /* -EPERM: the thread does not have it */
	BEGIN,	    /* the thread gets it, with one level */
	DEEPER,	    /* add a level */
	BACK,	    /* take a level away; after the last one it is available */
	WAIT,	    /* wait until the owner gives it back */
	WINDOW,	    /* wait, but not longer than the window of the request */
};

static const enum property_step property_steps[N_STATES][PROPERTY_CEDE + 1] = {
	/*                  LEASE   PURCHASE CEDE */
	[AVAILABLE] = {BEGIN, BEGIN, DENY},
	[MY_LEASE] = {DEEPER, REFUSE, BACK},
	[MY_PURCHASE] = {REFUSE, DEEPER, BACK},
	[THEIR_LEASE] = {WAIT, WAIT, DENY},
	[THEIR_PURCHASE] = {WINDOW, WINDOW, DENY},
};

static enum property_state property_state_of(uint64_t w, uint32_t me)
{
	bool purchased = w & PROPERTY_PURCHASED;

	if (!PROPERTY_OWNER(w))
		return AVAILABLE;
	if (PROPERTY_OWNER(w) == me)
		return purchased ? MY_PURCHASE : MY_LEASE;
	return purchased ? THEIR_PURCHASE : THEIR_LEASE;
}

/* --- Creation --------------------------------------------------------------
 */

void property_init(struct view *v, void *rec, const void *arg)
{
	const struct property_windows *windows = arg;
	struct property *p = rec;

	(void)v;
	/* Relaxed, all of it: table_add_locked() in table.c publishes the
	 * record with a release of its state. */
	store_relaxed(&p->word, 0);
	store_relaxed(&p->since_ns, 0);
	store_relaxed(&p->lease_window_ns, windows->lease_ns);
	store_relaxed(&p->purchase_window_ns, windows->purchase_ns);
	p->leased = 0;
	p->purchased = 0;
	store_relaxed(&p->recovered, 0);
	store_relaxed(&p->id, load_relaxed(&p->e.id));
}

void property_tell_all(struct property *p)
{
	/* A waiter that sees the new number must see the new word, or that the
	 * id is 0.  Release: pairs with the acquire in property_take(). */
	add_release(&p->seq, 1);
	futex_wake(&p->seq, INT_MAX);
}

void property_fini(struct view *v, void *rec)
{
	struct property *p = rec;

	(void)v;
	/* Release: pairs with the acquires of the id in property_attempt() and
	 * property_begin(). */
	store_release(&p->id, 0);
	property_tell_all(p);
}

int property_create(struct view *v, struct thread_rec *me, const char *name,
		    const struct property_windows *windows, uint32_t creator,
		    struct property **ret)
{
	uint32_t i;
	int r = table_add(v, me, KIND_PROPERTY, name, creator, windows, &i);

	if (r == 0)
		*ret = view_entry(v, KIND_PROPERTY, i);
	return r;
}

/* --- Announcements ---------------------------------------------------------
 */

/* Announce @p, once.  It is announced already if this thread had the property
 * that was in its place before and was destroyed.  0, -ENOLCK. */
static int property_announce(struct view *v, struct thread_rec *me,
			     const struct property *p)
{
	uint32_t what = property_index(v, p) + 1, *free = NULL;

	for (unsigned i = 0; i < THREAD_PROPERTIES; i++) {
		uint32_t there = load_relaxed(&me->properties[i]);

		if (there == what)
			return 0;
		if (!there && !free)
			free = &me->properties[i];
	}
	if (!free)
		return -ENOLCK;
	store_relaxed(free, what);
	compiler_fence();
	return 0;
}

/* Strike the announcement out.  false: there was none. */
static bool property_strike(struct view *v, struct thread_rec *me,
			    const struct property *p)
{
	uint32_t what = property_index(v, p) + 1;

	compiler_fence();
	for (unsigned i = 0; i < THREAD_PROPERTIES; i++) {
		if (load_relaxed(&me->properties[i]) != what)
			continue;
		store_relaxed(&me->properties[i], 0);
		return true;
	}
	return false;
}

int property_destroy(struct view *v, struct thread_rec *me, struct property *p)
{
	/* Acquire: pairs with the release in property_fini(). */
	uint32_t id = load_acquire(&p->id);
	int r;

	if (!id)
		return -EIDRM;
	r = table_remove(v, me, KIND_PROPERTY, property_index(v, p), id);
	if (r == 0)
		property_strike(v, me, p);
	return r;
}

/* --- Taking ----------------------------------------------------------------
 */

bool property_release(struct property *p, uint32_t token)
{
	uint64_t w = load_relaxed(&p->word);

	store_relaxed(&p->since_ns, 0);
	compiler_fence();
	do {
		if (PROPERTY_OWNER(w) != token)
			return false;
		/* The next owner must see what this one wrote.  Release: pairs
		 * with the acquire in property_begin(). */
	} while (!cas_release(&p->word, &w, 0));
	if (w & PROPERTY_WAIT && !SEED_BUG(32))
		property_tell_all(p);
	return w & PROPERTY_WAIT;
}

/* Take the property, whose word is @w.  0; -EAGAIN the word has changed
 * meanwhile; -EIDRM. */
static int property_begin(struct property *p, uint32_t token,
			  enum property_request what, uint32_t id, uint64_t w)
{
	uint64_t next = PROPERTY_LEVEL | token | (w & PROPERTY_WAIT);

	if (what == PROPERTY_PURCHASE)
		next |= PROPERTY_PURCHASED;
	/* The new owner must see what the last owner wrote.  Acquire: pairs
	 * with the release in property_release(), which recovery uses,
	 * too. */
	if (!cas_acquire(&p->word, &w, next))
		return -EAGAIN;
	/* Acquire: pairs with the release in property_fini(). */
	if (load_acquire(&p->id) != id) {
		property_release(p, token);
		return -EIDRM;
	}
	store_relaxed(&p->since_ns, (uint64_t)clock_monotonic_ns());
	if (what == PROPERTY_PURCHASE)
		p->purchased++;
	else
		p->leased++;
	return 0;
}

/* Add @levels (modulo 2^32, so it may be -1) to a property whose owner is the
 * caller, as @w says.  false: the caller does not own it any more: it was
 * destroyed, and its place was used again. */
static bool property_add_levels(struct property *p, uint64_t w, int levels)
{
	uint32_t me = PROPERTY_OWNER(w);

	/* Relaxed: the owner stays the same, so nobody has to see more. */
	while (!cas_relaxed(&p->word, &w,
			    w + (uint64_t)levels * PROPERTY_LEVEL))
		if (PROPERTY_OWNER(w) != me)
			return false;
	return true;
}

static int property_deepen(struct property *p, uint64_t w)
{
	if (PROPERTY_LEVELS(w) == PROPERTY_LEVELS_MAX)
		return -EOVERFLOW;
	return property_add_levels(p, w, 1) ? 0 : -EIDRM;
}

static int64_t request_window(const struct property *p,
			      enum property_request what)
{
	return what == PROPERTY_LEASE ? load_relaxed(&p->lease_window_ns)
				      : load_relaxed(&p->purchase_window_ns);
}

/* Say whether a purchase has lasted longer than the request @what waits. */
static bool purchase_outlasts(const struct property *p,
			      enum property_request what, int64_t now)
{
	/* Relaxed: a time that is too old or 0 only moves the end of the wait.
	 */
	int64_t since = (int64_t)load_relaxed(&p->since_ns);

	return since && now - since >= request_window(p, what);
}

/* Try to take the property without waiting.
 * 0 taken.
 * -EAGAIN wait: *seen is the word, with WAIT set.
 * -EBUSY the purchase of another outlasts the window: *seen is the word.
 * -EDEADLK, -EOVERFLOW, -EIDRM as property_take(). */
static int property_attempt(struct view *v, struct thread_rec *me,
			    struct property *p, enum property_request what,
			    uint32_t id, uint64_t *seen)
{
	uint32_t token = thread_token(me);
	uint64_t w;
	int r;

	(void)v;
	for (;;) {
		/* Acquire, both: the id must not be older than the word.  The
		 * word pairs with the release in property_release(),
		 * the id with that in property_fini(). */
		w = load_acquire(&p->word);
		if (load_acquire(&p->id) != id)
			return -EIDRM;
		switch (property_steps[property_state_of(w, token)][what]) {
		case BEGIN:
			r = property_begin(p, token, what, id, w);
			if (r != -EAGAIN)
				return r;
			continue;
		case DEEPER:
			return property_deepen(p, w);
		case WINDOW:
			*seen = w;
			if (purchase_outlasts(p, what, clock_monotonic_ns()))
				return -EBUSY;
			/* fall through */
		case WAIT:
			*seen = w | PROPERTY_WAIT;
			/* Relaxed: only the word itself is being agreed on. */
			if (w & PROPERTY_WAIT ||
			    cas_relaxed(&p->word, &w, w | PROPERTY_WAIT))
				return -EAGAIN;
			continue;
		default:
			return -EDEADLK;
		}
	}
}

struct property_wait {
	struct wait *wait;
	int64_t start;
	int64_t busy_at;    /* when the window ends; 0 none has begun */
	int64_t suspect_at; /* when to ask whether the owner is dead */
};

/* A window may be longer than the clock has room for. */
static int64_t window_end(int64_t now, int64_t window)
{
	return window < INT64_MAX - now ? now + window : INT64_MAX;
}

/* Sleep until seq is not @seq any more, or it is time to do something.  0 try
 * again; -ETIMEDOUT, -EINTR; -EBUSY the window has ended. */
static int property_sleep(struct view *v, struct property *p,
			  enum property_request what, struct property_wait *t,
			  uint64_t seen, uint32_t seq)
{
	int64_t now = clock_monotonic_ns(), until = t->suspect_at;

	if (!(seen & PROPERTY_PURCHASED))
		t->busy_at = 0;
	else if (!t->busy_at)
		t->busy_at = window_end(now, request_window(p, what));
	if (t->busy_at && now >= t->busy_at)
		return -EBUSY;
	if (wait_is_over(t->wait, now))
		return wait_error(t->wait);
	if (t->busy_at && t->busy_at < until)
		until = t->busy_at;
	if (until > now)
		wait_slept(t->wait, futex_wait(&p->seq, seq,
					       wait_nap(t->wait, until - now)));
	now = clock_monotonic_ns();
	if (now >= t->suspect_at) {
		life_suspect(v, PROPERTY_OWNER(seen));
		now = clock_monotonic_ns();
		t->suspect_at = now + (now - t->start < SUSPECT_LAST_NS
					       ? SUSPECT_FIRST_NS
					       : SUSPECT_LAST_NS);
	}
	return 0;
}

static bool property_is_owned(const struct thread_rec *me,
			      const struct property *p)
{
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out. */
	return PROPERTY_OWNER(load_relaxed(&p->word)) == thread_token(me);
}

/* Before a thread is refused: ask whether the owner is dead, and nobody has
 * recovered it yet.  true: the word has changed since. */
static bool owner_was_dead(struct view *v, const struct property *p,
			   uint64_t seen)
{
	uint32_t owner = PROPERTY_OWNER(seen);

	return life_suspect(v, owner) == 1 &&
	       PROPERTY_OWNER(load_relaxed(&p->word)) != owner;
}

int property_take(struct view *v, struct thread_rec *me, struct property *p,
		  enum property_request what, struct wait *wait)
{
	/* Acquire: pairs with the release in property_fini(). */
	uint32_t id = load_acquire(&p->id), seq;
	bool again = property_is_owned(me, p);
	struct property_wait t = {.wait = wait};
	uint64_t seen;
	int r;

	if (!id)
		return -EIDRM;
	r = again || SEED_BUG(30) ? 0 : property_announce(v, me, p);
	if (r < 0)
		return r;
	t.start = clock_monotonic_ns();
	t.suspect_at = t.start + SUSPECT_FIRST_NS;
	do {
		/* Acquire: the word must not be older than seq.  Pairs with the
		 * release in property_tell_all(). */
		seq = load_acquire(&p->seq);
		r = property_attempt(v, me, p, what, id, &seen);
		if (r == -EAGAIN &&
		    !(r = property_sleep(v, p, what, &t, seen, seq)))
			r = -EAGAIN;
		if ((r == -EBUSY || r == -ETIMEDOUT || r == -EINTR) &&
		    owner_was_dead(v, p, seen))
			r = -EAGAIN;
	} while (r == -EAGAIN);
	if (SEED_BUG(30) && !again && r == 0)
		property_announce(v, me, p);
	else if (r < 0 && !again)
		property_strike(v, me, p);
	return r;
}

int property_try(struct view *v, struct thread_rec *me, struct property *p,
		 enum property_request what)
{
	/* Acquire: pairs with the release in property_fini(). */
	uint32_t id = load_acquire(&p->id);
	bool again = property_is_owned(me, p);
	uint64_t seen;
	int r;

	if (!id)
		return -EIDRM;
	r = again ? 0 : property_announce(v, me, p);
	if (r < 0)
		return r;
	r = property_attempt(v, me, p, what, id, &seen);
	if (r < 0 && !again)
		property_strike(v, me, p);
	return r;
}

int property_cede(struct view *v, struct thread_rec *me, struct property *p)
{
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out.  Acquire of the id: pairs with the release in
	 * property_fini(). */
	uint64_t w = load_relaxed(&p->word);
	bool told, gone = !load_acquire(&p->id);

	if (gone || property_steps[property_state_of(w, thread_token(me))]
				  [PROPERTY_CEDE] != BACK)
		/* A thread that announces it had a property that was destroyed,
		 * and another may be in its place by now. */
		return property_strike(v, me, p) || gone ? -EIDRM : -EPERM;
	if (PROPERTY_LEVELS(w) > 1)
		return property_add_levels(p, w, -1) ? 0 : -EIDRM;
	told = property_release(p, thread_token(me));
	property_strike(v, me, p);
	return told;
}

void property_forget(struct view *v, struct thread_rec *me, struct property *p)
{
	if (!property_is_owned(me, p))
		property_strike(v, me, p);
}

/* --- What is shown
 * ---------------------------------------------------------------
 */

uint64_t property_word(const struct property *p, int64_t *ret_since_ns)
{
	/* Acquire: pairs with the release in property_release(). */
	uint64_t w = load_acquire(&p->word);

	*ret_since_ns = (int64_t)load_relaxed(&p->since_ns);
	return w;
}

const struct thread_rec *property_owner(const struct view *v, uint64_t word)
{
	return thread_by_token(v, PROPERTY_OWNER(word));
}
