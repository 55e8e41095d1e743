/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Skirmish: a recursive, robust lock with a condition, owned by a thread
 *
 *   FREE            take: CAS                            HELD(me)
 *   HELD(me)        unlock: CAS                          FREE
 *   HELD(me)        a waiter: CAS, heir if it is time    HELD(me)|WAIT
 *   HELD(me)|WAIT   unlock, no heir: CAS, wake one       FREE
 *   HELD(me)|WAIT   unlock, an heir: CAS, wake the heir  HELD(heir)|WAIT
 *   HELD(dead)      recovery: CAS, wake all              DIED
 *   DIED            take: CAS                            HELD(me)|DIED
 *   HELD(me)|DIED   skirmish_consistent(): CAS           HELD(me)
 *
 * Recovery keeps an heir that lives.  Levels beyond the first change only
 * `depth`.  A thread that gets HELD|DIED is told -EOWNERDEAD.  All other steps
 * keep the mark DIED: only skirmish_consistent() clears it.  So each next owner
 * is told until one has mended the data, whether the owners before it unlocked
 * or died.
 *
 * Owner, flags and heir are one 64-bit word.  So each step has one commit, a
 * CAS: taking, handing over, giving up an inheritance at a time-out, dying.
 * Waiters sleep on the low half of the word.
 *
 * A thread announces the lock in thread_rec.skirmishes before the CAS that may
 * take it, and strikes it out after the wake that it may owe.  So recovery
 * reads the announcements of the dead thread and no other list:
 *   word == dead     DIED, wake all
 *   heir == dead     heir = 0, wake all
 *   else             wake all: the dead thread may have owed or consumed a wake
 * "Wake all" includes the sleepers of the condition, and those on the way to
 * sleep: recovery adds 1 to seq.
 *
 * A waiter spins a little, ever more rarely (a busy poller takes the cache line
 * away from the owner), then sleeps with WAIT set.  After HEIR_AFTER_NS it
 * becomes the heir, if there is none.  The next unlock hands the lock to the
 * heir and to no other thread, so each waiter gets the lock in bounded time.
 *
 *   skirmish.c          creation, announcements, taking
 *   skirmish_queue.c    waiting, asleep or (the daemon) without sleeping
 *   skirmish_give.c     giving back, and the levels that a thread has
 *   skirmish_cond.c     the condition
 *   skirmish_ring.c     rings of waiters, which are deadlocks
 *   skirmish_recover.c  recovery of the dead, and the checker
 *   lend.c              lending to the thread that executes the owner's call
 */
#ifndef FUSION_CORE_SKIRMISH_H
#define FUSION_CORE_SKIRMISH_H

#include <errno.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/base/wait.h"
#include "libfusion/core/names/table.h"

#define SKIRMISH_WAIT 0x80000000ull
#define SKIRMISH_DIED 0x40000000ull
#define SKIRMISH_HEIR(word) ((uint32_t)((word) >> 32))
#define SKIRMISH_OWNER(word) ((uint32_t)(word)&TOKEN_MASK)

/*
 * Invariant: while the word names an owner, only that thread writes `depth`,
 * `taken` and `contended`.  Dead owner: skirmish_recover() frees the word.
 */
struct skirmish {
	struct entry e;
	uint8_t pad0[32];

	uint64_t word;	    /* atomic: heir's token, flags, owner's token */
	uint32_t id;	    /* atomic: e.id, 0 once destroyed */
	uint32_t depth;	    /* owner only: levels beyond the first */
	uint32_t seq;	    /* atomic, futex: +1 at each notify or death */
	uint32_t flags;	    /* SKIRMISH_... of creation */
	uint32_t spin;	    /* atomic hint: average pauses of a short wait */
	uint32_t recovered; /* atomic: owners that died */
	uint64_t taken;	    /* owner only: how often it was taken */
	uint64_t contended; /* owner only: how often after a wait */
	uint8_t pad1[80];
};
static_assert(sizeof(struct skirmish) == ENTRY_SIZE, "ABI: bump FORMAT");
static_assert(offsetof(struct skirmish, word) == 128, "ABI: bump FORMAT");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "futex in low half");

#define SKIRMISH_DEPTH_MAX (UINT32_MAX - 1)

/*
 * One announcement, a word of thread_rec.skirmishes[]: the index of the lock
 * + 1.  If the thread has borrowed the lock, also BORROWED, which of lent_ids[]
 * is the lock's id, and how many levels the thread has.
 */
#define ANNOUNCED_WHAT(e) ((e)&0x7ffffu)
#define ANNOUNCED_BORROWED 0x80000000u
#define ANNOUNCED_ID(e) ((e) >> 19 & 0xfu)
#define ANNOUNCED_WITH_ID(i) ((uint32_t)(i) << 19)
#define ANNOUNCED_LEVEL (1u << 23)
#define ANNOUNCED_LEVELS(e) ((e) >> 23 & 0xffu)
static_assert(THREAD_LENT == ANNOUNCED_ID(UINT32_MAX) + 1, "four bits");

/* skirmish.flags: a wait that would close a ring returns -EDEADLK. */
#define SKIRMISH_ERRORCHECK 0x1u

/*
 * Create a skirmish called @name, or a nameless one if @name is NULL.
 * 0 and *ret; or the errors of table_add().
 */
int skirmish_create(struct view *v, struct thread_rec *me, const char *name,
		    uint32_t flags, uint32_t creator, struct skirmish **ret);
/*
 * Destroy @s.  Threads that wait for it get -EIDRM.
 * 0; -EIDRM it is destroyed already; else as table_remove().
 */
int skirmish_destroy(struct view *v, struct thread_rec *me, struct skirmish *s);

/*
 * Lock @s, waiting as @wait says.
 * 0 locked.
 * -EOWNERDEAD locked, and the last owner died.
 * -ETIMEDOUT, -EINTR not locked, like all errors below.
 * -EDEADLK the wait would close a ring; only if @s has SKIRMISH_ERRORCHECK.
 * -EIDRM @s is destroyed.
 * -ENOLCK this thread announces THREAD_SKIRMISHES locks already.
 * -EOVERFLOW this thread has SKIRMISH_DEPTH_MAX levels already.
 */
int skirmish_lock(struct view *v, struct thread_rec *me, struct skirmish *s,
		  struct wait *wait);
/* Lock @s without waiting.  As skirmish_lock(), but -EBUSY where that waits. */
int skirmish_try(struct view *v, struct thread_rec *me, struct skirmish *s);

/* Initialize a record: kind_ops.init(). */
void skirmish_init(struct view *v, void *rec, const void *arg);
/* Turn the users of a removed record away: kind_ops.fini(). */
void skirmish_fini(struct view *v, void *rec);

/* --- For the files of the skirmish only ------------------------------------
 */

/* Announce @s in @me, before a CAS may take it.  0, -ENOLCK. */
int skirmish_announce(struct view *v, struct thread_rec *me,
		      struct skirmish *s);
/* Strike the announcement of @s out.  false: @me did not announce it. */
bool skirmish_strike(struct view *v, struct thread_rec *me,
		     const struct skirmish *s);
/*
 * Store @token as owner of the word, together with the flags @more, if the word
 * has no owner.  true, and *seen is the word before; false, and *seen is the
 * word that is in the way.
 */
bool skirmish_take(struct skirmish *s, uint32_t token, uint64_t more,
		   uint64_t *seen);
/*
 * Begin the first level of @s, whose word the caller has just got; @w is a word
 * with the mark of a dead owner, if there was one.  0, -EOWNERDEAD.
 */
int skirmish_begin(struct skirmish *s, uint64_t w, bool contended);
/* Return @r if @s, which @token has just taken, still has @id.  Else give @s
 * back and return -EIDRM. */
int skirmish_confirm(struct skirmish *s, uint32_t token, uint32_t id, int r);
/* Strike @s out unless @r, the result of an attempt, says that @me has it.
 * Returns @r. */
int skirmish_settle(struct view *v, struct thread_rec *me, struct skirmish *s,
		    int r);
/* Add a level to @s, which @me holds.  0; -EBUSY @me does not hold it; -EIDRM;
 * -EOVERFLOW. */
int skirmish_deepen(struct thread_rec *me, struct skirmish *s);

/* Waiters sleep on this half of the word. */
static inline const uint32_t *skirmish_futex(const struct skirmish *s)
{
	return (const uint32_t *)&s->word;
}

/* The futex bit of the thread with @token.  An heir is woken by its bit, which
 * wakes the heir alone unless another waiter has that bit, too. */
static inline uint32_t skirmish_wake_bit(uint32_t token)
{
	return 1u << (TOKEN_SLOT(token) % 32);
}

/* Compute the index of @s in its table. */
static inline uint32_t skirmish_index(const struct view *v,
				      const struct skirmish *s)
{
	return (uint32_t)((view_off(v, s) - v->geo.tables[KIND_SKIRMISH].off) /
			  ENTRY_SIZE);
}

/* --- Fast paths: no waiter, no death, nothing borrowed ---------------------
 */

/*
 * Lock @s if it is free, or add a level if the thread with @token holds it.
 * true locked; false nothing has changed.  @what is the lock's index + 1.
 * Killed after the announcement and before the CAS: recovery finds a word that
 * is another thread's or free.
 */
static inline bool skirmish_lock_fast(struct thread_rec *me, uint32_t token,
				      struct skirmish *s, uint32_t what)
{
	/* Relaxed: a thread's token stays in the word until the thread takes it
	 * out, and the CAS compares any other word. */
	uint64_t w = load_relaxed(&s->word);
	uint32_t n = me->n_skirmishes;

	/* Relaxed: if this load misses that @s is destroyed, the unlock of the
	 * first level says so. */
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
	/* The new owner must see what the last owner wrote.  Acquire: pairs
	 * with the releases in skirmish_unlock_fast(), skirmish_give() and
	 * skirmish_recover_word(). */
	if (!cas_acquire(&s->word, &w, (uint64_t)token)) {
		compiler_fence();
		store_relaxed(&me->skirmishes[n], 0);
		return false;
	}
	if (SEED_BUG(21))
		store_relaxed(&me->skirmishes[n], what);
	me->n_skirmishes = n + 1;
	s->taken++;
	/* If @s is destroyed, no other thread takes it; unlock says so. */
	return true;
}

/*
 * Give one level of @s back if the thread with @token holds it and, for the
 * last level, nobody waits.  true done; false nothing has changed.
 */
static inline bool skirmish_unlock_fast(struct thread_rec *me, uint32_t token,
					struct skirmish *s, uint32_t what)
{
	/* Relaxed: the CAS compares it. */
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
	/* Commit.  The next owner must see what this one wrote.  Release: pairs
	 * with the acquires in skirmish_lock_fast() and skirmish_take(). */
	if (!cas_release(&s->word, &w, 0))
		return false;
	compiler_fence();
	store_relaxed(&me->skirmishes[n - 1], 0);
	me->n_skirmishes = n - 1;
	return true;
}

#endif
