/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room: who waits for it, and who says that there is some
 *
 * A thread that waits counts itself in ring_ctl.space_waiters and sleeps on
 * ring_ctl.space; a visitor sets ring_ctl.visitors, and is told by the
 * visitors' bell.  The drawing at ring_wait_space() shows why no wake is lost.
 */
#include "libfusion/core/talk/ring_room.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/bell.h"

/*
 *   who waits                          who makes room
 *   waiters++                          stamp FREE
 *   fence                              fence
 *   look for room -> none              waiters? -> space++, wake
 *   sleep while space is as seen
 */
int ring_wait_space(struct ring *r, uint32_t seen, int64_t timeout_ns)
{
	return futex_wait(&r->ctl->space, seen, timeout_ns);
}

static void wake_space_waiters(struct ring *r)
{
	/* Release: pairs with the acquire of who waits. */
	add_release(&r->ctl->space, 1);
	futex_wake(&r->ctl->space, INT_MAX);
}

void ring_tell_space(struct ring *r)
{
	full_fence();
	if (load_relaxed(&r->ctl->space_waiters))
		wake_space_waiters(r);
	visitor_tell(r->sb, &r->ctl->visitors);
}

void ring_ask_space(struct ring *r)
{
	visitor_ask(&r->ctl->visitors);
}

void ring_shut(struct ring *r)
{
	store_release(&r->ctl->closed, 1u);
	/* The drawing is at visitor_ask(): closed, then who asked.  (Those who
	 * sleep compare `space`, which always changes.) */
	full_fence();
	wake_space_waiters(r);
	visitor_tell(r->sb, &r->ctl->visitors);
}
