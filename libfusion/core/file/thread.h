/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Thread records: where a thread announces what it is about to do
 *
 * Claim: CAS member 0 -> slot + 1, then a token of a new generation.  Recovery
 * finds the records of a dead member by scanning the table below threads_hi, so
 * there is no chain to break.  A record is freed only after its recovery.
 *
 * One record is reserved: thread_claim() never gives it away, and only the
 * holder of the life lock may use it (life_rec()).  So whoever recovers the
 * dead can announce what it does, also when they have left no other record
 * free.
 */
#ifndef FUSION_CORE_THREAD_H
#define FUSION_CORE_THREAD_H

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/view.h"

/* 0 is the undertaker's. */
#define THREAD_RESERVED 1u

/* Claim a record for the calling thread (of member v->slot).  0, -EMFILE (all
 * taken), -ENOMEM. */
int thread_claim(struct view *v, struct thread_rec **ret);
/* Give back a record that announces nothing any more. */
void thread_release(struct view *v, struct thread_rec *t);

/* Take the reserved record, which announces nothing.  Under the life lock. */
struct thread_rec *thread_claim_reserved(struct view *v);

/* Take record 0 as v->rec, with a new token.  Only the one process that has
 * the arena's undertaker role (member slot 0), after recovering its
 * predecessor's record. */
void thread_claim_undertaker(struct view *v);

/* Whose @token is, NULL if that thread's record is not there any more.  Takes
 * any number; no lock, so it says only what was so. */
const struct thread_rec *thread_by_token(const struct view *v, uint32_t token);
/* Id of the member that has @t, 0 none (or the undertaker). */
uint32_t thread_member_id(const struct view *v, const struct thread_rec *t);

/* Relaxed: a record's owner reads its own; others compare, and look again where
 * it matters. */
static inline uint32_t thread_token(const struct thread_rec *t)
{
	return load_relaxed(&t->token) & TOKEN_MASK;
}

static inline uint32_t thread_slot(const struct view *v,
				   const struct thread_rec *t)
{
	return (uint32_t)(t - view_thread(v, 0));
}

#endif
