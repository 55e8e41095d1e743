/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thread records: where a thread announces what it is about to do
 *
 * A thread claims a record with a CAS of `member` from 0 to its slot + 1, then
 * stores a token of a new generation.  Recovery finds the records of a dead
 * member by a scan of the table below threads_hi, so there is no chain that a
 * death could break.  A record is freed only after its recovery.
 *
 * One record is reserved: thread_claim() never gives it away, and only the
 * holder of the life lock may use it (life_rec()).  So a process that recovers
 * the dead can announce what it does, even if no other record is free.
 */
#ifndef FUSION_CORE_THREAD_H
#define FUSION_CORE_THREAD_H

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/view.h"

/* The reserved record; record 0 is the undertaker's. */
#define THREAD_RESERVED 1u

/*
 * Claim a record for the calling thread, of member v->slot.
 * 0.
 * -EMFILE all records are taken.
 * -ENOMEM there is no memory for a record.
 */
int thread_claim(struct view *v, struct thread_rec **ret);
/* Free a record that announces nothing any more. */
void thread_release(struct view *v, struct thread_rec *t);

/* Claim the reserved record, which announces nothing.  Under the life lock. */
struct thread_rec *thread_claim_reserved(struct view *v);

/* Claim record 0 as v->rec, with a new token.  For the undertaker alone (member
 * slot 0), after it has recovered its predecessor's record. */
void thread_claim_undertaker(struct view *v);

/* Find the record of the thread with @token, which may be any number.  NULL: no
 * record has it.  Without a lock, the answer may be old. */
const struct thread_rec *thread_by_token(const struct view *v, uint32_t token);
/* Read the id of the member that has @t; 0 none, or the undertaker. */
uint32_t thread_member_id(const struct view *v, const struct thread_rec *t);

/* Read the token of @t.  Relaxed: the owner reads its own; others only compare
 * it, and compare again where it matters. */
static inline uint32_t thread_token(const struct thread_rec *t)
{
	return load_relaxed(&t->token) & TOKEN_MASK;
}

/* Compute the index of the record @t. */
static inline uint32_t thread_slot(const struct view *v,
				   const struct thread_rec *t)
{
	return (uint32_t)(t - view_thread(v, 0));
}

#endif
