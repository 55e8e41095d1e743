/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Skirmishes: locks between the threads of all members.
 *
 * A skirmish is recursive and belongs to the thread that took it.  When its
 * owner dies, ends or leaves the arena, the next one to take it gets it with
 * -EOWNERDEAD: it holds the lock, and what the lock guards may be half done.
 *
 * A handle is valid in every member and may be stored in shared data.  All
 * functions may be called by any thread of any member, but not by signal
 * handlers.  Taking and giving back one that nobody else wants is two atomic
 * operations and no system call.
 *
 * While its owner waits in a call it is lent to who executes that
 * (fusion/call.h).
 *
 * In the mounted tree a skirmish is skirmishes/NAME, and flock(1) takes it.
 */
#ifndef FUSION_SKIRMISH_H
#define FUSION_SKIRMISH_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A lock in an arena; see fusion_skirmish_create(). */
struct fusion_skirmish;

/** flags: a wait that would never end, because the owner waits (over however
 *  many others) for a lock that the caller holds, fails with -EDEADLK. */
#define FUSION_SKIRMISH_ERRORCHECK 0x1u

/** As many a thread can hold and wait for at once. */
#define FUSION_SKIRMISHES_HELD 112

/**
 * Make a skirmish; nobody holds it.
 *
 * @param name   unique among the arena's skirmishes, 1 to 63 bytes, no '/', no
 *               control characters, not beginning with '.' or '#'; or NULL: it
 *               is then called "#<id>"
 * @param flags  FUSION_SKIRMISH_ERRORCHECK or 0
 * @param ret    the handle; it lives until fusion_skirmish_destroy() or the
 *               arena's end, whoever made it
 *
 * @return 0; -EINVAL name or flags; -ENAMETOOLONG; -EEXIST; -ENOSPC the arena
 *         has as many as it can; -ENOMEM; -EMFILE too many threads
 */
FUSION_API int fusion_skirmish_create(struct fusion_arena *arena,
				      const char *name, uint32_t flags,
				      struct fusion_skirmish **ret);

/**
 * Find a skirmish by its name, or by "#<id>".
 *
 * @return 0; -ENOENT; -EINVAL no such name is possible
 */
FUSION_API int fusion_skirmish_lookup(struct fusion_arena *arena,
				      const char *name,
				      struct fusion_skirmish **ret);

/**
 * Destroy a skirmish, held or not.  All who wait for it get -EIDRM, and so does
 * whoever uses the handle later, until the place is used for a new skirmish:
 * make sure that nobody keeps it.
 *
 * @return 0; -EIDRM it is destroyed already; -EINVAL no skirmish
 */
FUSION_API int fusion_skirmish_destroy(struct fusion_skirmish *skirmish);

/**
 * Take it, waiting as long as it needs.
 *
 * Spins for a moment, then sleeps.  A thread that has waited for a millisecond
 * is handed the lock before all who come later.  Signals do not end the wait.
 *
 * @return 0 it is the caller's, or one level deeper; -EOWNERDEAD the same, but
 *         its last owner died: mend what it guards, then
 *         fusion_skirmish_consistent(); or it is not the caller's:
 *         -EIDRM destroyed; -EDEADLK (FUSION_SKIRMISH_ERRORCHECK); -EMFILE the
 *         thread holds FUSION_SKIRMISHES_HELD, or has borrowed 16 in calls;
 *         -EOVERFLOW; -EINVAL no skirmish of an arena that the process is in;
 *         -ENOMEM
 */
FUSION_API int fusion_skirmish_prevail(struct fusion_skirmish *skirmish);

/** The same, waiting at most @timeout_ns (FUSION_FOREVER: no limit); then
 *  -ETIMEDOUT. */
FUSION_API int fusion_skirmish_prevail_timed(struct fusion_skirmish *skirmish,
					     int64_t timeout_ns);

/** The same without waiting: -EBUSY if another thread has it. */
FUSION_API int fusion_skirmish_swoop(struct fusion_skirmish *skirmish);

/**
 * Give one level back; with the last one, the lock.  Ends the mark of a dead
 * owner, also without fusion_skirmish_consistent(); but not for who has
 * inherited the lock in a call (fusion/call.h) and was not told.
 *
 * @return 0; -EPERM the calling thread does not hold it; -EIDRM; -EINVAL
 */
FUSION_API int fusion_skirmish_dismiss(struct fusion_skirmish *skirmish);

/**
 * Say that what a dead owner left is whole again.  Should the caller die before
 * this, the next owner gets -EOWNERDEAD too.
 *
 * @return 0; -EINVAL its last owner did not die; -EPERM; -EIDRM
 */
FUSION_API int fusion_skirmish_consistent(struct fusion_skirmish *skirmish);

/** How many levels the calling thread holds; 0: none; -EINVAL no skirmish. */
FUSION_API int fusion_skirmish_lock_count(struct fusion_skirmish *skirmish);

/**
 * Give back all levels, sleep until somebody notifies, take them again.
 *
 * No notify is lost that comes after the call has begun.  It may return without
 * one (a notifier died, say): ask again for what was waited for.
 *
 * @param timeout_ns  longest sleep, or FUSION_FOREVER; taking the lock again
 *                    afterwards has no limit
 *
 * @return 0; -ETIMEDOUT; -EOWNERDEAD: in all three the caller holds it as deep
 *         as before; -EPERM it did not hold it, or others have borrowed it in
 *         calls; -EIDRM, not held any more
 */
FUSION_API int fusion_skirmish_wait(struct fusion_skirmish *skirmish,
				    int64_t timeout_ns);

/**
 * Wake one of those in fusion_skirmish_wait(), or @all.  They go on when the
 * caller has given the lock back, one after the other.
 *
 * @return 0; -EPERM the calling thread does not hold it; -EIDRM; -EINVAL
 */
FUSION_API int fusion_skirmish_notify(struct fusion_skirmish *skirmish,
				      bool all);

/**
 * Take all of @list or none, in one order that is the same in every process, so
 * that two who want the same ones never wait for each other.
 *
 * @param list  n handles, of one arena or several; one that is there twice is
 *              taken twice
 *
 * @return 0; -EOWNERDEAD all are held, and the last owner of at least one died
 *         (fusion_skirmish_consistent() tells of which: it returns 0); or none
 *         is held: as fusion_skirmish_prevail()
 */
FUSION_API int
fusion_skirmish_prevail_multi(struct fusion_skirmish *const *list, size_t n);

/** Give one level of each back.  0; or the first error, after trying all. */
FUSION_API int
fusion_skirmish_dismiss_multi(struct fusion_skirmish *const *list, size_t n);

FUSION_END_DECLS

#endif
