/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * What hash, vector and list have in common.
 *
 * A container lies in the heap of its arena.  Its handle is a plain pointer,
 * valid in every member and to be kept in shared data.
 *
 * Who is killed in a call leaves the container as it was before the call or as
 * it is after it, with no block lost; the next call that changes it clears up
 * what the dead one left.  Calls that only read change nothing, and see one of
 * the two as well.
 *
 * Without FUSION_CONTAINER_LOCK the callers lock: one skirmish (or purchased
 * property) for all calls that change a container, so that who comes next
 * comes after the recovery of a dead one.  The lock's -EOWNERDEAD needs no
 * mending here: fusion_skirmish_consistent() and go on.  Any number of threads
 * may read at the same time, if nobody changes the container meanwhile.  There
 * is no shared lock in Fusion, so that means: what is filled once, before
 * others find it, is read without a lock; all else with the one that the
 * writers take.
 *
 * With FUSION_CONTAINER_LOCK each call takes a skirmish of the container's own,
 * and waits for it as long as it needs.  The death of its owner is not seen.
 *
 * A child of fork() that enters again (FUSION_ENTER_FORK) uses its parent's
 * handles, nodes and iterations as they are; a lock that the parent holds is
 * not its.
 *
 * All calls may be made by any thread of any member, but not by signal
 * handlers.
 */
#ifndef FUSION_CONTAINER_H
#define FUSION_CONTAINER_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A value in a container: a pointer, or with FUSION_CONTAINER_WORDS a word. */
union fusion_value {
	void *pointer; /**< into the arena, not NULL */
	uint64_t word;
};

/** flags: each call takes a lock of the container's own. */
#define FUSION_CONTAINER_LOCK 0x1u
/** flags: values are words, any will do.  Without it they are pointers, and one
 *  that is NULL or not into the arena is refused with -EINVAL. */
#define FUSION_CONTAINER_WORDS 0x2u
/** flags, of a hash: values are blocks of the arena's heap (fusion_malloc())
 *  that belong to the hash.  It frees them when they are removed or replaced
 *  and not given back, and when it is destroyed. */
#define FUSION_CONTAINER_AUTOFREE 0x4u

static inline union fusion_value fusion_value_pointer(const void *pointer)
{
	union fusion_value value;

	value.pointer = (void *)(uintptr_t)pointer;
	return value;
}

static inline union fusion_value fusion_value_word(uint64_t word)
{
	union fusion_value value;

	value.word = word;
	return value;
}

FUSION_END_DECLS

#endif
