/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Containers: what hashes, vectors and lists have in common.
 *
 * A container lies in the heap of its arena.  Its handle is a pointer that is
 * valid in every member and may be stored in shared data.  Any thread may use
 * it, but not a signal handler.
 *
 * Death: a thread that is killed in a call leaves the container as it was
 * before the call, or as it is after the call.  No block leaks.  The next call
 * that changes the container removes what the dead thread left.  Calls that
 * only read change nothing, and find one of the two states too.
 *
 * Names: a container can have a name.  fusion_..._lookup() finds it by its
 * name, fusion_..._open() finds or creates it, and fusionfs shows it in
 * hashes/, vectors/ or lists/.  Each kind has names of its own.  A container
 * without a name is not shown; keep its handle in shared data.  Each container
 * has an id (fusion_..._id()), also without a name.  fusion_..._get() finds by
 * the id a container that has a name.
 *
 * Locking by the program: without FUSION_CONTAINER_LOCK, the program locks.
 * All calls that change a container must hold one lock: a skirmish, or a
 * purchased property.  Such a lock passes to the next thread only after the
 * recovery of a dead owner.  If a skirmish returns -EOWNERDEAD, the container
 * needs no repair: call fusion_skirmish_consistent() and go on.
 *
 * Any number of threads may read at once, as long as no thread changes the
 * container.  Fusion has no lock for readers only.  So fill a container
 * before other members can find it, then only read it: that needs no lock.
 * Readers of any other container take the lock of the writers.
 *
 * Locking by the container: with FUSION_CONTAINER_LOCK, each call locks a
 * skirmish of the container's own, waiting as long as necessary.  No function
 * ends a wait with -EDEADLK.  No function returns -EOWNERDEAD: if the last
 * owner died, the function clears the mark of that skirmish and goes on.
 *
 * With FUSION_CONTAINER_LOCK, each function that takes a container may also
 * return the following errors of that skirmish.  Nothing has happened then.
 *   -ENOLCK     the thread holds FUSION_SKIRMISHES_HELD locks already, or has
 *               borrowed 16 in calls
 *   -EOVERFLOW  the thread holds the container's lock 2^32 - 1 times
 *   -EIDRM      a member has destroyed that skirmish
 *
 * Moves: fusion_hash_move(), fusion_list_move() and the functions that are
 * called fusion_..._move_to_...() take a value out of one container and put it
 * into another.  If the caller is killed, the value is in exactly one of the
 * two.  So a job that a worker moves to a container of its own is never lost,
 * and never done twice.  If such a function fails, nothing has happened.
 *
 * The two containers are in one arena.  With FUSION_CONTAINER_LOCK the function
 * locks the container with the lower address first.  Without it, hold the
 * program's lock of both.  A thread that holds the lock of one of the two calls
 * such a function only if no other thread can do so with the other.
 *
 * The value must be valid in the container that it goes to.  A block that a
 * hash owns goes to the next owner: another hash with
 * FUSION_CONTAINER_AUTOFREE, or the program.  A hash with
 * FUSION_CONTAINER_BYTES takes values from its like only.  A container of words
 * does not take a block that a hash owns.
 *
 * Fork: a child that enters the arena (FUSION_ENTER_FORK) uses the handles,
 * nodes and iterations of its parent.  It does not hold a lock that its parent
 * holds.
 */
#ifndef FUSION_CONTAINER_H
#define FUSION_CONTAINER_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A value in a container; make it with one of the two functions below. */
struct fusion_value {
	uint64_t word; /**< a word, or the bits of a pointer */
};

/** flags: each call locks the container's own skirmish. */
#define FUSION_CONTAINER_LOCK 0x1u
/** flags: values are words of any content.  Without this flag they are
 *  pointers, and a pointer that is NULL or not into the arena is refused with
 *  -EINVAL. */
#define FUSION_CONTAINER_WORDS 0x2u
/** flags, of a hash: the hash owns its values, which are blocks of the arena's
 *  heap (fusion_malloc()).  It frees a block that is removed or replaced
 *  without being given back, and all blocks when it is destroyed. */
#define FUSION_CONTAINER_AUTOFREE 0x4u
/** flags, of a hash or list: its values are bytes, which the container copies
 *  into blocks of its own (fusion_hash_put_bytes(),
 *  fusion_list_insert_bytes()).  It frees a block that is removed or replaced
 *  without being given back, and all blocks when it is destroyed. */
#define FUSION_CONTAINER_BYTES 0x8u

/**
 * Make a value of a pointer.
 *
 * @param pointer  a pointer into the arena, not NULL.  The function does not
 *                 check it; the function that stores the value does
 *
 * @return the value
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API struct fusion_value fusion_value_pointer(const void *pointer);

/**
 * Make a value of a word, for FUSION_CONTAINER_WORDS.
 *
 * @param word  any 64 bits
 *
 * @return the value
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API struct fusion_value fusion_value_word(uint64_t word);

/**
 * Get the pointer that a value was made of.
 *
 * @param value  a value of a container without FUSION_CONTAINER_WORDS
 *
 * @return the pointer
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API void *fusion_value_get_pointer(struct fusion_value value);

/* The compiler may copy the body of such a function into the program.  If it
 * does not, the program calls the function of that name in the library.
 * Languages that cannot read this header call that function, too: the library
 * compiles the bodies with an empty FUSION_INLINE. */
#ifndef FUSION_INLINE
#ifdef __cplusplus
#define FUSION_INLINE inline
#else
#define FUSION_INLINE extern __inline __attribute__((__gnu_inline__))
#endif
#endif

FUSION_INLINE struct fusion_value fusion_value_pointer(const void *pointer)
{
	struct fusion_value value = {(uint64_t)(uintptr_t)pointer};

	return value;
}

FUSION_INLINE struct fusion_value fusion_value_word(uint64_t word)
{
	struct fusion_value value = {word};

	return value;
}

FUSION_INLINE void *fusion_value_get_pointer(struct fusion_value value)
{
	return (void *)(uintptr_t)value.word;
}

FUSION_END_DECLS

#endif
