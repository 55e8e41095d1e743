/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The visitors' bell: something has come for one of them, so the daemon is to
 * look. */
#ifndef FUSION_CORE_BELL_H
#define FUSION_CORE_BELL_H

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/view.h"

/*
 *   who brings something          the daemon
 *   store it                      wanted = 1
 *   bell + 1, fence               fence
 *   wanted? -> wake               look -> nothing there, sleep while the bell
 *                                 is as it was before the look
 */
static inline void visitor_bell_ring(struct superblock *sb)
{
	/* Release: pairs with the acquire of who reads the bell. */
	add_release(&sb->visitor_bell, 1);
	full_fence();
	if (load_relaxed(&sb->visitor_bell_wanted))
		futex_wake(&sb->visitor_bell, INT32_MAX);
}

/*
 * A visitor waits for room, or for a quota: @asked is in what it waits for.
 *
 *   who makes room               the daemon
 *   make it, fence               asked = 1
 *   asked? -> take it, ring      fence
 *                                look -> nothing, wait for the bell
 *
 * Killed between taking it and ringing: the daemon looks after each death.
 */
static inline void visitor_ask(uint16_t *asked)
{
	store_relaxed(asked, (uint16_t)1);
	full_fence();
}

static inline void visitor_tell(struct superblock *sb, uint16_t *asked)
{
	if (load_relaxed(asked) && xchg_acquire(asked, (uint16_t)0))
		visitor_bell_ring(sb);
}

#endif
