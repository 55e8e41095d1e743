/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/recover.h"

#include <errno.h>
#include <stdio.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/field.h"
#include "libfusion/core/heap.h"
#include "libfusion/core/lock.h"
#include "libfusion/core/seed.h"
#include "libfusion/core/thread.h"

#define BATCH 64 /* tokens looked for in one pass over the span words */

static uint32_t threads_hi(const struct view *v)
{
	return view_hi(&v->sb->threads_hi, v->geo.max_threads);
}

/* Intents first, under the locks that the dead thread still holds; then the
 * locks, when what they guard is whole. */
static int finish_intents(struct view *v, struct thread_rec *t)
{
	int r;

	if (SEED_BUG(6))
		core_lock_recover(v, t);
	r = heap_recover_intent(v, t);
	if (!r)
		r = field_recover(v, t);
	core_lock_recover(v, t);
	return r;
}

/* What needs the locks that were freed: a pending block, and a pool that is
 * DYING and so guards itself. */
static int finish_pending(struct view *v, struct thread_rec *t)
{
	int r = heap_recover_pending(v, t);

	return r ? r : heap_recover_pool(v, t);
}

int recover_thread(struct view *v, struct thread_rec *t)
{
	uint32_t token = t->token & TOKEN_MASK;
	int r = finish_intents(v, t);

	if (!r)
		r = finish_pending(v, t);
	if (!r)
		r = heap_recover_tokens(v, &token, 1);
	if (!r)
		thread_release(v, t);
	return r;
}

int recover_member(struct view *v, uint32_t slot)
{
	uint32_t hi = threads_hi(v), tokens[BATCH];
	int r = 0, failed = 0;

	/* All locks of the member fall before anything that may want one. */
	for (uint32_t i = 0; i < hi; i++) {
		struct thread_rec *t = view_thread(v, i);

		if (load_acquire(&t->member) != slot + 1)
			continue;
		r = finish_intents(v, t);
		if (r < 0)
			failed = r;
	}
	for (uint32_t i = 0; i < hi && !failed; i++)
		if (load_acquire(&view_thread(v, i)->member) == slot + 1)
			failed = finish_pending(v, view_thread(v, i));
	for (uint32_t i = 0; i < hi && !failed;) {
		uint32_t first = i;
		unsigned n = 0;

		for (; i < hi && n < BATCH; i++)
			if (load_acquire(&view_thread(v, i)->member) ==
			    slot + 1)
				tokens[n++] =
					view_thread(v, i)->token & TOKEN_MASK;
		if (n)
			failed = heap_recover_tokens(v, tokens, n);
		for (uint32_t j = first; j < i && !failed; j++)
			if (load_acquire(&view_thread(v, j)->member) ==
			    slot + 1)
				thread_release(v, view_thread(v, j));
	}
	if (!failed && slot)
		failed = heap_recover_member(v, slot);
	return failed;
}
