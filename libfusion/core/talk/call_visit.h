/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Calls of visitors. */
#ifndef FUSION_CORE_CALL_VISIT_H
#define FUSION_CORE_CALL_VISIT_H

#include "libfusion/core/talk/call.h"

/* What has come back. */
struct call_answer {
	uint64_t word;
	const void *data; /* in shared memory: copy it, then call_end() */
	uint64_t size;
};

/*
 * Execute call @index (whose id is @id) for a visitor whose record is @me.
 * 0: posted, and the bell rings when call_poll() has something to say;
 * -EAGAIN the owner's queue is full, or its quota (for FUSION_ALL) is used up:
 * the bell rings when to try again; -EOWNERDEAD; -EIDRM; -EBUSY the visitor's
 * last call is not over; -ENOMEM; -EIO, -ETIMEDOUT.
 */
int call_post(struct view *v, struct thread_rec *me, uint32_t index,
	      uint32_t id, uint64_t word, const void *data, uint32_t size);
/* 0 and *ret, until call_end(); -EAGAIN not yet; -ENODATA there is no call; a
 * negative errno: it has failed and is over. */
int call_poll(struct view *v, struct thread_rec *me, struct call_answer *ret);
/* The answer has been used, or the visitor gives up. */
void call_end(struct view *v, struct thread_rec *me);

#endif
