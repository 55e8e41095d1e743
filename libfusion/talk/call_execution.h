/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One execution of a call, as its caller sees it, and the answer to it. */
#ifndef FUSION_CALL_EXECUTION_H
#define FUSION_CALL_EXECUTION_H

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/wait.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/heap/tls.h"
#include "libfusion/talk/call_private.h"
#include "libfusion/talk/dispatch_thread.h"

/* On the stack of fusion_call_execute(). */
struct execution {
	struct tcache *cache;
	struct fusion_arena *arena;
	struct view *v;
	struct thread_rec *me;
	struct call_request rq;
	const void *in;
	uint32_t flags;
	struct wait wait; /* for the answer */

	struct call_slot *slot;
	uint64_t serial;
	bool blocked; /* the thread has given its turn away */
	bool looked;  /* once, whether the owner is dead */
	int64_t nap, given_up_ns;
	uint32_t n_naps; /* while another has borrowed our locks */

	struct fusion_call_answer *answer; /* NULL: not wanted */
};

static inline bool is_late(const struct execution *x)
{
	return x->wait.deadline_ns >= 0 &&
	       clock_monotonic_ns() >= x->wait.deadline_ns;
}

/* Let other threads dispatch while this thread waits. */
static inline void give_turn_away(struct execution *x)
{
	if (!x->blocked)
		x->blocked = dispatch_block(x->arena);
}

static inline void take_turn_back(struct execution *x)
{
	if (x->blocked)
		dispatch_unblock(x->arena);
	x->blocked = false;
}

#endif
