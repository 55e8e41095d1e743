/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Calls: functions of one member that all others may have executed.
 *
 * Who creates a call owns it: its handler runs in the owner's process, on the
 * owner's dispatcher (fusion/dispatch.h).  Who executes it gives a word and
 * bytes of any size, and gets a word and bytes of any size back, or an error.
 * Each execution ends: with an answer, or with an error when its owner dies,
 * leaves or destroys the call, at a time-out, or when it is cancelled.
 *
 * A call that the caller itself owns is executed at once by the calling thread.
 * A call made by a handler for a member that waits, further up the chain of
 * calls, for that very handler is executed by the thread that waits: members
 * may call each other as deep as their stacks allow.
 *
 * A skirmish that a waiting caller holds is lent: the thread that executes its
 * call may take it, and so may who executes what that one calls.  They give it
 * back before they return; a caller that gives up waits for that.  When the one
 * that has borrowed it dies, it is as after the death of an owner; when the
 * lender dies, the borrower owns it until it gives it back, and the next owner
 * gets -EOWNERDEAD.  Only its owner can wait for it with fusion_skirmish_wait()
 * or notify, and can wait only while no other has borrowed it.
 *
 * A handle is valid in every member and may be stored in shared data.
 *
 * In the mounted tree a call is calls/NAME: what is written to it is executed
 * and what is then read is the answer.
 */
#ifndef FUSION_CALL_H
#define FUSION_CALL_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A call in an arena; see fusion_call_create(). */
struct fusion_call;

/** Do not wait for an answer; there is none. */
#define FUSION_CALL_ONEWAY 0x1u
/** With FUSION_CALL_ONEWAY: do not wake the owner for this one; it is executed
 *  within a millisecond or with the next call that is not queued. */
#define FUSION_CALL_QUEUE 0x2u
/** One's own call, too, goes by the queue and runs on the dispatcher (unless
 *  the calling thread is in one of its handlers). */
#define FUSION_CALL_NODIRECT 0x4u
/** Do not wait for room in the owner's queue or for a quota: -EAGAIN. */
#define FUSION_CALL_NOWAIT 0x8u

/** A handler's result: somebody will answer with fusion_call_return(). */
#define FUSION_CALL_DEFER 1

/** fusion_call_set_quota(): as many as it wants. */
#define FUSION_CALL_NO_LIMIT ((uint32_t)-1)

/** How to execute; see fusion_call_execute_bytes(). */
struct fusion_call_options {
	size_t size;	    /**< sizeof(struct fusion_call_options) */
	unsigned flags;	    /**< FUSION_CALL_... */
	int64_t timeout_ns; /**< longest wait for the answer, or FUSION_FOREVER
			     */
};

/** An execution as its handler sees it; valid until the handler returns. */
struct fusion_call_request {
	struct fusion_arena *arena;
	struct fusion_call *call;
	fusion_id_t caller; /**< member that calls; 0: from a shell */
	uint64_t word;	    /**< as the caller gave it */
	const void *data;   /**< the bytes, aligned to 8 */
	size_t size;	    /**< how many */
};

/**
 * Execute a call, in its owner.
 *
 * @return 0: the caller gets what fusion_call_reply() was given, or the word 0
 *         and no bytes if that was not called; FUSION_CALL_DEFER: somebody will
 *         answer with fusion_call_return(); a negative errno: the caller gets
 *         it
 *
 * Runs on the dispatcher, one handler at a time, or on a thread of the owner
 * that waits in a call or calls its own.  May do everything but leave the
 * arena, also execute calls and destroy this one.
 * May not return: see fusion/types.h.
 */
typedef int (*fusion_call_fn)(const struct fusion_call_request *request,
			      void *ctx);

/**
 * Make a call that this process executes.  Starts the dispatcher if nobody has.
 *
 * @param name  unique among the arena's calls, 1 to 63 bytes, no '/', no
 *              control characters, not beginning with '.' or '#'; or NULL: it
 *              is then called "#<id>".  The name of a call whose owner is gone
 *              may be used again, which destroys that call
 * @param fn    its handler
 * @param ctx   for the handler
 * @param ret   the handle; it lives until fusion_call_destroy() or the arena's
 *              end.  When its owner is gone, executing it is -EOWNERDEAD
 *
 * @return 0; -EINVAL name or no handler; -ENAMETOOLONG; -EEXIST; -ENOSPC the
 *         arena has as many as it can; -ENOMEM; -EMFILE too many threads;
 *         -EAGAIN no more threads (of the system)
 */
FUSION_API int fusion_call_create(struct fusion_arena *arena, const char *name,
				  fusion_call_fn fn, void *ctx,
				  struct fusion_call **ret);

/**
 * Find a call by its name, or by "#<id>".
 *
 * @return 0; -ENOENT; -EINVAL no such name is possible
 */
FUSION_API int fusion_call_lookup(struct fusion_arena *arena, const char *name,
				  struct fusion_call **ret);

/**
 * Destroy a call, by any member.  All who wait for its answer get -EIDRM, and
 * so does whoever uses the handle later, until the place is used for a new
 * call: make sure that nobody keeps it.
 *
 * @return 0; -EIDRM it is destroyed already; -EINVAL no call
 *
 * In the owner: when it returns the handler does not run any more, unless the
 * calling thread is in one.
 */
FUSION_API int fusion_call_destroy(struct fusion_call *call);

/** Who executes it.  0; -EIDRM destroyed; -EINVAL.  The member may be gone. */
FUSION_API int fusion_call_owner(struct fusion_call *call, fusion_id_t *ret);

/**
 * Execute: a word there, a word back, as long as it takes.
 *
 * @param ret_word  may be NULL
 *
 * @return as fusion_call_execute_bytes()
 */
FUSION_API int fusion_call_execute(struct fusion_call *call, uint64_t word,
				   uint64_t *ret_word);

/**
 * Execute.
 *
 * @param options      NULL: no flags, no limit
 * @param word         for the handler
 * @param in, in_size  copied; of any size that the heap can hold (more than
 *                     about 1 KiB travels as a block of the heap); NULL with
 *                     size 0
 * @param ret_word     the answer's word; may be NULL
 * @param out, out_size  where the answer's bytes go; NULL with size 0
 * @param ret_size     bytes of the answer; may be NULL.  Also set if they are
 *                     more than @out_size.  With @out and this NULL, bytes of
 *                     the answer are dropped, which is no error
 *
 * @return 0, also if the answer is empty; what the handler returned if that was
 *         negative; -EMSGSIZE the answer is larger than @out_size: it was
 *         executed, *ret_word and *ret_size are set, and fusion_call_answer()
 *         has the bytes; -EOWNERDEAD the owner is gone, or died over it;
 *         -EIDRM destroyed; -ETIMEDOUT; -ECANCELED; -EAGAIN no room or quota
 *         (FUSION_CALL_NOWAIT), or no more calls can be pending; -EINVAL;
 *         -ENOMEM; -EMFILE too many threads
 *
 * Any thread, also a handler.  Looks for the answer for a while before it
 * sleeps (fusion_set_spin()).  Signals do not end the wait.  After -ETIMEDOUT,
 * -ECANCELED and -EOWNERDEAD the handler may have run or may yet run; its
 * answer is dropped.
 */
FUSION_API int fusion_call_execute_bytes(
	struct fusion_call *call, const struct fusion_call_options *options,
	uint64_t word, const void *in, size_t in_size, uint64_t *ret_word,
	void *out, size_t out_size, size_t *ret_size);

/**
 * The bytes of the answer for which the calling thread's last call in @arena
 * had no room.
 *
 * @param out   room for *size bytes
 * @param size  set to the size of the answer
 *
 * @return 0; -EMSGSIZE still too small; -ENODATA there is none: the thread has
 *         called again since
 */
FUSION_API int fusion_call_answer(struct fusion_arena *arena, void *out,
				  size_t *size);

/**
 * In a handler: what the caller gets when it returns 0.  Copied.
 *
 * @return 0; -ENOMEM; -EINVAL.  May be called again: the last one counts
 */
FUSION_API int fusion_call_reply(const struct fusion_call_request *request,
				 uint64_t word, const void *data, size_t size);

/** In a handler: the number by which fusion_call_return() knows this execution,
 *  0 if nobody waits for an answer. */
FUSION_API uint64_t
fusion_call_serial(const struct fusion_call_request *request);

/**
 * Answer an execution whose handler returned FUSION_CALL_DEFER.
 *
 * @return 0 the caller has it; -ECANCELED the caller is gone, has given up, or
 *         was answered already; -EIDRM the call is destroyed; -EINVAL; -ENOMEM
 *         no memory for the bytes: the caller gets that, too
 *
 * Any thread, at any time, once; also before the handler has returned.
 */
FUSION_API int fusion_call_return(struct fusion_call *call, uint64_t serial,
				  uint64_t word, const void *data, size_t size);
/** The same with a negative errno for the caller. */
FUSION_API int fusion_call_return_error(struct fusion_call *call,
					uint64_t serial, int error);

/** End all executions of the call that threads of this process wait for: they
 *  return -ECANCELED.  How many, or -EIDRM, -EINVAL. */
FUSION_API int fusion_call_cancel(struct fusion_call *call);

/**
 * Limit how many executions of the call a member may have pending at a time.
 *
 * @param member  or FUSION_ALL: each one that has no limit of its own
 * @param limit   0: none at all; FUSION_CALL_NO_LIMIT
 *
 * @return 0; -ENOSPC 12 members have a limit already; -EIDRM; -EINVAL
 *
 * Who is over the limit waits until one of its executions has ended.  The
 * owner's own direct calls have no limit.
 */
FUSION_API int fusion_call_set_quota(struct fusion_call *call,
				     fusion_id_t member, uint32_t limit);

/** What fusion_call_stat() says. */
struct fusion_call_stats {
	fusion_id_t owner;
	uint32_t pending;  /**< somebody waits for them */
	uint64_t executed; /**< how many handlers have ended, or were answered
			    */
	uint64_t failed;   /**< those of them that ended with an error */
	uint64_t mean_ns;  /**< from the handler's begin to the answer */
	uint64_t max_ns;
};

/** 0; -EIDRM; -EINVAL. */
FUSION_API int fusion_call_stat(struct fusion_call *call,
				struct fusion_call_stats *ret);

FUSION_END_DECLS

#endif
