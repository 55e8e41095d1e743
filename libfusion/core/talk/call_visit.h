/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of visitors, for the daemon, which must not sleep. */
#ifndef FUSION_CORE_CALL_VISIT_H
#define FUSION_CORE_CALL_VISIT_H

#include "libfusion/core/talk/call.h"

/* An answer that has come back. */
struct call_answer {
	int status; /* 0, or the errno that the owner answered with */
	uint64_t word;
	const void *data; /* in shared memory: copy it, then call_end() */
	uint64_t size;
};

/*
 * Post a call of visitor @me: call @index, if it still has @id, with @word and
 * the @size bytes @data.
 *
 *   0            posted; the bell rings when call_poll() has something to say
 *   -EAGAIN      the owner's queue is full, or its quota for FUSION_ALL is used
 *                up; the bell rings when to try again
 *   -EHOSTDOWN   the owner is not inside
 *   -EIDRM       the call is destroyed
 *   -EBUSY       the visitor's last call is not over
 *   -EINVAL      there is no such call, or @size is too large
 *   -ENOMEM, -EIO, -ETIMEDOUT
 */
int call_post(struct view *v, struct thread_rec *me, uint32_t index,
	      uint32_t id, uint64_t word, const void *data, uint32_t size);
/*
 * Ask for the answer of the visitor's call.
 *
 *   0 and *ret   which is valid until call_end()
 *   -EAGAIN      it has not come yet
 *   -ENODATA     the visitor has no call
 *   -EHOSTDOWN   the owner is gone, and has not executed it; it is over
 *   -ECONNRESET  the owner is gone, and may have executed it; it is over
 *   other errno  the call has failed, and is over
 */
int call_poll(struct view *v, struct thread_rec *me, struct call_answer *ret);
/* End the call: its answer was used, or the visitor gives up. */
void call_end(struct view *v, struct thread_rec *me);

#endif
