/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The visitors' bell: something has come for one of them, so the daemon is to
 * look. */
#ifndef FUSION_CORE_BELL_H
#define FUSION_CORE_BELL_H

#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/view.h"

/*
 *   who brings something          the daemon
 *   store it                      wanted = 1
 *   bell + 1, fence               fence
 *   wanted? -> wake               look -> nothing there, sleep while the bell
 *                                 is as it was before the look
 */
static inline void visitor_bell_ring(struct view *v)
{
	/* Release: pairs with the acquire of who reads the bell. */
	add_release(&v->sb->visitor_bell, 1);
	full_fence();
	if (load_relaxed(&v->sb->visitor_bell_wanted))
		futex_wake(&v->sb->visitor_bell, INT32_MAX);
}

#endif
