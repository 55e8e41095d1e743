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
 * Each execution ends: with an answer, or with an error.  The answer has the
 * status that the handler gave it, which may be an error of its own.  An error
 * of the library ends the execution when the owner dies, leaves or destroys the
 * call, at a time-out, and when it is cancelled.  The error says whether the
 * handler may have run.
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

/** An execution as its handler sees it; valid until the handler returns.  It
 *  grows at its end: never copy it. */
struct fusion_call_request {
	struct fusion_arena *arena;
	struct fusion_call *call;
	fusion_id_t caller; /**< member that calls; 0: a shell does */
	uint32_t reserved;  /**< 0 */
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
 *   -errno             the caller gets this as the status of the answer
 *
 * Runs on the dispatcher, one handler at a time, or on a thread of the owner
 * that waits in a call or executes a call of its own process.  May use the
 * whole library, also execute calls and destroy this one; fusion_arena_exit()
 * returns -EDEADLK there.  May leave without returning: see fusion/types.h.
 */
typedef int (*fusion_call_fn)(const struct fusion_call_request *request,
			      void *ctx);

/** What a call is; see fusion_call_create(). */
struct fusion_call_options {
	size_t size;	   /**< sizeof(struct fusion_call_options) */
	fusion_call_fn fn; /**< its handler */
	void *ctx;	   /**< argument of the handler */
	uint32_t flags;	   /**< none is defined yet: 0 */
	uint32_t reserved; /**< 0 */
};

#define FUSION_CALL_OPTIONS_INIT                                       \
	{                                                              \
		sizeof(struct fusion_call_options), NULL, NULL, 0u, 0u \
	}

/**
 * Create a call that this process executes.
 *
 * @param arena    the arena to create it in
 * @param name     unique among the arena's calls: 1 to 63 bytes without '/' and
 *                 control characters, not beginning with '.' or '#'.  NULL
 *                 creates a call that is called "#<id>".  If the owner of a
 *                 call of that name is gone, the old call is destroyed
 * @param options  the handler and its argument
 * @param ret      receives the handle.  The call lives until
 *                 fusion_call_destroy() or the arena's end.  Once its owner is
 *                 gone, executing it returns -EHOSTDOWN
 *
 * @return
 *   0              created
 *   -EINVAL        @name or @options is not valid, or @arena, @options, its fn
 *                  or @ret is NULL
 *   -E2BIG         @options asks for something that the library does not know
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EEXIST        another call has that name, and its owner lives
 *   -ENOSPC        the arena has no room for another call, or for this member's
 *                  queue
 *   -ENOMEM        memory is used up, or the system starts no thread for the
 *                  dispatcher
 *
 * Any thread, also a handler.  Takes a short lock.  Starts the dispatcher if it
 * does not run.
 */
FUSION_API int fusion_call_create(struct fusion_arena *arena, const char *name,
				  const struct fusion_call_options *options,
				  struct fusion_call **ret);

/**
 * Find a call by its name, or create it.
 *
 * @param arena    the arena
 * @param name     the name; not NULL
 * @param options  the handler and its argument, for a call that is created
 * @param ret      receives the handle.  fusion_call_owner() tells whose call it
 *                 is
 *
 * @return what fusion_call_create() returns, but never -EEXIST
 *
 * A call whose owner is gone is not found, but replaced.  If several members
 * open a name at once, one of them creates the call, and the others find it.
 *
 * Any thread, also a handler.  Takes a short lock.  Starts the dispatcher if it
 * does not run and the call is created.
 */
FUSION_API int fusion_call_open(struct fusion_arena *arena, const char *name,
				const struct fusion_call_options *options,
				struct fusion_call **ret);

/**
 * Wait until a call of a name exists whose owner is in the arena.
 *
 * @param arena       the arena
 * @param name        the name
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 * @param ret         receives the handle
 *
 * @return
 *   0              found
 *   -ETIMEDOUT     there is no such call yet
 *   -EINTR         a signal handler has run (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL        no call can have that name, @timeout_ns or @flags is not
 *                  valid, or @arena or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Any thread.  Sleeps; takes a short lock.
 */
FUSION_API int fusion_call_wait(struct fusion_arena *arena, const char *name,
				int64_t timeout_ns, uint32_t flags,
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
 * Find a call by its id.
 *
 * @param arena  the arena to search
 * @param id     the id, as fusion_call_id() returns it
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  no call has that id
 *   -EINVAL  @id is 0, or @arena or @ret is NULL
 *
 * Takes constant time on average for a call without a name; for one with a
 * name, time in proportion to the number of calls.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_call_get(struct fusion_arena *arena, fusion_id_t id,
			       struct fusion_call **ret);

/**
 * Get the id of a call, which no other thing of the arena ever has.
 *
 * @param call  the call
 *
 * @return the id; 0 if the call is destroyed, or @call is no call of an arena
 *         that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_call_id(const struct fusion_call *call);

/**
 * Destroy a call; any member may.
 *
 * @param call  the call; its handle must not be used afterwards.  NULL does
 *              nothing
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the call was destroyed before
 *   -EINVAL  @call is not a call
 *
 * Threads that wait for an answer of the call get -EIDRM.  A thread that uses
 * the handle later gets -EIDRM too (fusion/types.h says for how long).  So make
 * sure that no member keeps the handle.
 *
 * Any thread.  In the owner's process this waits for the handler: when it
 * returns, the handler does not run, unless the caller is itself in a handler.
 */
FUSION_API int fusion_call_destroy(struct fusion_call *call);

/**
 * Get the member that owns a call.
 *
 * @param call  the call
 *
 * @return the id of the owner, which may be gone; FUSION_NONE if the call is
 *         destroyed, or @call is no call of an arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_call_owner(const struct fusion_call *call);

/** How to execute a call; see fusion_call_execute(). */
struct fusion_call_execute_options {
	size_t size;	    /**< sizeof(struct fusion_call_execute_options) */
	uint32_t flags;	    /**< FUSION_CALL_..., FUSION_WAIT_... */
	uint32_t reserved;  /**< 0 */
	int64_t timeout_ns; /**< longest wait for the answer in nanoseconds; 0
				 and FUSION_FOREVER have no limit */
};

#define FUSION_CALL_EXECUTE_OPTIONS_INIT                               \
	{                                                              \
		sizeof(struct fusion_call_execute_options), 0u, 0u, 0, \
	}

/**
 * The answer to a call; see fusion_call_execute().
 *
 * The caller sets size, data and capacity, for example by
 * FUSION_CALL_ANSWER_INIT.  The library sets the other members, and data if
 * that is NULL.
 */
struct fusion_call_answer {
	size_t size;	   /**< sizeof(struct fusion_call_answer) */
	int32_t status;	   /**< 0, or the negative errno that the handler
				returned or fusion_call_return_error() gave;
				-ENOMEM also: the heap had no memory for the
				bytes of the answer */
	uint32_t reserved; /**< 0 */
	uint64_t word;	   /**< a word; 0 if status is not 0 */
	void *data;	   /**< room for the bytes.  NULL with a capacity of 0:
				an answer with bytes gets private memory, which
				the caller free()s.  Then it sets data to NULL
				again, if it uses the struct once more */
	size_t capacity;   /**< bytes at data, as the caller says */
	size_t length;	   /**< bytes of the answer */
};

#define FUSION_CALL_ANSWER_INIT                                             \
	{                                                                   \
		sizeof(struct fusion_call_answer), 0, 0u, 0u, NULL, 0u, 0u, \
	}

/**
 * Execute a call: pass a word and bytes to its handler, and get the answer.
 *
 * @param call     the call
 * @param options  flags and time-out; NULL: no flags, no limit
 * @param word     passed to the handler
 * @param in       bytes for the handler, which are copied; NULL if @in_size is
 *                 0
 * @param in_size  how many; as many as the heap has room for.  More than about
 *                 1 KiB travel in a block of the heap
 * @param answer   receives the answer; NULL: neither the answer nor its status
 *                 is wanted
 *
 * @return what became of the execution, never what the handler returned: that
 *         is answer->status
 *   0            the handler has answered; with FUSION_CALL_ONEWAY: the request
 *                is on its way, and @answer is not written
 *   -EMSGSIZE    the handler has answered, but the bytes are not there:
 *                answer->data is too small for them, or this process has no
 *                memory for them.  status, word and length of @answer are set;
 *                the bytes are lost
 *   -EHOSTDOWN   not executed: the owner is gone, and its handler did not begin
 *   -ECONNRESET  the owner left or died, and its handler may have run
 *   -EIDRM       the call is destroyed; its handler may have run, if the call
 *                was there when the execution began
 *   -ETIMEDOUT   no answer has come in time; the handler may have run, or may
 *                still run
 *   -EINTR       a signal handler has run (FUSION_WAIT_INTERRUPTIBLE), and no
 *                answer has come; the handler of the call may have run, or may
 *                still run
 *   -ECANCELED   fusion_call_cancel() ended it, or the handler left without
 *                returning; the handler may have run, or may still run
 *   -EBADMSG     the handler has run, and returned an undefined value; or, run
 *                directly, it deferred the answer without asking for
 *                fusion_call_serial()
 *   -EAGAIN      not executed: FUSION_CALL_NOWAIT is set, and there is no room
 *                or the quota is used up; or the arena has no room for another
 *                pending call
 *   -ENOMEM      not executed: the heap has no memory for the bytes
 *   -EINVAL      not executed: an argument is not valid
 *   -E2BIG       not executed: @options or @answer asks for something that the
 *                library does not know
 *
 * An answer that comes too late is dropped.
 *
 * Any thread, also a handler.  Blocks: looks for the answer for a while, as
 * fusion_set_spin() says, then sleeps.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_call_execute(struct fusion_call *call,
		    const struct fusion_call_execute_options *options,
		    uint64_t word, const void *in, size_t in_size,
		    struct fusion_call_answer *answer);

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
 *   -ENOMEM     the heap has no memory for the bytes; the caller gets this as
 *               the status
 *
 * Any thread, once for each execution, at any time, also before the handler has
 * returned.  Takes a short lock when fusion_malloc() does.
 */
FUSION_API int fusion_call_return(struct fusion_call *call, uint64_t serial,
				  uint64_t word, const void *data, size_t size);
/**
 * Answer an execution with an error, as its status.
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

/** The numbers of a call; see fusion_call_stat().  They grow at their end. */
struct fusion_call_stat {
	fusion_id_t id;	   /**< fusion_call_id() */
	fusion_id_t owner; /**< fusion_call_owner() */
	uint32_t pending;  /**< executions that a caller waits for */
	uint32_t reserved; /**< 0 */
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
 * @param size  sizeof(*@ret).  The library writes what *@ret has room for, and
 *              zeroes what it does not know
 *
 * @return
 *   0        done
 *   -EIDRM   the call is destroyed
 *   -EINVAL  no call of an arena that this process is in, @ret is NULL, or
 *            @size is 0
 *
 * Any thread.  Takes no lock.
 */
FUSION_API int fusion_call_stat(struct fusion_call *call,
				struct fusion_call_stat *ret, size_t size);

FUSION_END_DECLS

#endif
