/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Skirmishes: recursive locks between the threads of all members.
 *
 * A skirmish belongs to the thread that locked it.  That thread may lock it
 * again; it is free when the thread has unlocked it as often.
 *
 * The founding verbs of Fusion are other names of the same functions: to
 * prevail is to lock, to swoop is to try, and to dismiss is to unlock.
 *
 * If the owner dies, ends or leaves the arena, the skirmish gets the dead-owner
 * mark.  The next thread to lock it gets it with -EOWNERDEAD.  That thread
 * holds the lock, and must check the data that the lock guards: the dead owner
 * may have left it half changed.  The mark stays until
 * fusion_skirmish_consistent() says that the data is repaired.  Until then
 * every next owner gets -EOWNERDEAD.
 *
 * The handle is a pointer that is valid in every member and may be stored in
 * shared data.  Any thread may use it, but not a signal handler.  Locking and
 * unlocking a skirmish that no other thread wants takes two atomic operations
 * and no system call.
 *
 * If the owner waits for a call, the thread that executes the call borrows the
 * skirmish; see fusion/call.h.
 *
 * In the mounted tree a skirmish is the file skirmishes/NAME.  flock(1) locks
 * it.
 */
#ifndef FUSION_SKIRMISH_H
#define FUSION_SKIRMISH_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A lock in an arena; see fusion_skirmish_create(). */
struct fusion_skirmish;

/** flags: fail with -EDEADLK instead of waiting for ever.  A wait lasts for
 *  ever if the owner waits, perhaps through other owners, for a skirmish that
 *  the caller holds. */
#define FUSION_SKIRMISH_ERRORCHECK 0x1u

/** Most skirmishes a thread can hold or wait for at once. */
#define FUSION_SKIRMISHES_HELD 112

/** How to create a skirmish; begin with FUSION_SKIRMISH_OPTIONS_INIT. */
struct fusion_skirmish_options {
	size_t size;	   /**< sizeof(struct fusion_skirmish_options) */
	uint32_t flags;	   /**< FUSION_SKIRMISH_ERRORCHECK or 0 */
	uint32_t reserved; /**< 0 */
};

/** All defaults, for C and C++. */
#define FUSION_SKIRMISH_OPTIONS_INIT                         \
	{                                                    \
		sizeof(struct fusion_skirmish_options), 0, 0 \
	}

/**
 * Create a skirmish, which nobody holds.
 *
 * @param arena    the arena to create it in
 * @param name     unique among the arena's skirmishes: 1 to 63 bytes without
 *                 '/' and control characters, not beginning with '.' or '#'.
 *                 NULL creates a skirmish that is called "#<id>"
 * @param options  how, or NULL for all defaults
 * @param ret      receives the handle.  The skirmish lives until
 *                 fusion_skirmish_destroy() or the arena's end; the death of
 *                 its creator does not end it
 *
 * @return
 *   0              created
 *   -EINVAL        @name or @options is not valid, or @ret is NULL
 *   -E2BIG         @options asks for what this library does not know
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EEXIST        another skirmish has that name
 *   -ENOSPC        the arena has no room for another skirmish
 *   -ENOMEM        the arena has no memory left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_skirmish_create(struct fusion_arena *arena, const char *name,
		       const struct fusion_skirmish_options *options,
		       struct fusion_skirmish **ret);

/**
 * Find the skirmish of that name, or create it.
 *
 * @param arena    the arena to search
 * @param name     the name, as for fusion_skirmish_create(), but not NULL
 * @param options  how to create it, or NULL for all defaults.  A skirmish that
 *                 exists stays as it is
 * @param ret      receives the handle
 *
 * @return 0 if it is found or created, or an error of
 *         fusion_skirmish_create(), but never -EEXIST
 *
 * All threads that open one name get the same skirmish, also if they open it at
 * the same time.  If another thread destroys the skirmish meanwhile, its handle
 * may be destroyed on return.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_skirmish_open(struct fusion_arena *arena, const char *name,
		     const struct fusion_skirmish_options *options,
		     struct fusion_skirmish **ret);

/**
 * Find a skirmish by its name.
 *
 * @param arena  the arena to search
 * @param name   the name, or "#<id>" for a skirmish without one
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        no skirmish has that name
 *   -EINVAL        no skirmish can have that name, or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_skirmish_lookup(struct fusion_arena *arena,
				      const char *name,
				      struct fusion_skirmish **ret);

/**
 * Find a skirmish by its id.
 *
 * @param arena  the arena to search
 * @param id     the id, as fusion_skirmish_id() returns it
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  no skirmish has that id, because it was destroyed
 *   -EINVAL  @id is 0, or @arena or @ret is NULL
 *
 * Takes constant time on average for a skirmish without a name; for one with a
 * name, time in proportion to the number of skirmishes.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_skirmish_get(struct fusion_arena *arena, fusion_id_t id,
				   struct fusion_skirmish **ret);

/**
 * Get the id of a skirmish.
 *
 * @param skirmish  the handle
 *
 * @return the id, which the arena gives to nothing else; 0: the skirmish is
 *         destroyed, or its arena is not one that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t
fusion_skirmish_id(const struct fusion_skirmish *skirmish);

/**
 * Destroy a skirmish, even if a thread holds it.
 *
 * @param skirmish  the lock; its handle must not be used afterwards.  NULL does
 *                  nothing
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the skirmish was destroyed before
 *   -EINVAL  @skirmish is not a skirmish
 *
 * Threads that wait for the skirmish get -EIDRM.  A thread that uses the handle
 * later gets -EIDRM too (fusion/types.h says for how long).  So make sure that
 * no member keeps the handle.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_skirmish_destroy(struct fusion_skirmish *skirmish);

/**
 * Lock the skirmish, waiting as long as necessary.
 *
 * @param skirmish  the lock
 *
 * @return
 *   0            the caller holds it, or holds it for one more level
 *   -EOWNERDEAD  the caller holds it, an owner died, and nobody has repaired
 *                the data since: repair it, then call
 *                fusion_skirmish_consistent()
 *   -EIDRM       not locked: the skirmish is destroyed
 *   -EDEADLK     not locked: the wait would last for ever
 *                (FUSION_SKIRMISH_ERRORCHECK)
 *   -ENOLCK      not locked: the thread holds FUSION_SKIRMISHES_HELD already,
 *                or has borrowed 16 in calls
 *   -EOVERFLOW   not locked: the caller holds it 2^32 - 1 times
 *   -EINVAL      not locked: no skirmish of an arena that this process is in
 *
 * Any thread.  Spins for a moment, then sleeps.  Signals do not end the wait:
 * for that call fusion_skirmish_lock_timed() with FUSION_FOREVER and
 * FUSION_WAIT_INTERRUPTIBLE.
 * After one millisecond the waiting thread becomes the heir: the next unlock
 * hands the skirmish to it, before all threads that come later.  The death of
 * the owner ends the wait, also while the daemon is gone.
 *
 * The library learns from earlier waits how long to spin.  The idea comes from
 * glibc's adaptive mutex (PTHREAD_MUTEX_ADAPTIVE_NP).
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_lock(struct fusion_skirmish *skirmish);

/**
 * Lock the skirmish: the founding name of fusion_skirmish_lock().
 *
 * @param skirmish  the lock
 *
 * @return what fusion_skirmish_lock() returns
 *
 * Any thread.  Blocks like fusion_skirmish_lock(): it is the same function.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_prevail(struct fusion_skirmish *skirmish);

/**
 * Lock the skirmish, waiting for a limited time.
 *
 * @param skirmish    the lock
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return what fusion_skirmish_lock() returns, or
 *   -ETIMEDOUT  not locked: another thread still holds it
 *   -EINTR      not locked: a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL     also: @timeout_ns or @flags is not valid
 *
 * Any thread.  Blocks like fusion_skirmish_lock(), within the limit.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_lock_timed(struct fusion_skirmish *skirmish, int64_t timeout_ns,
			   uint32_t flags);

/**
 * Lock the skirmish within a time: the founding name of
 * fusion_skirmish_lock_timed().
 *
 * @param skirmish    the lock
 * @param timeout_ns  longest wait in nanoseconds
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return what fusion_skirmish_lock_timed() returns
 *
 * Any thread.  Blocks like fusion_skirmish_lock_timed(): it is the same
 * function.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_prevail_timed(struct fusion_skirmish *skirmish,
			      int64_t timeout_ns, uint32_t flags);

/**
 * Lock the skirmish if no other thread holds it.
 *
 * @param skirmish  the lock
 *
 * @return what fusion_skirmish_lock() returns, or
 *   -EBUSY  not locked: another thread holds it
 *
 * Any thread.  Does not wait for the owner.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_trylock(struct fusion_skirmish *skirmish);

/**
 * Try to lock the skirmish: the founding name of fusion_skirmish_trylock().
 *
 * @param skirmish  the lock
 *
 * @return what fusion_skirmish_trylock() returns
 *
 * Any thread.  Does not wait for the owner: it is the same function.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_swoop(struct fusion_skirmish *skirmish);

/**
 * Unlock the skirmish for one level.
 *
 * @param skirmish  the lock
 *
 * @return
 *   0        one level less; after the last one the skirmish is free
 *   -EPERM   the caller does not hold it
 *   -EIDRM   the skirmish is destroyed
 *   -EINVAL  no skirmish of an arena that this process is in
 *
 * The dead-owner mark stays: if the caller has not called
 * fusion_skirmish_consistent(), the next owner gets -EOWNERDEAD.
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_skirmish_unlock(struct fusion_skirmish *skirmish);

/**
 * Unlock the skirmish: the founding name of fusion_skirmish_unlock().
 *
 * @param skirmish  the lock
 *
 * @return what fusion_skirmish_unlock() returns
 *
 * Any thread.  Does not block: it is the same function.
 */
FUSION_API int fusion_skirmish_dismiss(struct fusion_skirmish *skirmish);

/**
 * Clear the dead-owner mark: the data is repaired.
 *
 * @param skirmish  a lock that the caller holds, and got with -EOWNERDEAD
 *
 * @return
 *   0          the mark is cleared
 *   -EALREADY  there is no mark: no owner died since the last repair
 *   -EPERM     the caller does not hold it
 *   -EIDRM     the skirmish is destroyed
 *   -EINVAL    no skirmish of an arena that this process is in
 *
 * If the caller unlocks or dies before this call, the next owner gets
 * -EOWNERDEAD too.  A thread that has borrowed the skirmish in a call does not
 * hold it here.
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_skirmish_consistent(struct fusion_skirmish *skirmish);

/**
 * Repair the data that a dead owner left.
 *
 * @param skirmish  the lock, which the calling thread holds
 * @param ctx       the pointer that was given with the function
 *
 * @return 0 if the data is repaired, or a negative errno if it is not
 *
 * Runs on the thread that locks.  May call everything.  Must leave the lock
 * held for as many levels as it was.  May leave without returning, see
 * fusion/types.h: then the skirmish is unlocked, and its mark stays.
 */
typedef int (*fusion_skirmish_mend_fn)(struct fusion_skirmish *skirmish,
				       void *ctx);

/**
 * Lock the skirmish, and repair the data if an owner died.
 *
 * @param skirmish  the lock
 * @param mend      runs with the lock held if it has the dead-owner mark.  Its
 *                  success clears the mark, as fusion_skirmish_consistent()
 *                  does
 * @param ctx       is passed to @mend
 *
 * @return
 *   0                 the caller holds it; what it guards was repaired if that
 *                     was necessary, unless the caller held it before
 *   -ENOTRECOVERABLE  not locked: @mend returned -EOWNERDEAD
 *   -EPERM            not locked: @mend has unlocked it
 *   -EINVAL           also: @mend is NULL
 *   other             not locked: what fusion_skirmish_lock() returns, but
 *                     never -EOWNERDEAD; or the error of @mend, and the mark
 *                     stays
 *
 * A caller that holds the lock already gets one more level, and @mend does not
 * run.
 *
 * Any thread.  Blocks like fusion_skirmish_lock().  Runs @mend.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_prevail_mend(struct fusion_skirmish *skirmish,
			     fusion_skirmish_mend_fn mend, void *ctx);

/**
 * Count the levels that the calling thread holds.
 *
 * @param skirmish  the lock
 * @param ret       receives the number; 0 if the caller does not hold it.  The
 *                  levels that the caller has borrowed in a call count
 *
 * @return
 *   0        done
 *   -EIDRM   the skirmish is destroyed
 *   -EINVAL  no skirmish of an arena that this process is in, or @ret is NULL
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_skirmish_lock_count(struct fusion_skirmish *skirmish,
					  uint64_t *ret);

/** The state of a skirmish at one moment. */
struct fusion_skirmish_stat {
	fusion_id_t id;	   /**< fusion_skirmish_id() */
	fusion_id_t owner; /**< member; 0 if free, or held by a shell */
	uint64_t levels;   /**< how often the owner has to unlock; 0: free */
	bool mine;	   /**< the calling thread is the owner */
	/** The dead-owner mark: an owner died, and the data is not repaired. */
	bool died;
	uint8_t reserved[6]; /**< 0 */
};

/**
 * Get the state of a skirmish.
 *
 * @param skirmish  the lock
 * @param ret       receives the state, which may have changed meanwhile
 * @param size      sizeof(struct fusion_skirmish_stat)
 *
 * @return
 *   0        done
 *   -EIDRM   the skirmish is destroyed
 *   -EINVAL  no skirmish of an arena that this process is in, @ret is NULL, or
 *            @size is 0
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_skirmish_stat(struct fusion_skirmish *skirmish,
				    struct fusion_skirmish_stat *ret,
				    size_t size);

/**
 * Unlock all levels, sleep until a thread notifies, and lock them again.
 *
 * @param skirmish    a lock that the caller holds
 * @param timeout_ns  longest sleep in nanoseconds, or FUSION_FOREVER; locking
 *                    again afterwards takes as long as necessary
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return
 *   0            held as before; a notify came, or the sleep ended early
 *   -ETIMEDOUT   held as before; no notify came in time
 *   -EINTR       held as before; a signal handler has run during the sleep
 *                (FUSION_WAIT_INTERRUPTIBLE)
 *   -EOWNERDEAD  held as before, an owner died, and nobody has repaired the
 *                data since
 *   -EIDRM       no longer held: the skirmish is destroyed
 *   -EPERM       nothing has happened: the caller does not own it, or other
 *                threads have borrowed it in calls
 *   -EINVAL      nothing has happened: no skirmish, or @timeout_ns or @flags is
 *                not valid
 *
 * A notify that comes after this call began is never lost.  The sleep may end
 * early, for example because a notifier died.  So test the condition in a
 * loop, as with pthread_cond_wait().
 *
 * Any thread.  Blocks.  A signal does not end the wait for the lock behind the
 * sleep.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_wait(struct fusion_skirmish *skirmish, int64_t timeout_ns,
		     uint32_t flags);

/**
 * Wake one thread, or all threads, in fusion_skirmish_wait().
 *
 * @param skirmish  a lock that the caller holds
 * @param all       true wakes all waiting threads, false one
 *
 * @return
 *   0        done, also if no thread waits
 *   -EPERM   the caller does not own it
 *   -EIDRM   the skirmish is destroyed
 *   -EINVAL  no skirmish of an arena that this process is in
 *
 * The woken threads go on one after the other, once the caller has unlocked.
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_skirmish_notify(struct fusion_skirmish *skirmish,
				      bool all);

/**
 * Lock all skirmishes of a list, or none.
 *
 * @param list  handles, of one arena or several.  A handle that is in the list
 *              twice is locked twice
 * @param n     how many; 0 does nothing
 *
 * @return
 *   0            the caller holds all of them
 *   -EOWNERDEAD  the caller holds all of them, and at least one has the
 *                dead-owner mark.  For those with the mark
 *                fusion_skirmish_consistent() returns 0, for the others
 *                -EALREADY
 *   -ENOMEM      none is locked: no private memory for a list of more than 32
 *   -EINVAL      none is locked: @list is NULL
 *   other        none is locked: an error of fusion_skirmish_lock() for one of
 *                them
 *
 * Every process locks in one order, that of the addresses.  So two threads that
 * want the same skirmishes cannot wait for each other.
 *
 * Any thread.  Blocks like fusion_skirmish_lock().
 */
FUSION_API FUSION_MUST_CHECK int
fusion_skirmish_prevail_multi(struct fusion_skirmish *const *list, size_t n);

/**
 * Unlock all skirmishes of a list for one level.
 *
 * @param list  handles, in any order
 * @param n     how many
 *
 * @return 0, or an error of fusion_skirmish_unlock() for one of them; all
 *         others are unlocked nevertheless
 *
 * Any thread.  Does not block.
 */
FUSION_API int
fusion_skirmish_dismiss_multi(struct fusion_skirmish *const *list, size_t n);

FUSION_END_DECLS

#endif
