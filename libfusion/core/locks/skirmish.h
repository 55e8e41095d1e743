/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: a recursive, robust lock with a condition, owned by a thread
 *
 *            CAS 0 -> me                   a waiter: CAS |WAIT, maybe heir = me
 *   FREE ----------------------> HELD(me) ----------------------->
 * HELD(me)|WAIT ^ ^                          |    | depth > 0: depth-- |      |
 *    | +------ CAS me -> 0 -------+    +                             |      |
 *    +-------- CAS -> 0, then wake one ------------------------------+      |
 *                                 HELD(heir)|WAIT <-- CAS, wake the heir ---+
 *   HELD(dead) -- recovery: CAS -> DIED (keeping an heir that lives), wake all
 *   DIED -- CAS --> HELD(me)|DIED: lock says -EOWNERDEAD; the mark goes with
 *                   skirmish_consistent() or unlock; if I die too, so does the
 *                   next owner get it
 *
 * Owner, flags and heir are one 64-bit word, so that handing over, taking the
 * inheritance back at a time-out and dying have one commit each: a CAS.  The
 * low half is what waiters sleep on.
 *
 * A lock is announced in thread_rec.skirmishes before the CAS that may take it
 * and struck out after the wake that may be owed, so recovery looks at what the
 * dead thread announced and at nothing else:
 *   word == dead     DIED, wake all
 *   heir == dead     heir = 0, wake all
 *   else             wake all: it may have owed a wake, or eaten one
 *
 * Waiters spin a little, ever more rarely (a busy poller takes the line away
 * from the owner), then sleep with WAIT set.  Who has waited HEIR_AFTER_NS
 * becomes the heir: the next unlock hands over to it and to nobody else, so
 * each waiter gets the lock in bounded time.
 *
 * Lent to who executes a call of its owner: lend.h.
 */
#ifndef FUSION_CORE_SKIRMISH_H
#define FUSION_CORE_SKIRMISH_H

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/names/table.h"

#define SKIRMISH_WAIT 0x80000000ull
#define SKIRMISH_DIED 0x40000000ull
#define SKIRMISH_HEIR(word) ((uint32_t)((word) >> 32))
#define SKIRMISH_OWNER(word) ((uint32_t)(word)&TOKEN_MASK)

struct skirmish {
	struct entry e;
	uint8_t pad0[32];

	uint64_t word;	    /* atomic: heir's token, flags, owner's token */
	uint32_t id;	    /* atomic: e.id, 0 once destroyed */
	uint32_t depth;	    /* owner only: levels beyond the first */
	uint32_t seq;	    /* atomic, futex: +1 at each notify */
	uint32_t flags;	    /* SKIRMISH_... of creation */
	uint32_t spin;	    /* hint: pauses that a wait took lately */
	uint32_t recovered; /* atomic: owners that died */
	uint64_t taken;	    /* owner only, as is the next */
	uint64_t contended; /* taken after a wait */
	uint8_t pad1[80];
};
static_assert(sizeof(struct skirmish) == ENTRY_SIZE, "ABI: bump FORMAT");
static_assert(offsetof(struct skirmish, word) == 128, "ABI: bump FORMAT");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "futex in low half");

#define SKIRMISH_DEPTH_MAX (UINT32_MAX - 1)

/* thread_rec.skirmishes[]: index + 1, and for a borrowed one which of
 * lent_ids[] is its id, and its levels. */
#define ANNOUNCED_WHAT(e) ((e)&0x7ffffu)
#define ANNOUNCED_BORROWED 0x80000000u
#define ANNOUNCED_ID(e) ((e) >> 19 & 0xfu)
#define ANNOUNCED_WITH_ID(i) ((uint32_t)(i) << 19)
#define ANNOUNCED_LEVEL (1u << 23)
#define ANNOUNCED_LEVELS(e) ((e) >> 23 & 0xffu)
static_assert(THREAD_LENT == ANNOUNCED_ID(UINT32_MAX) + 1, "four bits");

/* skirmish.flags: -EDEADLK rather than a wait that closes a ring. */
#define SKIRMISH_ERRORCHECK 0x1u

int skirmish_create(struct view *v, struct thread_rec *me, const char *name,
		    uint32_t flags, uint32_t creator, struct skirmish **ret);
/* Waiters get -EIDRM.  0, -EIDRM. */
int skirmish_destroy(struct view *v, struct thread_rec *me, struct skirmish *s);

/*
 * Take @s, waiting until @deadline_ns (CLOCK_MONOTONIC; < 0 for ever).  0;
 * -EOWNERDEAD taken, and its last owner died; or not taken: -ETIMEDOUT,
 * -EDEADLK (of an ERRORCHECK one), -EIDRM destroyed, -EMFILE this thread has
 * THREAD_SKIRMISHES already, -EOVERFLOW too deep.
 */
int skirmish_lock(struct view *v, struct thread_rec *me, struct skirmish *s,
		  int64_t deadline_ns);
/* The same without waiting, else -EBUSY. */
int skirmish_try(struct view *v, struct thread_rec *me, struct skirmish *s);
/* 0, 1 and somebody was woken; -EPERM not mine, -EIDRM destroyed. */
int skirmish_unlock(struct view *v, struct thread_rec *me, struct skirmish *s);
/* One level back, but the mark of a dead owner stays for the next one. */
void skirmish_back_out(struct view *v, struct thread_rec *me,
		       struct skirmish *s);
/* The mark of a dead owner goes.  0, -EPERM not mine, -EINVAL no mark. */
int skirmish_consistent(struct thread_rec *me, struct skirmish *s);
/* Levels that @me has, 0 none. */
uint32_t skirmish_depth(const struct thread_rec *me, const struct skirmish *s);

/* The same with those that are borrowed. */
uint32_t skirmish_levels(const struct view *v, const struct thread_rec *me,
			 const struct skirmish *s);
/* Give all levels back, sleep until the next notify, take them again.  May
 * return without a notify.  As skirmish_lock(), -EPERM not mine, or while
 * others have borrowed it (lend.h); -ETIMEDOUT is returned with the lock held.
 */
int skirmish_wait(struct view *v, struct thread_rec *me, struct skirmish *s,
		  int64_t deadline_ns);
/* 0, -EPERM not mine. */
int skirmish_notify(struct view *v, struct thread_rec *me, struct skirmish *s,
		    bool all);

/*
 * For who must not sleep (the daemon, with a record for each of its visitors):
 * skirmish_try(), and if that is busy stay announced as a waiter, heir if there
 * is none; ask again when it may be free.  0 and -EOWNERDEAD: taken, the wait
 * is over; -EBUSY still waiting; else the wait is over, not taken.
 */
int skirmish_queue(struct view *v, struct thread_rec *me, struct skirmish *s);
/* Give that wait up.  If it has just been handed over, it is given back. */
void skirmish_unqueue(struct view *v, struct thread_rec *me,
		      struct skirmish *s);

/* Is @me's wait one of a ring?  *ret_n threads are in it. */
bool skirmish_in_ring(const struct view *v, const struct thread_rec *me,
		      uint32_t *ret_n);
/* Whom does the thread of @t wait for?  Its record, checked; *ret is a private
 * copy of the lock's word and *ret_index its index.  NULL: it waits for none,
 * or nobody has it. */
const struct thread_rec *skirmish_blocker(const struct view *v,
					  const struct thread_rec *t,
					  uint32_t *ret_index);

/* The thread of @t is gone: what it held is DIED, and it waits for nothing any
 * more; what it had borrowed is its lender's alone.  @me locks and logs.
 * Idempotent.  0, -ETIMEDOUT. */
int skirmish_recover(struct view *v, struct thread_rec *t,
		     struct thread_rec *me);

void skirmish_init(struct view *v, void *rec, const void *arg); /* kinds.c */
void skirmish_fini(struct view *v, void *rec);

/* Faults of a quiet arena's skirmishes: a word that is nobody's. */
unsigned skirmish_check(struct view *v, void (*report)(void *, const char *),
			void *ctx);

/* As many announcements of @t are not of what it has or waits for. */
unsigned skirmish_check_thread(const struct view *v,
			       const struct thread_rec *t);

static inline uint32_t skirmish_index(const struct view *v,
				      const struct skirmish *s)
{
	return (uint32_t)((view_off(v, s) - v->geo.tables[KIND_SKIRMISH].off) /
			  ENTRY_SIZE);
}

/* --- What is done nearly always --------------------------------------------
 */

/*
 * Free, or mine already: taken, and true.  Else nothing has happened.
 * @what is the index + 1.  Killed after the announcement: recovery finds
 * another's word, or none.
 */
static inline bool skirmish_lock_fast(struct thread_rec *me, uint32_t token,
				      struct skirmish *s, uint32_t what)
{
	/* Relaxed: only a thread itself can have stored its own token. */
	uint64_t w = load_relaxed(&s->word);
	uint32_t n = me->n_skirmishes;

	if (SKIRMISH_OWNER(w) == token) {
		if (s->depth >= SKIRMISH_DEPTH_MAX || !load_relaxed(&s->id))
			return false;
		s->depth++;
		return true;
	}
	if (w || n >= THREAD_SKIRMISHES)
		return false;
	if (!SEED_BUG(21))
		store_relaxed(&me->skirmishes[n], what);
	compiler_fence();
	/* Acquire: pairs with the releases in skirmish_unlock_fast(), give()
	 * and recovery; what the last owner wrote is ours to see. */
	if (!cas_acquire(&s->word, &w, (uint64_t)token)) {
		compiler_fence();
		store_relaxed(&me->skirmishes[n], 0);
		return false;
	}
	if (SEED_BUG(21))
		store_relaxed(&me->skirmishes[n], what);
	me->n_skirmishes = n + 1;
	s->taken++;
	/* Destroyed: nobody else wants it; unlock says so. */
	return true;
}

/* Mine, and nobody waits: given back, and true.  Else nothing has happened. */
static inline bool skirmish_unlock_fast(struct thread_rec *me, uint32_t token,
					struct skirmish *s, uint32_t what)
{
	uint64_t w = load_relaxed(&s->word);
	uint32_t n = me->n_skirmishes;

	if (SKIRMISH_OWNER(w) != token)
		return false;
	if (s->depth) {
		s->depth--;
		return true;
	}
	if (w != token || n - 1 >= THREAD_SKIRMISHES ||
	    load_relaxed(&me->skirmishes[n - 1]) != what)
		return false;
	if (SEED_BUG(22))
		store_relaxed(&me->skirmishes[n - 1], 0);
	/* Release: pairs with the acquires of the next owner.  Commit. */
	if (!cas_release(&s->word, &w, 0))
		return false;
	compiler_fence();
	store_relaxed(&me->skirmishes[n - 1], 0);
	me->n_skirmishes = n - 1;
	return true;
}

#endif
