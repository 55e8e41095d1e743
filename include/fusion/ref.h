/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * References: count the users of something, also users that die.
 *
 *     total = global count + local counts of all members
 *
 * A local count belongs to the member (process) that counted, and ends when the
 * member leaves or dies.  A global count belongs to shared data, for example a
 * pointer in a shared object.  It stays until a member takes it back.
 *
 * A fall is the moment when the total becomes 0.  Each fall is noticed once,
 * also if the death of a member caused it: the function of fusion_ref_watch()
 * runs, and threads in fusion_ref_zero_lock() go on.
 *
 * The handle is a pointer that is valid in every member and may be stored in
 * shared data.  Any thread may use it, but not a signal handler.  A call counts
 * for the whole member, not for its thread.  While a member has a local count,
 * each further count up or down is one atomic operation.
 *
 * All functions that take a reference may also return
 *   -EIDRM   the reference is destroyed
 *   -EINVAL  no reference of an arena that this process is in
 *
 * In the mounted tree a reference is the file refs/NAME.
 */
#ifndef FUSION_REF_H
#define FUSION_REF_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A reference counter in an arena; see fusion_ref_create(). */
struct fusion_ref;

/** How to create a reference; see fusion/types.h for options. */
struct fusion_ref_options {
	size_t size;	   /**< sizeof(struct fusion_ref_options) */
	uint32_t flags;	   /**< 0: none are known yet */
	uint32_t reserved; /**< 0 */
};

/** All defaults of struct fusion_ref_options. */
#define FUSION_REF_OPTIONS_INIT                         \
	{                                               \
		sizeof(struct fusion_ref_options), 0, 0 \
	}

/**
 * Create a reference, whose total is 0; that is not a fall.
 *
 * @param arena    the arena to create it in
 * @param name     unique among the arena's references: 1 to 63 bytes without
 *                 '/' and control characters, not beginning with '.' or '#'.
 *                 NULL creates a reference that is called "#<id>"
 * @param options  NULL for all defaults
 * @param ret      receives the handle.  The reference lives until
 *                 fusion_ref_destroy() or the arena's end; the death of its
 *                 creator does not end it
 *
 * @return
 *   0              created
 *   -EINVAL        @name or @options is not valid, or @ret is NULL
 *   -E2BIG         @options says something that this library does not know
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EEXIST        another reference has that name
 *   -ENOSPC        the arena has no room for another reference
 *   -ENOMEM        the arena has no memory left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_create(struct fusion_arena *arena, const char *name,
				 const struct fusion_ref_options *options,
				 struct fusion_ref **ret);

/**
 * Find a reference by its name, or create it if there is none.
 *
 * @param arena    the arena
 * @param name     as for fusion_ref_create(), but not NULL; or "#<id>" to find
 *                 a reference without a name
 * @param options  how to create it; NULL for all defaults
 * @param ret      receives the handle
 *
 * @return 0 found or created; or an error of fusion_ref_create(), but not
 *         -EEXIST
 *
 * Members that open one name at the same time get the same reference.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_open(struct fusion_arena *arena, const char *name,
			       const struct fusion_ref_options *options,
			       struct fusion_ref **ret);

/**
 * Find a reference by its name.
 *
 * @param arena  the arena to search
 * @param name   the name, or "#<id>" for a reference without one
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        no reference has that name
 *   -EINVAL        no reference can have that name, or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_lookup(struct fusion_arena *arena, const char *name,
				 struct fusion_ref **ret);

/**
 * Find a reference by its id.
 *
 * @param arena  the arena to search
 * @param id     the id, from fusion_ref_id()
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  no reference has that id
 *   -EINVAL  @id is 0, or @ret is NULL
 *
 * Takes constant time on average for a reference without a name; for one with a
 * name, time in proportion to the number of references.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_get(struct fusion_arena *arena, fusion_id_t id,
			      struct fusion_ref **ret);

/**
 * Get the id of a reference, which no other thing of the arena ever has.
 *
 * @param ref  the reference
 *
 * @return the id; 0 if the reference is destroyed, or @ref is not a reference
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_ref_id(const struct fusion_ref *ref);

/**
 * Destroy a reference, whatever its counts.
 *
 * @param ref  the reference; its handle must not be used afterwards.  NULL does
 *             nothing
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the reference was destroyed before
 *   -EINVAL  @ref is not a reference
 *
 * Threads that wait for the reference get -EIDRM.  A thread that uses the
 * handle later gets -EIDRM too (fusion/types.h says for how long).  A reference
 * that inherits from this one loses the inherited counts, which may be a fall.
 * Falls that the watch has not been told of are not reported any more.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_destroy(struct fusion_ref *ref);

/**
 * Add one to this member's local count.
 *
 * @param ref  the reference
 *
 * @return
 *   0           counted
 *   -EBUSY      the reference is locked at zero
 *   -EOVERFLOW  this member has counted to 2^32 - 1
 *   -ENOSPC     the arena has no room for another local count
 *   -ENOMEM     the arena has no memory left
 *
 * Any thread.  Takes a short lock when this member's local count is 0.
 */
FUSION_API int fusion_ref_up(struct fusion_ref *ref);

/**
 * Subtract one from this member's local count.
 *
 * @param ref  the reference
 *
 * @return
 *   0        counted
 *   -EPERM   this member's local count is 0
 *   -EBUSY   the reference is locked at zero
 *
 * A release operation: a thread that learns of the fall sees all that the
 * caller did before.
 *
 * Any thread.  Takes a short lock when this member's local count becomes 0.
 */
FUSION_API int fusion_ref_down(struct fusion_ref *ref);

/**
 * Add one to the global count.
 *
 * @param ref  the reference
 *
 * @return
 *   0           counted
 *   -EBUSY      the reference is locked at zero
 *   -EOVERFLOW  the count has its largest value
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_up_global(struct fusion_ref *ref);

/**
 * Subtract one from the global count, whichever member added it.
 *
 * @param ref  the reference
 *
 * @return
 *   0        counted
 *   -EPERM   the global count is 0
 *   -EBUSY   the reference is locked at zero
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_down_global(struct fusion_ref *ref);

/**
 * Wait until the total is 0, and lock the reference there.
 *
 * @param ref         the reference
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return
 *   0           the total is 0 and stays 0
 *   -ETIMEDOUT  the total is not 0, or another thread has locked the reference
 *   -EINTR      not locked: a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL     also: @timeout_ns or @flags is not valid
 *
 * While the reference is locked, counting up or down returns -EBUSY.  The lock
 * belongs to this member.  It lasts until fusion_ref_unlock(), or until the
 * member leaves or dies.  Only the counts of the reference itself are locked;
 * counts that it inherits may go up meanwhile.
 *
 * Any thread.  Blocks.  Notices the death of members that count, also while the
 * daemon is gone.
 */
FUSION_API FUSION_MUST_CHECK int fusion_ref_zero_lock(struct fusion_ref *ref,
						      int64_t timeout_ns,
						      uint32_t flags);

/**
 * Lock the reference at zero if the total is 0 now.
 *
 * @param ref  the reference
 *
 * @return
 *   0       the total is 0 and stays 0, as after fusion_ref_zero_lock()
 *   -EBUSY  the total is not 0, or the reference is locked
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_ref_zero_trylock(struct fusion_ref *ref);

/**
 * Unlock a reference that this member has locked at zero.
 *
 * @param ref  the reference
 *
 * @return
 *   0       unlocked
 *   -EPERM  this member has not locked it
 *
 * Any thread of the member, not only the one that locked.  Takes a short lock.
 */
FUSION_API int fusion_ref_unlock(struct fusion_ref *ref);

/**
 * A function that runs once for each fall of a watched reference.
 *
 * @param ref  the reference
 * @param ctx  as given to fusion_ref_watch()
 *
 * Runs some time after the fall, so the total may be up again.
 * fusion_ref_zero_trylock() tests the total and keeps it at 0.
 *
 * Runs as a handler (fusion/dispatch.h) in the process that watches.  The watch
 * functions of an arena run one at a time.  May call all functions
 * of this header, also for @ref; fusion_arena_exit() returns -EDEADLK there.
 * May leave without returning: see fusion/types.h.
 */
typedef void (*fusion_ref_fn)(struct fusion_ref *ref, void *ctx);

/**
 * Watch for the falls of a reference.
 *
 * @param ref      the reference
 * @param fn       runs once for each fall from now on
 * @param ctx      argument of @fn and @destroy
 * @param destroy  runs when @fn has run for the last time; NULL: nothing runs
 * @param ret      receives the slot, for fusion_slot_cancel(); NULL: the
 *                 subscription is not cancelled
 *
 * @return
 *   0        subscribed; this member watches
 *   -EBUSY   another member watches the reference
 *   -EINVAL  also: @fn is NULL, or the total is 0 and this member does not
 *            watch yet
 *   -ENOMEM  memory is used up, or the system starts no thread
 *   -ENOSPC  the arena has no room for this member's queue
 *
 * One member at most watches a reference.  In that member any number of
 * functions can be subscribed.  Each one is told of each fall, in the order of
 * the subscriptions.  If one leaves without returning, those after it are not
 * told of that fall.  If the call fails, @destroy does not run.
 *
 * The watch goes on after a fall: if the total goes up and falls again, @fn
 * runs again.  A subscription ends when it is cancelled, when the reference is
 * destroyed, and when this process exits the arena.  The member stops watching
 * when the last function is cancelled and has run.  Then another member can
 * watch.
 *
 * After fusion_slot_cancel() has returned, @fn is not told of earlier falls
 * either.  The child of a fork watches nothing.
 *
 * Any thread, also a handler.  Takes a short lock.  Starts the dispatcher if it
 * does not run.
 */
FUSION_API int fusion_ref_watch(struct fusion_ref *ref, fusion_ref_fn fn,
				void *ctx, fusion_destroy_fn destroy,
				struct fusion_slot **ret);

/**
 * Let a reference count what another one counts.
 *
 * @param ref   the reference that inherits
 * @param from  a reference of this arena; its total may be 0.  When @from is
 *              destroyed, @ref loses what it inherited
 *
 * @return
 *   0        from now on @ref also counts the local counts of @from, and what
 *            @from inherits itself
 *   -EEXIST  @ref inherits from a reference already
 *   -ELOOP   @from inherits from @ref, or is @ref
 *   -EBUSY   @ref is locked at zero
 *   -EINVAL  also: @from is no reference of this arena
 *
 * Global counts are never inherited.  References that are linked by inheritance
 * share a lock: each member's first and last count are slower, all others are
 * as fast as before.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_inherit(struct fusion_ref *ref,
				  struct fusion_ref *from);

/**
 * Hand one of this member's local counts to another member.
 *
 * @param ref      the reference
 * @param catcher  the id of the member that is to call fusion_ref_catch(); may
 *                 be this member
 *
 * @return
 *   0           the count is pending, and belongs to @catcher
 *   -ESRCH      no member has that id
 *   -EPERM      this member's local count is 0
 *   -EBUSY      the reference is locked at zero
 *   -EOVERFLOW  too many counts are pending for @catcher
 *   -ENOSPC     the arena has no room for another local count
 *   -ENOMEM     the arena has no memory left
 *
 * A pending count is part of the total.  The death of this member does not end
 * it; the death of @catcher does.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_throw(struct fusion_ref *ref, fusion_id_t catcher);

/**
 * Turn a count that was thrown to this member into a local count.
 *
 * @param ref  the reference
 *
 * @return
 *   0           this member has one local count more
 *   -ENODATA    no count is pending for this member
 *   -EOVERFLOW  this member has counted to 2^32 - 1
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_catch(struct fusion_ref *ref);

/** The counts of a reference at one moment; see fusion_ref_stat().  It grows at
 *  its end in later versions. */
struct fusion_ref_stat {
	fusion_id_t id;	     /**< fusion_ref_id() */
	uint32_t members;    /**< members with local or pending counts */
	uint64_t total;	     /**< all counts */
	uint64_t global;     /**< the global count */
	uint64_t inherited;  /**< local counts of what it inherits from */
	uint64_t local;	     /**< this member's local count */
	uint64_t falls;	     /**< how often the total fell to 0 */
	uint32_t pending;    /**< counts thrown to this member and not caught */
	fusion_id_t locker;  /**< member that has locked it at zero, or 0 */
	fusion_id_t watcher; /**< member that watches it, or 0 */
	uint32_t reserved;   /**< 0 */
};

/**
 * Get the counts of a reference.
 *
 * @param ref   the reference
 * @param ret   receives the counts
 * @param size  sizeof(*ret); see fusion/types.h for results that are structs
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL, or @size is 0
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_ref_stat(struct fusion_ref *ref,
			       struct fusion_ref_stat *ret, size_t size);

/*
 * Fork: in an arena entered with FUSION_ENTER_FORK the child starts with the
 * local counts that its parent has at the moment of fork().  The parent's
 * fork() returns when the child has them.  So the total never falls in between,
 * even if the parent is killed.  Pending counts, locks and watches are not
 * inherited.
 */

FUSION_END_DECLS

#endif
