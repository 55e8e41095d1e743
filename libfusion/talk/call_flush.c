/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Wakes that are owed for queued calls
 *
 * A queued call does not wake its owner.  A thread of the library wakes the
 * owner a moment later, or the next call that is not queued does.  If the
 * process dies first, its recovery wakes each member that sleeps beside a
 * record (call_recover_member()).
 */
#include "libfusion/talk/call_flush.h"

#include <time.h>

#include "libfusion/base/quiet_thread.h"
#include "libfusion/base/refuse.h"
#include "libfusion/talk/call_private.h"

/* lock is held. */
static void flush_owed(struct calls *calls)
{
	for (uint32_t i = 0; i < calls->n_owed; i++)
		message_wake(&calls->owed[i]);
	store_relaxed(&calls->n_owed, 0u);
}

static void *flush_thread(void *arg)
{
	const struct timespec nap = {.tv_nsec = FLUSH_NS};
	struct calls *calls = arg;

	pthread_mutex_lock(&calls->lock);
	while (!calls->stop) {
		if (!calls->n_owed) {
			pthread_cond_wait(&calls->changed, &calls->lock);
			continue;
		}
		pthread_mutex_unlock(&calls->lock);
		nanosleep(&nap, NULL);
		pthread_mutex_lock(&calls->lock);
		flush_owed(calls);
	}
	pthread_mutex_unlock(&calls->lock);
	return NULL;
}

/* lock is held. */
static bool start_flusher(struct calls *calls)
{
	if (!calls->flushing)
		calls->flushing = quiet_thread_start(&calls->flusher,
						     flush_thread, calls) == 0;
	/* The caller goes on without it. */
	if (!calls->flushing)
		refuse_nothing();
	return calls->flushing;
}

void call_flush_later(struct calls *calls, const struct owed *owed)
{
	if (!owed->slept)
		return; /* the owner is awake, or another call owes the wake */
	pthread_mutex_lock(&calls->lock);
	if (calls->n_owed == FLUSH_RINGS)
		flush_owed(calls);
	if (start_flusher(calls)) {
		calls->owed[calls->n_owed] = *owed;
		store_relaxed(&calls->n_owed, calls->n_owed + 1);
		pthread_cond_broadcast(&calls->changed);
	} else {
		message_wake(owed);
	}
	pthread_mutex_unlock(&calls->lock);
}

void call_flush(struct fusion_arena *arena)
{
	struct calls *calls = calls_existing(arena);

	/* Relaxed: a thread sees what it has queued itself. */
	if (!calls || !load_relaxed(&calls->n_owed))
		return;
	pthread_mutex_lock(&calls->lock);
	flush_owed(calls);
	pthread_mutex_unlock(&calls->lock);
}
