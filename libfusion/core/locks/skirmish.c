/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/locks/skirmish.h"

#include <limits.h>
#include <unistd.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/locks/lend.h"

#define SPIN_FIRST 16 /* pauses between two looks, doubling ... */
#define SPIN_LAST 128 /* ... up to this */
#define SPIN_ALL 1000 /* and no more in all */
#define SPIN_LEAST 100

static const uint32_t *futex_of(const struct skirmish *s)
{
	return (const uint32_t *)&s->word;
}

/* By which of 32 bits the heir can be woken alone, nearly always. */
static uint32_t wake_bit(uint32_t token)
{
	return 1u << (TOKEN_SLOT(token) % 32);
}

/* --- Creation --------------------------------------------------------------
 */

/* Who still uses the lock that was here before may write into the word once
 * more; it finds another id then, and undoes what it did. */
void skirmish_init(struct view *v, void *rec, const void *arg)
{
	struct skirmish *s = rec;

	(void)v;
	store_relaxed(&s->word, 0);
	s->depth = 0;
	store_relaxed(&s->flags, *(const uint32_t *)arg);
	store_relaxed(&s->spin, SPIN_ALL / 2);
	store_relaxed(&s->recovered, 0);
	s->taken = 0;
	s->contended = 0;
	store_relaxed(&s->id, load_relaxed(&s->e.id));
}

void skirmish_fini(struct view *v, void *rec)
{
	struct skirmish *s = rec;

	(void)v;
	/* Release: pairs with the acquires of who looks why it was woken. */
	store_release(&s->id, 0);
	add_release(&s->seq, 1);
	futex_wake(&s->seq, INT_MAX);
	/* Not until its wait word differs from what they saw: somebody may be
	 * on the way to sleep. */
	__atomic_fetch_xor(&s->word, SKIRMISH_WAIT, __ATOMIC_RELEASE);
	futex_wake(futex_of(s), INT_MAX);
}

int skirmish_create(struct view *v, struct thread_rec *me, const char *name,
		    uint32_t flags, uint32_t creator, struct skirmish **ret)
{
	uint32_t i;
	int r = table_add(v, me, KIND_SKIRMISH, name, creator, &flags, &i);

	if (r == 0)
		*ret = view_entry(v, KIND_SKIRMISH, i);
	return r;
}

/* --- Announcements ---------------------------------------------------------
 * skirmishes[] up to n_skirmishes; recovery reads all of it, so that no order
 * of the two matters. */

static int announce(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t n = load_relaxed(&me->n_skirmishes);

	if (n >= THREAD_SKIRMISHES)
		return -EMFILE;
	store_relaxed(&me->skirmishes[n], skirmish_index(v, s) + 1);
	me->n_skirmishes = n + 1;
	compiler_fence();
	return 0;
}

/* false: it was not announced. */
static bool strike_out(struct view *v, struct thread_rec *me,
		       const struct skirmish *s)
{
	/* The daemon's records may be scribbled on: never beyond the end. */
	uint32_t n = load_relaxed(&me->n_skirmishes), i;
	uint32_t what = skirmish_index(v, s) + 1;

	if (n > THREAD_SKIRMISHES)
		n = THREAD_SKIRMISHES;
	i = n;
	compiler_fence();
	while (i > 0 && me->skirmishes[i - 1] != what)
		i--;
	if (!i)
		return false;
	lend_strike(me, &me->skirmishes[i - 1]);
	return true;
}

int skirmish_destroy(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t id = load_acquire(&s->id);
	int r = -EIDRM;

	if (id)
		r = table_remove(v, me, KIND_SKIRMISH, skirmish_index(v, s),
				 id);
	/* Perhaps one's own: there is nothing to give back any more. */
	if (r == 0)
		strike_out(v, me, s);
	return r;
}

/* --- Taking ----------------------------------------------------------------
 */

/* One attempt: true, and *seen is the word before it, or what is in the way. */
static bool take(struct skirmish *s, uint32_t token, uint64_t more,
		 uint64_t *seen)
{
	uint64_t w = load_relaxed(&s->word), mine;

	while (!SKIRMISH_OWNER(w)) {
		mine = w | token | more;
		if (SKIRMISH_HEIR(w) == token)
			mine = (uint32_t)mine;
		/* Acquire: pairs with the releases in give() and in recovery;
		 * what the last owner wrote is ours to see. */
		if (cas_acquire(&s->word, &w, mine)) {
			*seen = w;
			return true;
		}
	}
	*seen = w;
	return false;
}

static int owned(struct skirmish *s, uint64_t w, bool contended)
{
	s->depth = 0;
	s->taken++;
	if (contended)
		s->contended++;
	return w & SKIRMISH_DIED ? -EOWNERDEAD : 0;
}

/* Hand the word on, to the heir if there is one.  Killed before the CAS: dead
 * owner; after it: dead announcer, recovery wakes all.  true: somebody may be
 * waiting. */
static bool give(struct skirmish *s, uint32_t token, uint64_t keep)
{
	uint64_t w = load_relaxed(&s->word), next;
	uint32_t heir;

	do {
		if (SKIRMISH_OWNER(w) != token)
			return false;
		heir = SKIRMISH_HEIR(w);
		next = (w & keep) | heir | (heir ? SKIRMISH_WAIT : 0);
		/* Release: pairs with the acquires in take() and inherited().
		 */
	} while (!cas_release(&s->word, &w, next));
	if (heir)
		futex_wake_bits(futex_of(s), wake_bit(heir));
	else if (w & SKIRMISH_WAIT && !SEED_BUG(20))
		futex_wake(futex_of(s), 1);
	return w & SKIRMISH_WAIT;
}

/* Taken, but is it still the lock that was meant? */
static int confirm(struct skirmish *s, uint32_t token, uint32_t id, int r)
{
	if (load_acquire(&s->id) == id)
		return r;
	give(s, token, SKIRMISH_DIED);
	return -EIDRM;
}

static bool is_alone(void)
{
	static int n_cpus; /* atomic: 0 not asked yet */
	int n = load_relaxed(&n_cpus);

	if (!n) {
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);
		store_relaxed(&n_cpus, n > 0 ? n : 1);
	}
	return n == 1;
}

/* Learns from waits how long it pays (the idea is glibc's adaptive mutex'): a
 * wait that ended in time draws the usual length to its own, one that did not
 * makes the next ones shorter. */
static bool spin(struct skirmish *s, uint32_t token, uint64_t more,
		 uint64_t *seen)
{
	uint32_t usual = load_relaxed(&s->spin);
	uint32_t most = 2 * usual + SPIN_LEAST, all = 0;
	bool taken = false;

	if (is_alone())
		return take(s, token, more, seen);
	if (most > SPIN_ALL)
		most = SPIN_ALL;
	for (uint32_t d = SPIN_FIRST; !taken && all < most; all += d) {
		taken = take(s, token, more, seen);
		for (uint32_t i = 0; !taken && i < d; i++)
			cpu_relax();
		if (d < SPIN_LAST)
			d *= 2;
	}
	if (!taken)
		all = 0;
	store_relaxed(&s->spin,
		      (uint32_t)((int32_t)usual +
				 ((int32_t)all - (int32_t)usual) / 8));
	return taken;
}

struct wait {
	struct view *v;
	struct thread_rec *me;
	struct skirmish *s;
	uint32_t token, id;
	int64_t start, deadline, nap, suspect_at;
	uint64_t seen;
	bool looked; /* whether the owner is dead */
};

/* Sleepers leave the word so that nobody behind them is forgotten, and are no
 * heirs any more.  true: it has been handed over meanwhile. */
static bool withdraw(struct skirmish *s, uint32_t token, uint64_t *seen)
{
	uint64_t w = load_relaxed(&s->word), next;

	do {
		if (SKIRMISH_OWNER(w) == token) {
			*seen = w;
			return true;
		}
		next = w | SKIRMISH_WAIT;
		if (SKIRMISH_HEIR(w) == token)
			next = (uint32_t)next;
	} while (!cas_acquire(&s->word, &w, next));
	if (!SKIRMISH_OWNER(w))
		futex_wake(futex_of(s), 1);
	return false;
}

/* Set WAIT, and inherit if it is time and nobody else does.  0: sleep on
 * w->seen; 1 taken; -EAGAIN look again. */
static int queue_up(struct wait *w, bool want_heir)
{
	uint64_t next;

	if (SKIRMISH_OWNER(w->seen) == w->token)
		return 1;
	if (take(w->s, w->token, SKIRMISH_WAIT, &w->seen))
		return 1;
	next = w->seen | SKIRMISH_WAIT;
	if (want_heir && !SKIRMISH_HEIR(next))
		next |= (uint64_t)w->token << 32;
	if (next == w->seen)
		return 0;
	/* Relaxed: only the word itself is being agreed on. */
	if (!cas_relaxed(&w->s->word, &w->seen, next))
		return -EAGAIN;
	w->seen = next;
	return 0;
}

/* Nothing has happened for a while: is the owner dead? */
static void look_after(struct wait *w, int64_t now)
{
	if (now < w->suspect_at)
		return;
	w->looked = true;
	life_suspect(w->v, SKIRMISH_OWNER(w->seen));
	now = clock_monotonic_ns();
	w->suspect_at =
		now + (now - w->start < SUSPECT_LAST_NS ? SUSPECT_FIRST_NS
							: SUSPECT_LAST_NS);
}

/* Nobody is sent away before the owner was looked at once: who comes again and
 * again with little patience would never find it dead.  true: it was. */
static bool look_last(struct wait *w)
{
	if (w->looked)
		return false;
	w->looked = true;
	return life_suspect(w->v, SKIRMISH_OWNER(w->seen)) == 1;
}

/* Only one can inherit; with the others it must not become a stampede. */
static int64_t nap_of(struct wait *w, int64_t now)
{
	int64_t nap = w->nap;

	if (SKIRMISH_HEIR(w->seen) == w->token)
		nap = SUSPECT_FIRST_NS;
	else if (w->nap < HEIR_NAP_NS)
		w->nap *= 2;
	if (w->deadline >= 0 && w->deadline - now < nap)
		nap = w->deadline - now;
	return nap > 0 ? nap : 0;
}

/* 0 taken, -EBUSY go on, -errno not taken. */
static int sleep_once(struct wait *w)
{
	int64_t now = clock_monotonic_ns();
	int r;

	w->seen = load_acquire(&w->s->word);
	if (load_acquire(&w->s->id) != w->id)
		return -EIDRM;
	r = queue_up(w, now - w->start >= HEIR_AFTER_NS);
	if (r)
		return r == 1 ? 0 : -EBUSY;
	if (load_relaxed(&w->s->flags) & SKIRMISH_ERRORCHECK &&
	    skirmish_in_ring(w->v, w->me, NULL))
		return -EDEADLK;
	if (w->deadline >= 0 && now >= w->deadline)
		return look_last(w) ? -EBUSY : -ETIMEDOUT;
	futex_wait_bits(futex_of(w->s), (uint32_t)w->seen, nap_of(w, now),
			wake_bit(w->token));
	look_after(w, clock_monotonic_ns());
	return -EBUSY;
}

/*
 * Two threads that close a ring of waits at the same time:
 *
 *   one                                the other
 *   waits_for = a                      waits_for = b
 *   fence                              fence
 *   the other's waits_for?             the first one's waits_for?
 *
 * One of them must see the ring (skirmish_in_ring()); the fence cannot be left
 * to an exchange, which orders nothing for the loads behind it on some
 * machines.
 */
static void waits(struct thread_rec *me, uint32_t what)
{
	/* Release: pairs with the acquire in skirmish_blocker(). */
	store_release(&me->waits_for, what);
	full_fence();
}

/* Announced already.  @more is SKIRMISH_WAIT for who was woken: others may be
 * asleep behind it.  0, -EOWNERDEAD, or not taken and still announced. */
static int lock_slow(struct view *v, struct thread_rec *me, struct skirmish *s,
		     uint32_t id, uint64_t more, int64_t deadline)
{
	struct wait w = {
		.v = v,
		.me = me,
		.s = s,
		.token = thread_token(me),
		.id = id,
		.deadline = deadline,
		.nap = HEIR_AFTER_NS,
	};
	int r = -EBUSY;

	if (spin(s, w.token, more, &w.seen))
		return confirm(s, w.token, id, owned(s, w.seen, true));
	waits(me, skirmish_index(v, s) + 1);
	w.start = clock_monotonic_ns();
	w.suspect_at = w.start + SUSPECT_FIRST_NS;
	while (r == -EBUSY)
		r = sleep_once(&w);
	/* Without the lock after all, or with it at the last moment. */
	if (r < 0 && withdraw(s, w.token, &w.seen))
		r = 0;
	waits(me, 0);
	/* Acquire: pairs with the release in give(): it was handed over. */
	if (r == 0)
		r = confirm(s, w.token, id,
			    owned(s, load_acquire(&s->word), true));
	return r;
}

/* @r of an attempt: what was announced stands only for what is held. */
static int settle(struct view *v, struct thread_rec *me, struct skirmish *s,
		  int r)
{
	if (r != 0 && r != -EOWNERDEAD)
		strike_out(v, me, s);
	return r;
}

/* One level more of what is mine already; -EBUSY it is not. */
static int deeper(struct thread_rec *me, struct skirmish *s)
{
	/* Relaxed: only a thread itself can have stored its own token. */
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) != thread_token(me))
		return -EBUSY;
	if (!load_relaxed(&s->id))
		return -EIDRM;
	if (s->depth >= SKIRMISH_DEPTH_MAX)
		return -EOVERFLOW;
	s->depth++;
	return 0;
}

/* From who waits for a call that @me executes; -EBUSY: nobody lends it. */
static int borrow(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	return load_relaxed(&me->exec) ? kind_ops[KIND_CALL].borrow(v, me, s)
				       : -EBUSY;
}

int skirmish_lock(struct view *v, struct thread_rec *me, struct skirmish *s,
		  int64_t deadline_ns)
{
	uint32_t id = load_acquire(&s->id);
	int r;

	if (!id)
		return -EIDRM;
	if (skirmish_lock_fast(me, thread_token(me), s,
			       skirmish_index(v, s) + 1))
		return settle(v, me, s, confirm(s, thread_token(me), id, 0));
	r = deeper(me, s);
	if (r == -EBUSY)
		r = borrow(v, me, s);
	if (r != -EBUSY)
		return r;
	r = announce(v, me, s);
	if (r < 0)
		return r;
	return settle(v, me, s, lock_slow(v, me, s, id, 0, deadline_ns));
}

int skirmish_try(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t id = load_acquire(&s->id);
	uint64_t seen;
	int r;

	if (!id)
		return -EIDRM;
	r = deeper(me, s);
	if (r == -EBUSY)
		r = borrow(v, me, s);
	if (r != -EBUSY)
		return r;
	r = announce(v, me, s);
	if (r < 0)
		return r;
	if (take(s, thread_token(me), 0, &seen))
		r = confirm(s, thread_token(me), id, owned(s, seen, false));
	else
		r = -EBUSY;
	return settle(v, me, s, r);
}

/* --- Giving back -----------------------------------------------------------
 */

static int not_mine(const struct skirmish *s)
{
	return load_acquire(&s->id) ? -EPERM : -EIDRM;
}

/* Only who executes a call has borrowed anything. */
static uint32_t *lent_to(const struct view *v, const struct thread_rec *me,
			 const struct skirmish *s)
{
	return load_relaxed(&me->exec)
		       ? lend_announced(v, me, skirmish_index(v, s) + 1)
		       : NULL;
}

/* The word of one who inherited it, to another who has borrowed it.  Killed
 * before the CAS: dead owner; after it: it announces what is not its own. */
static void hand_on(struct skirmish *s, uint32_t token, uint32_t next)
{
	uint64_t w = load_relaxed(&s->word);

	while (SKIRMISH_OWNER(w) == token)
		/* Release: pairs with the acquires of who takes it next. */
		if (cas_release(&s->word, &w,
				(w & ~(uint64_t)TOKEN_MASK) | next))
			break;
}

/* A level of what is borrowed.  Nobody has told @me if it has inherited it, so
 * the mark stays for the next owner. */
static int give_borrowed(struct view *v, struct thread_rec *me,
			 struct skirmish *s, uint32_t *e)
{
	uint32_t next, what = skirmish_index(v, s) + 1;
	bool told = false;
	int r;

	if (ANNOUNCED_LEVELS(*e) > 1) {
		store_relaxed(e, *e - ANNOUNCED_LEVEL);
		return 0;
	}
	r = lend_lock(v, me);
	if (r < 0)
		return r;
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) == thread_token(me)) {
		next = lend_borrower(v, me, what);
		if (next)
			hand_on(s, thread_token(me), next);
		else
			told = give(s, thread_token(me), SKIRMISH_DIED);
	}
	lend_strike(me, e);
	lend_unlock(v, me);
	return load_acquire(&s->id) ? told : -EIDRM;
}

static int unlock(struct view *v, struct thread_rec *me, struct skirmish *s,
		  uint64_t keep)
{
	uint32_t *lent;
	bool told;

	if (skirmish_unlock_fast(me, thread_token(me), s,
				 skirmish_index(v, s) + 1))
		return 0;
	lent = lent_to(v, me, s);
	if (lent)
		return give_borrowed(v, me, s, lent);
	/* Relaxed: as in deeper(). */
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) != thread_token(me))
		/* Held, destroyed, and the place used again? */
		return strike_out(v, me, s) ||
				       lend_forget(v, me,
						   skirmish_index(v, s) + 1)
			       ? -EIDRM
			       : not_mine(s);
	told = give(s, thread_token(me), keep);
	strike_out(v, me, s);
	return load_acquire(&s->id) ? told : -EIDRM;
}

int skirmish_unlock(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	return unlock(v, me, s, 0);
}

void skirmish_back_out(struct view *v, struct thread_rec *me,
		       struct skirmish *s)
{
	unlock(v, me, s, SKIRMISH_DIED);
}

int skirmish_consistent(struct thread_rec *me, struct skirmish *s)
{
	uint64_t w = load_relaxed(&s->word);

	if (SKIRMISH_OWNER(w) != thread_token(me))
		return not_mine(s);
	if (!(w & SKIRMISH_DIED))
		return -EINVAL;
	/* Relaxed: it stays mine. */
	while (!cas_relaxed(&s->word, &w, w & ~SKIRMISH_DIED))
		;
	return 0;
}

uint32_t skirmish_depth(const struct thread_rec *me, const struct skirmish *s)
{
	if (SKIRMISH_OWNER(load_relaxed(&s->word)) != thread_token(me))
		return 0;
	return s->depth + 1;
}

uint32_t skirmish_levels(const struct view *v, const struct thread_rec *me,
			 const struct skirmish *s)
{
	const uint32_t *e = lent_to(v, me, s);
	uint32_t own = skirmish_depth(me, s);

	return e ? ANNOUNCED_LEVELS(*e) + (own ? own - 1 : 0) : own;
}

/* What is @me's, and was perhaps borrowed and inherited, is its own alone.  1:
 * it is so now; 0 it was before; -EPERM others have borrowed it, who wait for
 * this upcall and count on it. */
static int adopt(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint32_t *e;
	int r;

	if (!load_relaxed(&me->exec))
		return 0;
	r = lend_lock(v, me);
	if (r < 0)
		return r;
	e = lent_to(v, me, s);
	r = 0;
	if (lend_borrower(v, me, skirmish_index(v, s) + 1)) {
		r = -EPERM;
	} else if (e) {
		s->depth += ANNOUNCED_LEVELS(*e) - 1;
		compiler_fence();
		store_release(e, ANNOUNCED_WHAT(*e));
		r = 1;
	}
	lend_unlock(v, me);
	return r;
}

/* --- The condition ---------------------------------------------------------
 */

/* Asleep until seq is not @seq any more.  0, -ETIMEDOUT. */
static int sleep_on_seq(struct skirmish *s, uint32_t seq, int64_t deadline)
{
	for (;;) {
		int64_t left = -1;
		int r;

		if (deadline >= 0) {
			left = deadline - clock_monotonic_ns();
			if (left <= 0)
				return -ETIMEDOUT;
		}
		r = futex_wait(&s->seq, seq, left);
		/* Acquire: pairs with the release in skirmish_notify(). */
		if (r == 0 || load_acquire(&s->seq) != seq)
			return 0;
	}
}

/* The lock stays announced all the while.  Killed asleep: recovery finds
 * nothing to free, and wakes those whose notify it may have eaten. */
int skirmish_wait(struct view *v, struct thread_rec *me, struct skirmish *s,
		  int64_t deadline_ns)
{
	uint32_t id = load_acquire(&s->id), depth, seq;
	uint64_t seen, keep;
	int slept, r;

	if (!id || !skirmish_depth(me, s))
		return not_mine(s);
	r = adopt(v, me, s);
	if (r < 0)
		return r;
	/* Nobody has told who inherited it. */
	keep = r ? SKIRMISH_DIED : 0;
	depth = s->depth;
	/* Read while it is mine: no notify comes in between. */
	seq = load_relaxed(&s->seq);
	s->depth = 0;
	give(s, thread_token(me), keep);
	if (SEED_BUG(23))
		seq = load_relaxed(&s->seq);
	slept = sleep_on_seq(s, seq, deadline_ns);
	if (take(s, thread_token(me), SKIRMISH_WAIT, &seen))
		r = confirm(s, thread_token(me), id, owned(s, seen, false));
	else
		r = lock_slow(v, me, s, id, SKIRMISH_WAIT, -1);
	if (r != 0 && r != -EOWNERDEAD)
		return settle(v, me, s, r);
	s->depth = depth;
	return r ? r : slept;
}

/* Sleepers go over to the lock's own queue, where each unlock wakes one.
 * Killed before they do: recovery of the owner wakes them all. */
int skirmish_notify(struct view *v, struct thread_rec *me, struct skirmish *s,
		    bool all)
{
	uint64_t w = load_relaxed(&s->word);
	uint32_t seq;

	(void)v;
	if (SKIRMISH_OWNER(w) != thread_token(me))
		return not_mine(s);
	/* Release: pairs with the acquire in sleep_on_seq(). */
	seq = add_release(&s->seq, 1) + 1;
	while (!(w & SKIRMISH_WAIT) &&
	       !cas_relaxed(&s->word, &w, w | SKIRMISH_WAIT))
		;
	if (futex_requeue(&s->seq, seq, futex_of(s), all ? INT_MAX : 1) < 0)
		futex_wake(&s->seq, INT_MAX);
	return 0;
}

/* --- Waiting without sleeping ----------------------------------------------
 */

int skirmish_queue(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	bool queued = load_relaxed(&me->waits_for) == skirmish_index(v, s) + 1;
	struct wait w = {.s = s, .token = thread_token(me)};
	uint32_t id = load_acquire(&s->id);
	int r;

	if (!queued) {
		r = id ? deeper(me, s) : -EIDRM;
		if (r != -EBUSY)
			return r;
		r = announce(v, me, s);
		if (r < 0)
			return r;
		waits(me, skirmish_index(v, s) + 1);
		/* Of which lock here: kept in the record, as it may be another
		 * one when we come again. */
		me->waits_id = id;
	}
	do {
		w.seen = load_acquire(&s->word);
		r = load_acquire(&s->id) != me->waits_id ? -EIDRM
							 : queue_up(&w, true);
	} while (r == -EAGAIN);
	if (r == 0)
		return -EBUSY;
	if (r < 0 && withdraw(s, w.token, &w.seen))
		give(s, w.token, SKIRMISH_DIED);
	waits(me, 0);
	if (r == 1)
		r = confirm(s, w.token, me->waits_id,
			    owned(s, load_acquire(&s->word), queued));
	return settle(v, me, s, r);
}

void skirmish_unqueue(struct view *v, struct thread_rec *me, struct skirmish *s)
{
	uint64_t seen;

	if (load_relaxed(&me->waits_for) != skirmish_index(v, s) + 1)
		return;
	if (withdraw(s, thread_token(me), &seen))
		give(s, thread_token(me), SKIRMISH_DIED);
	waits(me, 0);
	strike_out(v, me, s);
}

/* --- Rings -----------------------------------------------------------------
 */

const struct thread_rec *skirmish_blocker(const struct view *v,
					  const struct thread_rec *t,
					  uint32_t *ret_index)
{
	uint32_t i = load_acquire(&t->waits_for), owner;
	const struct thread_rec *holder;
	const struct skirmish *s;

	if (!i || i > table_hi(v, KIND_SKIRMISH))
		return NULL;
	s = view_entry(v, KIND_SKIRMISH, i - 1);
	owner = SKIRMISH_OWNER(load_acquire(&s->word));
	if (!load_acquire(&s->id))
		return NULL;
	holder = thread_by_token(v, owner);
	if (!holder || holder == t)
		return NULL;
	*ret_index = i - 1;
	return holder;
}

static bool walk_ring(const struct view *v, const struct thread_rec *me,
		      uint32_t *ret_n)
{
	uint32_t most = view_hi(&v->sb->threads_hi, v->geo.max_threads), i;
	const struct thread_rec *t = me;

	for (uint32_t n = 1; n <= most; n++) {
		t = skirmish_blocker(v, t, &i);
		if (!t)
			return false;
		if (t == me) {
			*ret_n = n;
			return n > 1;
		}
	}
	return false;
}

/* Looked at twice: who has just been given a lock is not yet seen to have
 * stopped waiting. */
bool skirmish_in_ring(const struct view *v, const struct thread_rec *me,
		      uint32_t *ret_n)
{
	uint32_t first, second;

	if (!walk_ring(v, me, &first) || !walk_ring(v, me, &second) ||
	    first != second)
		return false;
	if (ret_n)
		*ret_n = first;
	return true;
}

/* --- Recovery --------------------------------------------------------------
 */

/* true: it was held by @token.  @next_owner has it then, 0 nobody. */
static bool take_from(struct skirmish *s, uint32_t token, uint32_t next_owner)
{
	uint64_t w = load_relaxed(&s->word), next;
	bool held;

	do {
		held = SKIRMISH_OWNER(w) == token;
		next = w;
		if (SKIRMISH_HEIR(w) == token)
			next = (uint32_t)next;
		if (held) {
			/* Nobody else writes it while the dead one owns it. */
			s->depth = 0;
			next = (next & ~(uint64_t)UINT32_MAX) | SKIRMISH_DIED;
			if (next_owner)
				next |= next_owner | (w & SKIRMISH_WAIT);
		}
		/* Release: the next owner sees the heap recovered. */
	} while (!cas_release(&s->word, &w, next));
	return held;
}

/* @t's, and @lends: who has borrowed it inherits it.  true: it was held. */
static bool recover_one(struct view *v, const struct thread_rec *t,
			struct skirmish *s, bool lends)
{
	uint32_t token = thread_token(t), next = 0;
	bool held = SKIRMISH_OWNER(load_acquire(&s->word)) == token;

	if (held && lends)
		next = lend_borrower(v, t, skirmish_index(v, s) + 1);
	held = take_from(s, token, next);
	if (held)
		add_relaxed(&s->recovered, 1);
	/* All: the dead one may have owed a wake, or eaten one. */
	if (!SEED_BUG(24)) {
		futex_wake(futex_of(s), INT_MAX);
		futex_wake(&s->seq, INT_MAX);
	}
	return held;
}

/* What was held, for the events. */
struct held {
	uint32_t n, index[THREAD_SKIRMISHES];
};

static void recover_all(struct view *v, struct thread_rec *t, bool lends,
			struct held *ret)
{
	uint32_t hi = table_hi(v, KIND_SKIRMISH);

	lend_tell(v, t);
	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t i = ANNOUNCED_WHAT(load_relaxed(&t->skirmishes[k]));

		if (i && i <= hi && thread_token(t) &&
		    recover_one(v, t, view_entry(v, KIND_SKIRMISH, i - 1),
				lends))
			ret->index[ret->n++] = i - 1;
		store_release(&t->skirmishes[k], 0u);
	}
	t->n_skirmishes = 0;
}

int skirmish_recover(struct view *v, struct thread_rec *t,
		     struct thread_rec *me)
{
	/* Nobody borrows from the daemon's visitors. */
	bool lends = load_relaxed(&t->member) != 1;
	struct held held = {.n = 0};
	int r = lends ? lend_lock(v, me) : 0;

	if (r < 0)
		return r;
	recover_all(v, t, lends, &held);
	if (lends)
		lend_unlock(v, me);
	waits(t, 0);
	/* Not with the lock: the event lock would be waited for. */
	for (uint32_t k = 0; k < held.n; k++) {
		const struct skirmish *s =
			view_entry(v, KIND_SKIRMISH, held.index[k]);

		event_log(v, me, EVENT_RECOVERED, thread_member_id(v, t),
			  "skirmish %.*s", ENTRY_NAME_MAX, s->e.name);
	}
	return 0;
}

/* --- The checker -----------------------------------------------------------
 */

unsigned skirmish_check(struct view *v, void (*report)(void *, const char *),
			void *ctx)
{
	uint32_t hi = table_hi(v, KIND_SKIRMISH);
	unsigned faults = 0;

	for (uint32_t i = 0; i < hi; i++) {
		const struct skirmish *s = view_entry(v, KIND_SKIRMISH, i);
		uint64_t w = load_relaxed(&s->word);
		const char *what = NULL;

		if (load_relaxed(&s->e.state) != ENTRY_USED)
			continue;
		if (load_relaxed(&s->id) != load_relaxed(&s->e.id))
			what = "skirmish: id is not its own";
		else if (SKIRMISH_OWNER(w) &&
			 !thread_by_token(v, SKIRMISH_OWNER(w)))
			what = "skirmish: held by nobody";
		else if (SKIRMISH_HEIR(w) &&
			 !thread_by_token(v, SKIRMISH_HEIR(w)))
			what = "skirmish: nobody is its heir";
		if (what && report)
			report(ctx, what);
		faults += !!what;
	}
	return faults;
}

unsigned skirmish_check_thread(const struct view *v, const struct thread_rec *t)
{
	uint32_t hi = table_hi(v, KIND_SKIRMISH);
	unsigned faults = 0;

	for (unsigned k = 0; k < THREAD_SKIRMISHES; k++) {
		uint32_t i = load_relaxed(&t->skirmishes[k]);
		const struct skirmish *s;

		if (!i || i == load_relaxed(&t->waits_for) ||
		    i & ANNOUNCED_BORROWED)
			continue;
		s = i <= hi ? view_entry(v, KIND_SKIRMISH, i - 1) : NULL;
		faults += !s || SKIRMISH_OWNER(load_relaxed(&s->word)) !=
					thread_token(t);
	}
	return faults;
}
