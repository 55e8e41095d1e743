/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The visitors' bell: a word that tells the daemon to look for its visitors
 *
 * A visitor is a shell's open file, for which the daemon waits.  A member that
 * brings something for a visitor, or makes room for one, rings the bell.  The
 * daemon sleeps on it.  Invariant: a ring after the daemon's last look is never
 * slept over; the two drawings show why.
 */
#ifndef FUSION_CORE_BELL_H
#define FUSION_CORE_BELL_H

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/view.h"

/*
 * Ring the bell: something is there for a visitor.
 *
 *   the bringer                   the daemon
 *   store it                      wanted = 1
 *   bell + 1, fence               fence
 *   wanted? -> wake               look -> nothing there, sleep while the bell
 *                                 is as it was before the look
 */
static inline void visitor_bell_ring(struct superblock *sb)
{
	/* A daemon that sees the new number must see what was brought.
	 * Release: pairs with the acquires of the bell in fusionfs. */
	add_release(&sb->visitor_bell, 1);
	full_fence();
	if (load_relaxed(&sb->visitor_bell_wanted))
		futex_wake(&sb->visitor_bell, INT32_MAX);
}

/*
 * Ask for a ring, as a visitor waits for room or for a quota.  @asked is a word
 * beside what it waits for, and visitor_tell() rings if it is set.
 *
 *   the maker of room            the daemon
 *   make room, fence             asked = 1
 *   asked? -> asked = 0, ring    fence
 *                                look -> nothing, wait for the bell
 *
 * A maker that is killed between clearing `asked` and ringing does no harm: the
 * daemon looks after each death.
 */
static inline void visitor_ask(uint16_t *asked)
{
	store_relaxed(asked, (uint16_t)1);
	full_fence();
}

/* Ring if a visitor has asked.  The caller has made room, and then a fence. */
static inline void visitor_tell(struct superblock *sb, uint16_t *asked)
{
	/* Acquire: the ring stays behind the exchange.  No release pairs with
	 * it, as `asked` publishes nothing. */
	if (load_relaxed(asked) && xchg_acquire(asked, (uint16_t)0))
		visitor_bell_ring(sb);
}

#endif
