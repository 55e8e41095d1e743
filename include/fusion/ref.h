/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Reference counters that survive the death of those who count.
 *
 *     total = global + local of every member
 *
 * Local counts belong to the member (process) that counts, and vanish with it:
 * when it leaves or dies.  Global ones belong to shared data, such as a pointer
 * in another shared object, and stay until somebody takes them back.
 *
 * A fall is the total becoming 0.  It is noticed once, whoever made it fall,
 * also if that was a death: fusion_ref_watch() is told, and those in
 * fusion_ref_zero_lock() go on.
 *
 * A handle is valid in every member and may be stored in shared data.  All
 * functions may be called by any thread of any member, but not by signal
 * handlers, and a call counts for the whole member, not for its thread.  As
 * long as a member has a count, another one up or down is one atomic operation.
 *
 * All functions also return -EIDRM if the reference has been destroyed, -EINVAL
 * if @ref is none of an arena that the process is in, and -EMFILE or -ENOMEM if
 * the calling thread cannot use the arena.
 *
 * In the mounted tree a reference is refs/NAME.
 */
#ifndef FUSION_REF_H
#define FUSION_REF_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A reference counter in an arena; see fusion_ref_create(). */
struct fusion_ref;

/**
 * Make a reference counter; its total is 0, which is no fall.
 *
 * @param name  unique among the arena's references, 1 to 63 bytes, no '/', no
 *              control characters, not beginning with '.' or '#'; or NULL: it
 *              is then called "#<id>"
 * @param ret   the handle; it lives until fusion_ref_destroy() or the arena's
 *              end, whoever made it
 *
 * @return 0; -EINVAL name; -ENAMETOOLONG; -EEXIST; -ENOSPC the arena has as
 *         many as it can; -ENOMEM
 */
FUSION_API int fusion_ref_create(struct fusion_arena *arena, const char *name,
				 struct fusion_ref **ret);

/**
 * Find a reference by its name, or by "#<id>".
 *
 * @return 0; -ENOENT; -EINVAL no such name is possible
 */
FUSION_API int fusion_ref_lookup(struct fusion_arena *arena, const char *name,
				 struct fusion_ref **ret);

/**
 * Destroy a reference, whatever its counts.  All who wait for it get -EIDRM,
 * and so does whoever uses the handle later, until the place is used for a new
 * one. What inherits from it loses its contribution, and may fall.  Falls of
 * which its watch has not been told yet are not told any more.
 *
 * @return 0
 */
FUSION_API int fusion_ref_destroy(struct fusion_ref *ref);

/**
 * One local count more.
 *
 * @return 0; -EAGAIN it is locked at zero; -EOVERFLOW this member has 2^32 - 1;
 *         -ENOSPC the arena has no room for one more member of one more
 *         reference; -ENOMEM
 */
FUSION_API int fusion_ref_up(struct fusion_ref *ref);

/**
 * One local count less.  Release: who learns of the fall sees what was done
 * before this.
 *
 * @return 0; -EPERM this member has none; -EAGAIN it is locked at zero
 */
FUSION_API int fusion_ref_down(struct fusion_ref *ref);

/** One global count more.  0; -EAGAIN locked at zero; -EOVERFLOW. */
FUSION_API int fusion_ref_up_global(struct fusion_ref *ref);

/** One global count less, whoever made it.  0; -EAGAIN; -EPERM there is none.
 */
FUSION_API int fusion_ref_down_global(struct fusion_ref *ref);

/**
 * Wait until the total is 0, and keep it there: every up and down gives -EAGAIN
 * until fusion_ref_unlock(), or until this member leaves or dies.
 *
 * The lock is for the counts of the reference itself: what it inherits may go
 * up meanwhile.
 *
 * @param timeout_ns  longest wait, or FUSION_FOREVER
 * @return 0; -ETIMEDOUT; -EIDRM it was destroyed meanwhile
 *
 * Blocks; signals do not end the wait.  Notices the death of those who count,
 * also while the daemon is gone.
 */
FUSION_API int fusion_ref_zero_lock(struct fusion_ref *ref, int64_t timeout_ns);

/** The same without waiting: -EBUSY the total is not 0, or it is locked. */
FUSION_API int fusion_ref_zero_trylock(struct fusion_ref *ref);

/** End the lock, from any thread of the member that has it.  0; -EPERM this
 *  member has not locked it. */
FUSION_API int fusion_ref_unlock(struct fusion_ref *ref);

/**
 * Called once for each fall of a watched reference, some time after it: the
 * total may be up again.  fusion_ref_zero_trylock() tells, and keeps it.
 *
 * A handler like others (fusion/dispatch.h), in the process that watches: on
 * the dispatcher's thread or in fusion_dispatch(), never beside another one of
 * the arena's watches.  It may do everything with references, this one too;
 * exiting the arena gives -EDEADLK.
 * May not return: see fusion/types.h.
 */
typedef void (*fusion_ref_fn)(struct fusion_ref *ref, void *ctx);

/**
 * Watch for falls, or with NULL stop.
 *
 * There is one watch a reference.  It stays after a fall: up from 0 and down
 * again is the next one.  It ends with fusion_ref_watch(ref, NULL, NULL), with
 * the reference, and when this process leaves the arena or dies.
 *
 * @return 0; -EBUSY it is watched already, by whomever; -EINVAL the total is 0;
 *         -EPERM (to stop) this member does not watch it; -ENOMEM; -EAGAIN no
 *         thread could be started; -ENOSPC as fusion_message_handle()
 *
 * When it returns after a stop, @fn does not run any more and never will, also
 * for falls before it.  Only a handler cannot wait: if it stops a watch whose
 * @fn is running (its own, or one that waits in a call), that call still ends.
 */
FUSION_API int fusion_ref_watch(struct fusion_ref *ref, fusion_ref_fn fn,
				void *ctx);

/**
 * From now on count what another one counts, too: its local counts, and what it
 * inherits in turn.  Global counts are never inherited.
 *
 * @param from  of the same arena; may be at 0; when it is destroyed, its
 *              contribution ends
 * @return 0; -EBUSY it inherits already; -ELOOP @from inherits from @ref, or is
 *         it; -EAGAIN it is locked at zero
 *
 * References of one family share a lock: their first and last counts are
 * slower, all others are as fast as ever.
 */
FUSION_API int fusion_ref_inherit(struct fusion_ref *ref,
				  struct fusion_ref *from);

/**
 * Hand one of this member's counts to another one, which is to
 * fusion_ref_catch() it.  Until then it counts on its own: the death of the
 * thrower changes nothing any more, the death of the catcher ends it.
 *
 * @param catcher  a member's id, see fusion_members_list(); may be one's own
 * @return 0; -ESRCH no such member is inside; -EPERM this member has no local
 *         count; -EAGAIN locked at zero; -EOVERFLOW; -ENOSPC; -ENOMEM
 */
FUSION_API int fusion_ref_throw(struct fusion_ref *ref, fusion_id_t catcher);

/** Make a count that was thrown to this member one of its own.  0; -EAGAIN
 *  none is there; -EOVERFLOW. */
FUSION_API int fusion_ref_catch(struct fusion_ref *ref);

/** What fusion_ref_stat() tells.  Numbers of one moment. */
struct fusion_ref_stat {
	size_t size;	    /**< sizeof(struct fusion_ref_stat), set by you */
	uint64_t total;	    /**< all that follow, and the other members' */
	uint64_t global;    /**< global counts */
	uint64_t inherited; /**< local counts of what it inherits from */
	uint64_t local;	    /**< this member's counts */
	uint32_t pending; /**< thrown to this member and not caught; of total */
	uint32_t members; /**< members with local counts, or thrown to */
	uint64_t falls;	  /**< so often it has fallen to 0 */
	fusion_id_t locker;  /**< member that has locked it at 0, or 0 */
	fusion_id_t watcher; /**< member that watches it, or 0 */
};

/** Read all of it.  0. */
FUSION_API int fusion_ref_stat(struct fusion_ref *ref,
			       struct fusion_ref_stat *ret);

/*
 * Fork.  In an arena entered with FUSION_ENTER_FORK the child gets what its
 * parent had: a local count of its own for each that the parent had at the
 * moment of fork().  The parent's fork() returns when the child has them, so
 * the total never falls in between, even if the parent is killed meanwhile.
 * Pending counts, locks and watches are not inherited.
 */

FUSION_END_DECLS

#endif
