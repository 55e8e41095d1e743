/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Room: waiting for it, and telling that there is some
 *
 * A thread that waits counts itself in ring_ctl.space_waiters and sleeps on
 * ring_ctl.space.  A visitor, for which the daemon must not sleep, sets
 * ring_ctl.visitors, and the visitors' bell rings (file/bell.h).  The drawing
 * at ring_wait_space() shows why no wake is lost.
 *
 * Killed between making room and the wake: a waiter sleeps for SUSPECT_FIRST_NS
 * at most, and looks again.  A waiter that is killed leaves space_waiters too
 * high, which costs wakes that nobody needs.
 */
#include "libfusion/core/talk/ring_room.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/bell.h"

/*
 *   the thread that waits              the thread that makes room
 *   space_waiters++                    stamp FREE
 *   fence                              fence
 *   seen = space; any room? no         space_waiters? space++, wake
 *   sleep while space == seen
 */
int ring_wait_space(struct ring *r, uint32_t seen, int64_t timeout_ns)
{
	return futex_wait(&r->ctl->space, seen, timeout_ns);
}

static void wake_space_waiters(struct ring *r)
{
	/* Release: pairs with the acquire of `space` in message_wait() and
	 * wait_for_room().  A thread that sees the new number must see the
	 * room. */
	add_release(&r->ctl->space, 1);
	futex_wake(&r->ctl->space, INT_MAX);
}

void ring_tell_space(struct ring *r)
{
	full_fence();
	/* Relaxed: the fence orders it, as drawn at ring_wait_space(). */
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
	/* The fence below orders this store; nothing else is published with
	 * it. */
	store_release(&r->ctl->closed, 1u);
	/* The drawing is at visitor_ask(): first `closed`, then the visitors
	 * that asked.  Threads that sleep compare `space`, which always
	 * changes. */
	full_fence();
	wake_space_waiters(r);
	visitor_tell(r->sb, &r->ctl->visitors);
}
