/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Types and constants that all of Fusion's headers share, and how to read the
 * headers.
 *
 * Words: fusion(7) has a glossary.  An arena is a shared heap with a name.  A
 * member is a process that has entered the arena.  "The caller" is the calling
 * thread; "this process" is the member that the thread belongs to.
 *
 * Results: a function that returns int returns 0, or a documented positive
 * number, on success and a negative errno on failure.  fusion_strerror() in
 * fusion/error.h explains the errno.  Parameters called ret or ret_... receive
 * results.  A function writes them on success only, unless its description
 * names an exception.  Pass the address of a variable; NULL is allowed only
 * where the description says so.
 *
 * Errors that are not repeated at each function: the arena keeps a record of
 * each thread that uses it.  The thread's first call creates the record, and
 * may return
 *   -EMFILE  the arena has no record left for this thread
 *   -ENOMEM  the arena has no memory left for the record
 * Any call may return
 *   -EIO     the arena is corrupt: a member has overwritten Fusion's own data
 * A call that gets a handle of the parent, in the child of a fork, returns
 *   -ECHILD  enter the arena in the child, or let the parent enter with
 *            FUSION_ENTER_FORK (fusion/arena.h)
 * It returns -EINVAL instead where the library cannot tell whose handle it is.
 *
 * Handles: a pointer to a struct that the headers only declare, such as struct
 * fusion_skirmish, names a thing of an arena.  Never read through it, compute
 * with it or store into its low bits.  A handle of a skirmish, property,
 * reference, reactor, call, object or object pool is valid in every member, and
 * may be stored in shared data.  It has the low 8 bits of the thing's id.  A
 * call with the handle of a thing that was destroyed returns
 *   -EIDRM  also if a new thing has the memory of the old one
 * There is one exception: the two ids differ by a multiple of 256.  Then the
 * handles are equal, and the old one uses the new thing.  Ids count up, and the
 * memory that is free for the longest time is used first.  So an old handle is
 * refused while the arena gives out 255 further ids, and usually for much
 * longer.  An object takes two ids, any other thing one.  Handles of the arena,
 * of containers and of heap pools have no bits of an id.
 *
 * Time-outs: nanoseconds.  As an argument, 0 does not wait, and FUSION_FOREVER
 * waits without limit.  In an options struct, 0 is the default, which the
 * struct names.  Any other negative number is refused with -EINVAL.  A time-out
 * that is too long for the clock has no limit.  The limit of a wait is measured
 * with CLOCK_MONOTONIC.
 *
 * Waits: a function that takes a time-out takes flags behind it, 0 or
 * FUSION_WAIT_... together.  Where the time-out is in an options struct, or
 * where flags come before it, those flags accept the same.  Unknown flags are
 * refused with -EINVAL.
 *
 * A wait with FUSION_WAIT_INTERRUPTIBLE returns
 *   -EINTR  a signal handler has run on the waiting thread
 * With that error the function has done what it does with -ETIMEDOUT: nothing
 * is lost.  The handler has to run while the thread sleeps.  A signal that
 * comes shortly before the sleep does not end it, as with pause(2).  So let the
 * handler note the signal, and give the wait a time-out; or read signals with
 * signalfd(2).  A function that has at this moment got what it waits for
 * returns that, not -EINTR.
 *
 * Options: a struct called ..._options begins with its size.  NULL stands for
 * all defaults.  Set the whole struct to zero, and its size to its sizeof; the
 * macro ..._OPTIONS_INIT does both.  A program and a library of different
 * versions agree on the members that both know:
 *   -EINVAL  size is smaller than the first version of the struct
 *   -E2BIG   size is larger than this library's struct, and one of the bytes
 *            that the library does not know is not zero
 *
 * Results that are structs: a function called ..._stat takes the size of the
 * caller's struct.  It writes the members that the struct has room for, and
 * zeroes those that this library does not know.  Members called reserved are 0
 * in results, and have to be 0 in options.  Structs that the library
 * passes to a callback grow at their end in later versions: never copy one.
 * Enumerations grow, too: expect values that you do not know.
 *
 * Ownership: a pointer argument stays the caller's, unless the description says
 * that the function takes it.  The functions called ..._destroy, ..._detach
 * and ..._release, and fusion_slot_cancel(), do nothing with NULL, and succeed.
 *
 * Threads: "any thread" means any thread of any member, at any time.  Several
 * threads may call at once.  "Any thread" never includes a signal handler,
 * unless a description says so.
 *
 * Cancellation: no function of the library is a cancellation point.  A thread
 * that is cancelled (pthread_cancel()) during a call ends after it, or in a
 * callback.
 *
 * Blocking: "does not block" means that the function neither sleeps nor waits
 * for a lock.  "Takes a short lock" means that the function takes a lock inside
 * the arena that is held for a few steps only.  If the owner of that lock dies,
 * recovery frees it.  If its owner is stopped (SIGSTOP, a debugger), the
 * function waits until the owner goes on.  Signals end a wait only if it has
 * FUSION_WAIT_INTERRUPTIBLE, or if the description says so.
 *
 * Death: a member may be killed in any function.  The function's effect has
 * then happened whole or not at all, unless its description says otherwise.
 *
 * Leaving a callback without returning: a callback is a function of the program
 * that the library calls.  Where its description refers to this paragraph, it
 * may throw a C++ exception through the library, longjmp() out of the library,
 * or end its thread.  What the library was doing has then failed, or is over:
 *
 *  - entering the arena fails.  If initialize() left, the processes that wait
 *    for the arena get -ECANCELED;
 *  - exiting the arena does not take place;
 *  - the caller of a call gets -ECANCELED;
 *  - a field is not created, and the block that was to be its data is freed;
 *  - an object is freed, even if its destructor left;
 *  - a message, an event or a fall counts as delivered.  Reactions that were to
 *    run after the one that left do not get that message.
 *
 * The library then keeps no lock because of the callback, and the arena is as
 * usable as before, for this process and for the others.  After an exception
 * this holds as soon as the exception is caught.  After a longjmp() it holds
 * when the thread next enters or exits an arena, dispatches, sends, calls or
 * detaches, or when the thread ends.  Until then other threads may wait.  A few
 * bytes of private memory may leak.  The program keeps what it has locked or
 * counted itself.
 *
 * On a thread that the library started, nobody catches an exception: the
 * process ends.  A callback that runs on another stack (makecontext()) may
 * throw, but must not longjmp().
 */
#ifndef FUSION_TYPES_H
#define FUSION_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
#define FUSION_BEGIN_DECLS extern "C" {
#define FUSION_END_DECLS }
#else
#define FUSION_BEGIN_DECLS
#define FUSION_END_DECLS
#endif

#define FUSION_API __attribute__((visibility("default")))

/**
 * Before a function whose result says whether the caller has what it asked for,
 * for example a lock: the compiler warns where a program ignores the result.
 * For C99 to C++23 with the compilers that have the attribute; it is
 * empty for others.  A cast to void does not end GCC's warning: handle the
 * result.
 */
#if defined(__GNUC__) || defined(__clang__)
#define FUSION_MUST_CHECK __attribute__((warn_unused_result))
#else
#define FUSION_MUST_CHECK
#endif

/** The id of a member or of a named thing.  Ids count up; an arena uses each of
 *  them once. */
typedef uint32_t fusion_id_t;

/** A time-out that never comes. */
#define FUSION_FOREVER ((int64_t)-1)

/** Flag of a wait: a signal handler that runs on the waiting thread ends the
 *  wait, with -EINTR.  It does not matter whether the handler has SA_RESTART.
 */
#define FUSION_WAIT_INTERRUPTIBLE 0x40000000u
/** Flag of a wait: the time-out is a time of CLOCK_MONOTONIC, in nanoseconds.
 *  A time in the past does not wait.  FUSION_FOREVER stays what it is, and so
 *  does 0 in an options struct. */
#define FUSION_WAIT_UNTIL 0x80000000u

/** In the place of a member's id: no member.  A field that has the id of a
 *  member is FUSION_NONE if there is none, or if a shell is meant.  As an
 *  argument it is the id of nobody: -ESRCH. */
#define FUSION_NONE ((fusion_id_t)0)

/** In the place of a member's id: all members, as the function describes.  No
 *  member gets this id. */
#define FUSION_ALL ((fusion_id_t)UINT32_MAX)

#endif
