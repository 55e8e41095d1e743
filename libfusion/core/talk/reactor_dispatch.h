/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Dispatching through a reactor. */
#ifndef FUSION_CORE_REACTOR_DISPATCH_H
#define FUSION_CORE_REACTOR_DISPATCH_H

#include "libfusion/core/talk/reactor.h"

struct reactor_send {
	struct msg_head head; /* sender, flags, size, a = channel */
	const void *data;
	bool nowait;	    /* -EAGAIN rather than wait */
	bool interruptible; /* -EINTR if a signal handler runs meanwhile */
	uint32_t impatient; /* member id whose own cursor is not waited for */
	/* With nowait: when it was tried first, CLOCK_MONOTONIC; 0 now. */
	int64_t since_ns;
	/* For the daemon, which must not sleep: with -EAGAIN the visitors' bell
	 * rings when there may be room, and this is how long to wait for it. */
	int64_t *ret_nap_ns;
};

/*
 * Dispatch a message to all that listen to its channel.
 *
 *   0
 *   -EAGAIN    there is no room, and send->nowait
 *   -EINTR     there is no room, and send->interruptible
 *   -EMSGSIZE  the message is too large for the ring
 *   -EIDRM     the reactor is destroyed
 *   -EIO       the ring makes no sense; a full one is checked with ret_nap_ns
 */
int reactor_dispatch(struct view *v, struct thread_rec *me, struct reactor *re,
		     const struct reactor_send *send);

#endif
