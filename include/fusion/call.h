/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Calls: functions that one member offers and any other can call.
 *
 * The member that creates a call owns it.  Another thread executes the call: it
 * passes a word and bytes of any size, and gets a word and bytes of any size
 * back, or an error.  The handler of the call runs in the owner's process, on
 * the owner's dispatcher (fusion/dispatch.h).
 *
 * Each execution ends: with an answer, or with an error.  An error ends it when
 * the owner dies, leaves or destroys the call, at a time-out, and when it is
 * cancelled.
 *
 * Two kinds of call do not run on the dispatcher:
 *
 *  - If this process owns the call, the calling thread runs the handler at
 *    once.
 *  - If a handler calls a member that is itself waiting for that handler,
 *    perhaps through other calls, the waiting thread runs the new handler.  So
 *    members may call each other as deeply as their stacks allow.
 *
 * A caller that holds a skirmish and waits for a call lends the skirmish.  The
 * thread that executes the call may lock it, and so may threads that execute
 * calls of that thread.  Each of these borrowers unlocks before its handler
 * returns.  A caller that gives up, for example at its time-out, first waits
 * until the borrowers have unlocked.
 *
 *  - If a borrower dies, the dead-owner mark is set, as if by the death of an
 *    owner.
 *  - If the lender dies, the borrower inherits the skirmish until it unlocks;
 *    the next owner then gets -EOWNERDEAD.
 *  - Only the owner can call fusion_skirmish_wait() and
 *    fusion_skirmish_notify(), and can wait only while nobody has borrowed.
 *
 * The handle is a pointer that is valid in every member and may be stored in
 * shared data.
 *
 * In the mounted tree a call is the file calls/NAME.  A shell executes the call
 * by writing to the file, then reads the answer.
 */
#ifndef FUSION_CALL_H
#define FUSION_CALL_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A call in an arena; see fusion_call_create(). */
struct fusion_call;

/** Do not wait for an answer, and get none. */
#define FUSION_CALL_ONEWAY 0x1u
/** With FUSION_CALL_ONEWAY: do not wake the owner for this call.  It runs
 *  within a millisecond, or with the next call that is not queued. */
#define FUSION_CALL_QUEUE 0x2u
/** Queue the call even if the caller owns it, so that it runs on the
 *  dispatcher.  If the caller is itself in a handler of this member, it still
 *  runs the call at once. */
#define FUSION_CALL_NODIRECT 0x4u
/** Fail with -EAGAIN instead of waiting for room in the owner's queue or for
 *  the quota. */
#define FUSION_CALL_NOWAIT 0x8u

/** A handler returns this if fusion_call_return() will answer later. */
#define FUSION_CALL_DEFER 1

/** For fusion_call_set_quota(): no limit. */
#define FUSION_CALL_NO_LIMIT ((uint32_t)-1)

/** How to execute a call; see fusion_call_execute_bytes(). */
struct fusion_call_options {
	size_t size;	    /**< sizeof(struct fusion_call_options) */
	unsigned flags;	    /**< FUSION_CALL_... */
	int64_t timeout_ns; /**< longest wait for the answer in nanoseconds; 0
				 does not wait, FUSION_FOREVER has no limit */
};

/** An execution as its handler sees it; valid until the handler returns. */
struct fusion_call_request {
	struct fusion_arena *arena;
	struct fusion_call *call;
	fusion_id_t caller; /**< member that calls; 0: a shell does */
	uint64_t word;	    /**< as the caller gave it */
	const void *data;   /**< the bytes, aligned to 8 */
	size_t size;	    /**< how many */
};

/**
 * The handler of a call: a function that runs in the owner's process.
 *
 * @param request  the execution, valid until the function returns
 * @param ctx      as given to fusion_call_create()
 *
 * @return
 *   0                  the caller gets what fusion_call_reply() was given;
 *                      without that, the word 0 and no bytes
 *   FUSION_CALL_DEFER  the caller waits until fusion_call_return() answers
 *   -errno             the caller gets this error
 *
 * Runs on the dispatcher, one handler at a time, or on a thread of the owner
 * that waits in a call or executes a call of its own process.  May use the
 * whole library, also execute calls and destroy this one; fusion_arena_exit()
 * returns -EDEADLK there.  May leave without returning: see fusion/types.h.
 */
typedef int (*fusion_call_fn)(const struct fusion_call_request *request,
			      void *ctx);

/**
 * Create a call that this process executes.
 *
 * @param arena  the arena to create it in
 * @param name   unique among the arena's calls: 1 to 63 bytes without '/' and
 *               control characters, not beginning with '.' or '#'.  NULL
 *               creates a call that is called "#<id>".  If the owner of a call
 *               of that name is gone, the old call is destroyed
 * @param fn     its handler
 * @param ctx    argument of @fn
 * @param ret    receives the handle.  The call lives until
 *               fusion_call_destroy() or the arena's end.  Once its owner is
 *               gone, executing it returns -EOWNERDEAD
 *
 * @return
 *   0              created
 *   -EINVAL        @name is not valid, or @arena, @fn or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EEXIST        another call has that name, and its owner lives
 *   -ENOSPC        the arena has no room for another call, or for this member's
 *                  queue
 *   -ENOMEM        memory is used up, or the system starts no thread
 *
 * Any thread, also a handler.  Takes a short lock.  Starts the dispatcher if it
 * does not run.
 */
FUSION_API int fusion_call_create(struct fusion_arena *arena, const char *name,
				  fusion_call_fn fn, void *ctx,
				  struct fusion_call **ret);

/**
 * Find a call by its name.
 *
 * @param arena  the arena to search
 * @param name   the name, or "#<id>" for a call without one
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        no call has that name
 *   -EINVAL        no call can have that name, or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_call_lookup(struct fusion_arena *arena, const char *name,
				  struct fusion_call **ret);

/**
 * Destroy a call; any member may.
 *
 * @param call  the call; its handle must not be used afterwards
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the call was destroyed before
 *   -EINVAL  @call is not a call
 *
 * Threads that wait for an answer of the call get -EIDRM.  A thread that uses
 * the handle later gets -EIDRM too, until the arena gives the handle to a new
 * call.  So make sure that no member keeps the handle.
 *
 * Any thread.  In the owner's process this waits for the handler: when it
 * returns, the handler does not run, unless the caller is itself in a handler.
 */
FUSION_API int fusion_call_destroy(struct fusion_call *call);

/**
 * Get the member that owns a call.
 *
 * @param call  the call
 * @param ret   receives the id of the owner, which may be gone
 *
 * @return
 *   0        done
 *   -EIDRM   the call is destroyed
 *   -EINVAL  no call of an arena that this process is in, or @ret is NULL
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_call_owner(struct fusion_call *call, fusion_id_t *ret);

/**
 * Execute a call with a word only, waiting as long as necessary.
 *
 * @param call      the call
 * @param word      passed to the handler
 * @param ret_word  receives the word of the answer, or NULL
 *
 * @return what fusion_call_execute_bytes() returns; bytes of the answer are
 *         dropped
 *
 * Any thread, also a handler.  Blocks until the execution ends.
 */
FUSION_API int fusion_call_execute(struct fusion_call *call, uint64_t word,
				   uint64_t *ret_word);

/**
 * Execute a call with a word and bytes.
 *
 * @param call      the call
 * @param options   flags and time-out; NULL: no flags, no limit
 * @param word      passed to the handler
 * @param in        bytes for the handler, which are copied; NULL if @in_size is
 *                  0
 * @param in_size   how many; as many as the heap has room for.  More than about
 *                  1 KiB travel in a block of the heap
 * @param ret_word  receives the word of the answer, or NULL
 * @param out       receives the bytes of the answer; NULL if @out_size is 0
 * @param out_size  room in @out
 * @param ret_size  receives the number of bytes of the answer, or NULL.  Set
 *                  also if that is more than @out_size
 *
 * @return
 *   0            the answer has come; with FUSION_CALL_ONEWAY: the request is
 *                on its way
 *   -errno       the handler returned it
 *   -EMSGSIZE    the answer has come, but has more than @out_size bytes:
 *                *ret_word and *ret_size are set, and fusion_call_answer()
 *                has the bytes
 *   -EOWNERDEAD  the owner is gone, or died during the execution
 *   -EIDRM       the call is destroyed
 *   -ETIMEDOUT   no answer has come in time
 *   -ECANCELED   fusion_call_cancel() ended it, or the handler left without
 *                returning
 *   -EAGAIN      FUSION_CALL_NOWAIT is set, and there is no room or the quota
 *                is used up; or the arena has no room for another pending call
 *   -EPROTO      the handler returned an undefined value; or, run directly, it
 *                deferred the answer without asking for fusion_call_serial()
 *   -EINVAL      an argument is not valid
 *   -ENOMEM      the heap has no memory for the bytes
 *
 * If @out_size is 0 and @ret_size is NULL, bytes of the answer are dropped and
 * the call succeeds.  After a time-out, a cancellation or the owner's death the
 * handler may have run, or may still run; its answer is dropped.
 *
 * Any thread, also a handler.  Blocks: looks for the answer for a while, as
 * fusion_set_spin() says, then sleeps.  Signals do not end the wait.
 */
FUSION_API int fusion_call_execute_bytes(
	struct fusion_call *call, const struct fusion_call_options *options,
	uint64_t word, const void *in, size_t in_size, uint64_t *ret_word,
	void *out, size_t out_size, size_t *ret_size);

/**
 * Get the bytes of an answer after -EMSGSIZE.
 *
 * @param arena  the arena in which the calling thread executed the call
 * @param out    receives the bytes
 * @param size   room in @out; set to the number of bytes of the answer, also
 *               after -EMSGSIZE
 *
 * @return
 *   0          done
 *   -EMSGSIZE  *size was still too small
 *   -ENODATA   there is no such answer: the thread has got it already, or has
 *              executed another call since
 *   -EINVAL    an argument is not valid
 *
 * The thread that got -EMSGSIZE, before it executes another call in the arena.
 * Does not block.
 */
FUSION_API int fusion_call_answer(struct fusion_arena *arena, void *out,
				  size_t *size);

/**
 * Set the answer that the caller gets when the handler returns 0.
 *
 * @param request  what the handler was given
 * @param word     a word for the caller
 * @param data     bytes for the caller, which are copied; NULL if @size is 0
 * @param size     how many
 *
 * @return
 *   0        set; the last of several answers counts
 *   -ENOMEM  this process has no memory for the bytes
 *   -EINVAL  an argument is not valid
 *
 * Only in the handler.  Does not block.
 */
FUSION_API int fusion_call_reply(const struct fusion_call_request *request,
				 uint64_t word, const void *data, size_t size);

/**
 * Get the number of this execution, for fusion_call_return().
 *
 * @param request  what the handler was given
 *
 * @return the number; 0 if nobody waits for an answer
 *
 * Only in the handler.  Does not block.
 */
FUSION_API uint64_t
fusion_call_serial(const struct fusion_call_request *request);

/**
 * Answer an execution whose handler returned FUSION_CALL_DEFER.
 *
 * @param call    the call
 * @param serial  the number from fusion_call_serial()
 * @param word    a word for the caller
 * @param data    bytes for the caller, which are copied; NULL if @size is 0
 * @param size    how many
 *
 * @return
 *   0           the caller has the answer
 *   -ECANCELED  the caller is gone, has given up, or has an answer already
 *   -EIDRM      the call is destroyed
 *   -EINVAL     an argument is not valid
 *   -ENOMEM     the heap has no memory for the bytes; the caller gets this
 *               error too
 *
 * Any thread, once for each execution, at any time, also before the handler has
 * returned.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API int fusion_call_return(struct fusion_call *call, uint64_t serial,
				  uint64_t word, const void *data, size_t size);
/**
 * Answer an execution with an error.
 *
 * @param call    the call
 * @param serial  the number from fusion_call_serial()
 * @param error   a negative errno for the caller
 *
 * @return what fusion_call_return() returns
 *   -EINVAL  also: @error is not a negative errno
 *
 * Any thread, as fusion_call_return().  Does not block.
 */
FUSION_API int fusion_call_return_error(struct fusion_call *call,
					uint64_t serial, int error);

/**
 * End all executions of a call that threads of this process wait for.
 *
 * @param call  the call
 *
 * @return the number of executions, each of which returns -ECANCELED; or
 *   -EIDRM   the call is destroyed
 *   -EINVAL  no call of an arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_call_cancel(struct fusion_call *call);

/**
 * Limit how many executions of a call a member may have pending.
 *
 * @param call    the call
 * @param member  a member's id, or FUSION_ALL for each member without a limit
 *                of its own
 * @param limit   most pending executions; 0 allows none, FUSION_CALL_NO_LIMIT
 *                removes the limit
 *
 * @return
 *   0        set
 *   -ESRCH   @member is FUSION_NONE
 *   -ENOSPC  12 members have a limit already
 *   -EIDRM   the call is destroyed
 *   -EINVAL  no call of an arena that this process is in
 *
 * A thread whose member has reached the limit waits in its next execution until
 * one of the pending ones ends.  Calls that the owner runs directly are not
 * limited.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_call_set_quota(struct fusion_call *call,
				     fusion_id_t member, uint32_t limit);

/** The numbers of a call; see fusion_call_stat(). */
struct fusion_call_stats {
	fusion_id_t owner;
	uint32_t pending;  /**< executions that a caller waits for */
	uint64_t executed; /**< executions that the owner has answered */
	uint64_t failed;   /**< those that it answered with an error */
	uint64_t mean_ns;  /**< mean time from handler's start to answer */
	uint64_t max_ns;   /**< longest such time */
};

/**
 * Get the numbers of a call.
 *
 * @param call  the call
 * @param ret   receives the numbers
 *
 * @return
 *   0        done
 *   -EIDRM   the call is destroyed
 *   -EINVAL  no call of an arena that this process is in, or @ret is NULL
 *
 * Any thread.  Takes no lock.
 */
FUSION_API int fusion_call_stat(struct fusion_call *call,
				struct fusion_call_stats *ret);

FUSION_END_DECLS

#endif
