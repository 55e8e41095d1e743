/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * The dispatcher: who runs handlers of messages, calls and reactors, leave
 * notices (fusion/arena.h) and watches of references (fusion/ref.h).
 *
 * By default the library has a thread for it, which it starts with the first
 * of them.  A program that has a loop of its own asks for fusion_fd(), waits
 * for it to become readable in poll, select, epoll, a GLib or libuv loop, and
 * calls fusion_dispatch().  Never both: the first call of fusion_fd() or
 * fusion_dispatch() ends the thread.
 *
 * Handlers of an arena run one at a time.  When a handler on the library's
 * thread waits for the answer of a call, others may run meanwhile, on another
 * thread; in a program that dispatches by hand nothing runs until it comes
 * back, so give calls in handlers a time-out there.
 */
#ifndef FUSION_DISPATCH_H
#define FUSION_DISPATCH_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/**
 * A descriptor that is readable while there is something to dispatch.
 *
 * @return the descriptor, always the same one, the library's to close; or
 *         -ENOMEM, -EMFILE, -ENFILE, -EAGAIN no more threads, -EINVAL,
 *         -ENOSPC as fusion_message_handle(), -EDEADLK on a handler of the
 *         library's thread
 *
 * Any thread.  From now on the program dispatches.  Level- and edge-triggered:
 * what has come after fusion_dispatch() returned makes an edge.  A thread of
 * the library sleeps on the queue for it.
 */
FUSION_API int fusion_fd(struct fusion_arena *arena);

/**
 * Handle what is there, and if there is nothing, wait for it.
 *
 * @param timeout_ns  0 does not wait, FUSION_FOREVER
 *
 * @return as many handlers as ran, 0 if the time was up; -EBUSY another thread
 *         is at it; -EDEADLK the caller is a handler; -EINTR a signal came
 *         while it waited; -EINVAL; others as fusion_fd()
 *
 * Any thread, one at a time.  Returns after a bounded number of messages, also
 * when more keep coming.
 */
FUSION_API int fusion_dispatch(struct fusion_arena *arena, int64_t timeout_ns);

/**
 * Wait until all that was in the caller's queue when this was called has been
 * handled.
 *
 * @return 0; -ETIMEDOUT; -EDEADLK the caller is a handler; -EINVAL; others as
 *         fusion_message_handle()
 *
 * Any thread.  In a program that dispatches by hand it dispatches, unless
 * another thread is at it.  Signals do not end the wait.
 */
FUSION_API int fusion_sync(struct fusion_arena *arena, int64_t timeout_ns);

/** A function for fusion_dispatch_cleanup().  May not return: see
 *  fusion/types.h. */
typedef void (*fusion_cleanup_fn)(struct fusion_arena *arena, void *ctx);

/**
 * Have a function run once, when the dispatcher has handled what it found: the
 * place to free what a handler, or somebody further up the stack, still uses.
 *
 * @return 0; -ENOMEM; -EINVAL; others as fusion_message_handle()
 *
 * Any thread, also a handler.  First come, first run; leaving the arena runs
 * what is left.
 */
FUSION_API int fusion_dispatch_cleanup(struct fusion_arena *arena,
				       fusion_cleanup_fn fn, void *ctx);

/**
 * How long this process looks for a message or an answer before it sleeps.
 *
 * A peer on another processor is faster than two system calls; while one looks
 * one uses the processor.  Whether it pays is learnt as one goes: the time is
 * halved when it was in vain and doubled when not, up to this limit.
 *
 * @param ns  the limit, at most a second; 0: sleep at once; < 0: the default,
 *            which is $FUSION_SPIN_NS, else 50000, or 0 for a process that may
 *            run on one processor only
 *
 * @return 0, -EINVAL.  Any thread; for all arenas of the process.
 */
FUSION_API int fusion_set_spin(int64_t ns);

FUSION_END_DECLS

#endif
