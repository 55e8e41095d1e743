/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/locks/property.h"

#include <limits.h>
#include <stdio.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"

/* What a property is to the thread that asks. */
enum state {
	AVAILABLE,
	MY_LEASE,
	MY_PURCHASE,
	THEIR_LEASE,
	THEIR_PURCHASE,
	N_STATES
};

/* What is done about it. */
enum step {
	REFUSE = 0, /* -EDEADLK: it is mine, in the other way */
	DENY,	    /* -EPERM: it is not mine */
	BEGIN,	    /* it is mine now */
	DEEPER,	    /* one level more */
	BACK,	    /* one level less; the last one: it is available */
	WAIT,	    /* until it is given back */
	WINDOW,	    /* the same, but not longer than the window */
};

static const enum step property_steps[N_STATES][PROPERTY_CEDE + 1] = {
	/*                  LEASE   PURCHASE CEDE */
	[AVAILABLE] = {BEGIN, BEGIN, DENY},
	[MY_LEASE] = {DEEPER, REFUSE, BACK},
	[MY_PURCHASE] = {REFUSE, DEEPER, BACK},
	[THEIR_LEASE] = {WAIT, WAIT, DENY},
	[THEIR_PURCHASE] = {WINDOW, WINDOW, DENY},
};

static enum state state_of(uint64_t w, uint32_t me)
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
	store_relaxed(&p->word, 0);
	store_relaxed(&p->since_ns, 0);
	store_relaxed(&p->lease_window_ns, windows->lease_ns);
	store_relaxed(&p->purchase_window_ns, windows->purchase_ns);
	p->leased = 0;
	p->purchased = 0;
	store_relaxed(&p->recovered, 0);
	store_relaxed(&p->id, load_relaxed(&p->e.id));
}

static void tell_all(struct property *p)
{
	/* Release: pairs with the acquire in wait_turn(). */
	add_release(&p->seq, 1);
	futex_wake(&p->seq, INT_MAX);
}

void property_fini(struct view *v, void *rec)
{
	struct property *p = rec;

	(void)v;
	/* Release: pairs with the acquires of who looks why it was woken. */
	store_release(&p->id, 0);
	tell_all(p);
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

/* Once: it still is if it was owned, destroyed, and its place used again. */
static int announce(struct view *v, struct thread_rec *me,
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
		return -EMFILE;
	store_relaxed(free, what);
	compiler_fence();
	return 0;
}

/* false: it was not announced. */
static bool strike_out(struct view *v, struct thread_rec *me,
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
	uint32_t id = load_acquire(&p->id);
	int r;

	if (!id)
		return -EIDRM;
	r = table_remove(v, me, KIND_PROPERTY, property_index(v, p), id);
	if (r == 0)
		strike_out(v, me, p);
	return r;
}

/* --- Taking ----------------------------------------------------------------
 */

/* Available in one step.  Killed before the CAS: owner; after it: announcer. */
static bool release(struct property *p, uint32_t token)
{
	uint64_t w = load_relaxed(&p->word);

	store_relaxed(&p->since_ns, 0);
	compiler_fence();
	do {
		if (PROPERTY_OWNER(w) != token)
			return false;
		/* Release: pairs with the acquire in begin(). */
	} while (!cas_release(&p->word, &w, 0));
	if (w & PROPERTY_WAIT && !SEED_BUG(32))
		tell_all(p);
	return w & PROPERTY_WAIT;
}

/* -EAGAIN: it has changed meanwhile, look again. */
static int begin(struct property *p, uint32_t token, enum property_request what,
		 uint32_t id, uint64_t w)
{
	uint64_t mine = PROPERTY_LEVEL | token | (w & PROPERTY_WAIT);

	if (what == PROPERTY_PURCHASE)
		mine |= PROPERTY_PURCHASED;
	/* Acquire: pairs with the releases in release() and in recovery. */
	if (!cas_acquire(&p->word, &w, mine))
		return -EAGAIN;
	if (load_acquire(&p->id) != id) {
		release(p, token);
		return -EIDRM;
	}
	store_relaxed(&p->since_ns, (uint64_t)clock_monotonic_ns());
	if (what == PROPERTY_PURCHASE)
		p->purchased++;
	else
		p->leased++;
	return 0;
}

/* @levels (modulo 2^32, so -1 too) more of what @w says is mine.  false: it is
 * not any more, it was destroyed and its place used again. */
static bool add_levels(struct property *p, uint64_t w, int levels)
{
	uint32_t me = PROPERTY_OWNER(w);

	/* Relaxed: nothing changes hands. */
	while (!cas_relaxed(&p->word, &w,
			    w + (uint64_t)levels * PROPERTY_LEVEL))
		if (PROPERTY_OWNER(w) != me)
			return false;
	return true;
}

static int deeper(struct property *p, uint64_t w)
{
	if (PROPERTY_LEVELS(w) == PROPERTY_LEVELS_MAX)
		return -EOVERFLOW;
	return add_levels(p, w, 1) ? 0 : -EIDRM;
}

static int64_t window_of(const struct property *p, enum property_request what)
{
	return what == PROPERTY_LEASE ? load_relaxed(&p->lease_window_ns)
				      : load_relaxed(&p->purchase_window_ns);
}

/* Has it been purchased for longer than @what would wait? */
static bool window_passed(const struct property *p, enum property_request what,
			  int64_t now)
{
	int64_t since = (int64_t)load_relaxed(&p->since_ns);

	return since && now - since >= window_of(p, what);
}

/* One look.  0 taken; -EAGAIN it is to be waited for, *seen with WAIT set;
 * -errno, -EBUSY with what it saw, too. */
static int attempt(struct view *v, struct thread_rec *me, struct property *p,
		   enum property_request what, uint32_t id, uint64_t *seen)
{
	uint32_t token = thread_token(me);
	uint64_t w;
	int r;

	(void)v;
	for (;;) {
		w = load_acquire(&p->word);
		if (load_acquire(&p->id) != id)
			return -EIDRM;
		switch (property_steps[state_of(w, token)][what]) {
		case BEGIN:
			r = begin(p, token, what, id, w);
			if (r != -EAGAIN)
				return r;
			continue;
		case DEEPER:
			return deeper(p, w);
		case WINDOW:
			*seen = w;
			if (window_passed(p, what, clock_monotonic_ns()))
				return -EBUSY;
			/* fall through */
		case WAIT:
			*seen = w | PROPERTY_WAIT;
			/* Relaxed: only the word itself is agreed on. */
			if (w & PROPERTY_WAIT ||
			    cas_relaxed(&p->word, &w, w | PROPERTY_WAIT))
				return -EAGAIN;
			continue;
		default:
			return -EDEADLK;
		}
	}
}

struct turn {
	int64_t start, deadline;
	int64_t busy_at; /* the window ends; 0 none has begun */
	int64_t suspect_at;
};

/* Until something has changed.  0 look again, -ETIMEDOUT, -EBUSY. */
static int wait_turn(struct view *v, struct property *p,
		     enum property_request what, struct turn *t, uint64_t seen,
		     uint32_t seq)
{
	int64_t now = clock_monotonic_ns(), until = t->suspect_at;

	if (!(seen & PROPERTY_PURCHASED))
		t->busy_at = 0;
	else if (!t->busy_at)
		t->busy_at = now + window_of(p, what);
	if (t->busy_at && now >= t->busy_at)
		return -EBUSY;
	if (t->deadline >= 0 && now >= t->deadline)
		return -ETIMEDOUT;
	if (t->busy_at && t->busy_at < until)
		until = t->busy_at;
	if (t->deadline >= 0 && t->deadline < until)
		until = t->deadline;
	if (until > now)
		futex_wait(&p->seq, seq, until - now);
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

static bool is_mine(const struct thread_rec *me, const struct property *p)
{
	/* Relaxed: only a thread itself can have stored its own token. */
	return PROPERTY_OWNER(load_relaxed(&p->word)) == thread_token(me);
}

/* Before somebody is sent away: is it only that nobody has told us of the
 * owner's death? */
static bool owner_has_died(struct view *v, const struct property *p,
			   uint64_t seen)
{
	uint32_t owner = PROPERTY_OWNER(seen);

	return life_suspect(v, owner) == 1 &&
	       PROPERTY_OWNER(load_relaxed(&p->word)) != owner;
}

int property_take(struct view *v, struct thread_rec *me, struct property *p,
		  enum property_request what, int64_t deadline_ns)
{
	uint32_t id = load_acquire(&p->id), seq;
	bool again = is_mine(me, p);
	struct turn t = {.deadline = deadline_ns};
	uint64_t seen;
	int r;

	if (!id)
		return -EIDRM;
	r = again || SEED_BUG(30) ? 0 : announce(v, me, p);
	if (r < 0)
		return r;
	t.start = clock_monotonic_ns();
	t.suspect_at = t.start + SUSPECT_FIRST_NS;
	do {
		/* Acquire: pairs with the release in tell_all(); read before
		 * we look, so that no change is slept over. */
		seq = load_acquire(&p->seq);
		r = attempt(v, me, p, what, id, &seen);
		if (r == -EAGAIN && !(r = wait_turn(v, p, what, &t, seen, seq)))
			r = -EAGAIN;
		if ((r == -EBUSY || r == -ETIMEDOUT) &&
		    owner_has_died(v, p, seen))
			r = -EAGAIN;
	} while (r == -EAGAIN);
	if (SEED_BUG(30) && !again && r == 0)
		announce(v, me, p);
	else if (r < 0 && !again)
		strike_out(v, me, p);
	return r;
}

int property_try(struct view *v, struct thread_rec *me, struct property *p,
		 enum property_request what)
{
	uint32_t id = load_acquire(&p->id);
	bool again = is_mine(me, p);
	uint64_t seen;
	int r;

	if (!id)
		return -EIDRM;
	r = again ? 0 : announce(v, me, p);
	if (r < 0)
		return r;
	r = attempt(v, me, p, what, id, &seen);
	if (r < 0 && !again)
		strike_out(v, me, p);
	return r;
}

int property_cede(struct view *v, struct thread_rec *me, struct property *p)
{
	uint64_t w = load_relaxed(&p->word);
	bool told, gone = !load_acquire(&p->id);

	if (gone ||
	    property_steps[state_of(w, thread_token(me))][PROPERTY_CEDE] !=
		    BACK)
		/* Owned, destroyed, and the place used again? */
		return strike_out(v, me, p) || gone ? -EIDRM : -EPERM;
	if (PROPERTY_LEVELS(w) > 1)
		return add_levels(p, w, -1) ? 0 : -EIDRM;
	told = release(p, thread_token(me));
	strike_out(v, me, p);
	return told;
}

/* --- Looking ---------------------------------------------------------------
 */

uint64_t property_word(const struct property *p, int64_t *ret_since_ns)
{
	uint64_t w = load_acquire(&p->word);

	*ret_since_ns = (int64_t)load_relaxed(&p->since_ns);
	return w;
}

const struct thread_rec *property_owner(const struct view *v, uint64_t word)
{
	return thread_by_token(v, PROPERTY_OWNER(word));
}

/* --- Recovery --------------------------------------------------------------
 */

/* @p was the dead thread's.  Is it available now?  (Not if it was destroyed.)
 */
static bool take_back(struct view *v, const struct thread_rec *t,
		      struct thread_rec *me, struct property *p)
{
	release(p, thread_token(t));
	if (!load_acquire(&p->id))
		return false;
	add_relaxed(&p->recovered, 1);
	event_log(v, me, EVENT_RECOVERED, thread_member_id(v, t),
		  "property %.*s", ENTRY_NAME_MAX, p->e.name);
	return true;
}

unsigned property_recover(struct view *v, struct thread_rec *t,
			  struct thread_rec *me)
{
	uint32_t hi = table_hi(v, KIND_PROPERTY), token = thread_token(t),
		 n = 0;

	for (unsigned k = 0; k < THREAD_PROPERTIES; k++) {
		uint32_t i = load_relaxed(&t->properties[k]);
		struct property *p;

		if (i && i <= hi && token) {
			p = view_entry(v, KIND_PROPERTY, i - 1);
			if (PROPERTY_OWNER(load_relaxed(&p->word)) == token)
				n += take_back(v, t, me, p);
			/* It may have owed a wake. */
			if (!SEED_BUG(31))
				tell_all(p);
		}
		store_relaxed(&t->properties[k], 0);
	}
	return n;
}

/* --- The checker -----------------------------------------------------------
 */

unsigned property_check(struct view *v, check_report_fn report, void *ctx)
{
	uint32_t hi = table_hi(v, KIND_PROPERTY);
	struct checker c = {.report = report, .ctx = ctx};

	for (uint32_t i = 0; i < hi; i++) {
		const struct property *p = view_entry(v, KIND_PROPERTY, i);
		uint64_t w = load_relaxed(&p->word);
		const char *what = NULL;

		if (load_relaxed(&p->e.state) != ENTRY_USED)
			continue;
		if (load_relaxed(&p->id) != load_relaxed(&p->e.id))
			what = "property: id is not its own";
		else if (PROPERTY_OWNER(w) && !property_owner(v, w))
			what = "property: owned by nobody";
		else if (!PROPERTY_OWNER(w) != !PROPERTY_LEVELS(w))
			what = "property: levels without an owner";
		if (what)
			check_fault(&c, "%s", what);
	}
	return c.faults;
}

unsigned property_check_thread(const struct view *v, const struct thread_rec *t)
{
	uint32_t hi = table_hi(v, KIND_PROPERTY);
	unsigned faults = 0;

	for (unsigned k = 0; k < THREAD_PROPERTIES; k++) {
		uint32_t i = load_relaxed(&t->properties[k]);
		const struct property *p;

		if (!i)
			continue;
		p = i <= hi ? view_entry(v, KIND_PROPERTY, i - 1) : NULL;
		faults += !p || PROPERTY_OWNER(load_relaxed(&p->word)) !=
					thread_token(t);
	}
	return faults;
}
