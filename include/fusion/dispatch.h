/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * The dispatcher: choose the thread that runs a member's handlers.
 *
 * A handler is a function of the program that the library runs when something
 * arrives: a message, a call, an event of a reactor, a leave notice
 * (fusion/arena.h), or a fall of a reference (fusion/ref.h).
 *
 * By default the library starts a thread of its own with the first handler.  A
 * program with an event loop enters the arena with FUSION_ENTER_MANUAL instead,
 * and waits until the descriptor of fusion_arena_fd() is readable: with poll,
 * select, epoll, GLib or libuv.  Then it calls fusion_arena_dispatch(). Nothing
 * is handled unless the program dispatches.
 *
 * The handlers of an arena run one at a time.  When a handler on the library's
 * thread waits for the answer of a call, another thread of the library runs
 * further handlers meanwhile.  In a program that dispatches by itself, nothing
 * runs until that handler returns.  So give calls in handlers a time-out there.
 */
#ifndef FUSION_DISPATCH_H
#define FUSION_DISPATCH_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/**
 * Get a descriptor that is readable while there is something to dispatch.
 *
 * @param arena  the arena, entered with FUSION_ENTER_MANUAL
 *
 * @return the descriptor, which does not change until fusion_arena_exit(); the
 *         program neither reads from it nor closes it; or
 *   -ENOTSUP  this process has entered without FUSION_ENTER_MANUAL
 *   -EINVAL   this process is not in the arena
 *   -ECHILD   this process is the child of a fork
 *   -EMFILE   this process has entered by a fork, and no descriptor was left
 *
 * The descriptor may be readable when there is nothing to dispatch, as it is
 * before the first fusion_arena_dispatch().  It works level- and
 * edge-triggered: what arrives after fusion_arena_dispatch() has returned makes
 * an edge.  In the child of a fork (FUSION_ENTER_FORK) its number is the same,
 * and what it tells is the child's own; add it to an epoll instance that the
 * child makes.
 *
 * Once a program has asked for the descriptor, a thread of the library watches
 * the queue while nothing is there to dispatch.  That thread runs no handler.
 * If the system starts no thread, the descriptor stays readable: the program
 * works, and does not sleep.
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API int fusion_arena_fd(struct fusion_arena *arena);

/**
 * Run the handlers of what has arrived, and wait if nothing has.
 *
 * @param arena       the arena, entered with FUSION_ENTER_MANUAL
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return the number of handlers that ran; 0 if the time was over before; or
 *   -ENOTSUP  this process has entered without FUSION_ENTER_MANUAL
 *   -EBUSY    another thread is dispatching
 *   -EDEADLK  the caller is a handler
 *   -EINTR    a signal handler has run during the wait, and nothing has arrived
 *             (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL   this process is not in the arena, or @timeout_ns or @flags is not
 *             valid
 *   -ECHILD   this process is the child of a fork
 *   -ENOMEM   memory is used up
 *   -ENOSPC   the arena has no room for this member's queue
 *
 * The call returns after a limited number of messages, even if more keep
 * coming.
 *
 * Any thread, one at a time.  Blocks.
 */
FUSION_API int fusion_arena_dispatch(struct fusion_arena *arena,
				     int64_t timeout_ns, uint32_t flags);

/**
 * Wait until everything that is in this member's queue now has been handled.
 *
 * @param arena       the arena
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return
 *   0           all of it is handled
 *   -ETIMEDOUT  not all of it is handled
 *   -EINTR      not all of it is handled, and a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -EDEADLK    the caller is a handler
 *   -EINVAL     this process is not in the arena, or @timeout_ns or @flags is
 *               not valid
 *   -ECHILD     this process is the child of a fork
 *   other       an error of fusion_message_handle()
 *
 * Any thread.  Blocks.  After FUSION_ENTER_MANUAL this call dispatches, unless
 * another thread does.
 */
FUSION_API int fusion_arena_sync(struct fusion_arena *arena, int64_t timeout_ns,
				 uint32_t flags);

/**
 * A function for fusion_arena_dispatch_cleanup().
 *
 * @param arena  the arena
 * @param ctx    as given to fusion_arena_dispatch_cleanup()
 *
 * May leave without returning: see fusion/types.h.
 */
typedef void (*fusion_cleanup_fn)(struct fusion_arena *arena, void *ctx);

/**
 * Run a function once no handler is running.
 *
 * @param arena  the arena
 * @param fn     runs once, on the dispatcher
 * @param ctx    argument of @fn
 *
 * @return
 *   0        @fn will run
 *   -EINVAL  this process is not in the arena, or @fn is NULL
 *   -ECHILD  this process is the child of a fork
 *   -ENOMEM  memory is used up
 *   other    an error of fusion_message_handle()
 *
 * Use it to free memory that a running handler still uses.  Functions run in
 * the order of their calls.  Exiting the arena runs those that remain.
 *
 * Any thread, also a handler.  Does not wait for @fn.
 */
FUSION_API int fusion_arena_dispatch_cleanup(struct fusion_arena *arena,
					     fusion_cleanup_fn fn, void *ctx);

/**
 * Limit how long a thread looks for a message or an answer before it sleeps.
 *
 * @param ns  the limit in nanoseconds, at most a second; 0 sleeps at once.  A
 *            negative number means the default: $FUSION_SPIN_NS, else 50000, or
 *            0 if the process may run on one processor only
 *
 * @return
 *   0        set
 *   -EINVAL  @ns is more than a second
 *
 * A peer on another processor often answers faster than two system calls.  But
 * a thread that looks occupies a processor.  So the library learns, up to this
 * limit: it doubles the time after a look that found something, and halves it
 * after one that did not.
 *
 * Any thread; for all arenas of the process.  Does not block.
 */
FUSION_API int fusion_set_spin(int64_t ns);

FUSION_END_DECLS

#endif
