/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/reaction_done.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/core/base/cancel.h"
#include "libfusion/talk/dispatch.h"

/* The last done function was cancelled.  A thread that walks there frees the
 * rest; and another one may have subscribed meanwhile. */
static void stop_done(struct slots *list)
{
	struct local_reactor *l = (struct local_reactor *)list;
	struct fusion_arena *a = list->arena;

	pthread_mutex_lock(&a->reactors_lock);
	list->busy = false;
	pthread_cond_broadcast(&a->reaction_ended);
	local_reactor_sweep(l);
	local_reactors_unlock(a);
}

/* reactors_lock is held. */
static int add_done(struct fusion_arena *a, struct reactor *re,
		    struct fusion_slot *slot, struct fusion_slot **ret,
		    struct local_reactor **ret_local)
{
	const struct cursor_params params = {.limit_ms = REACTOR_LIMIT_MS};
	/* Acquire: pairs with the release in reactor_fini(). */
	uint32_t id = load_acquire(&re->id);
	struct local_reactor *l = id ? local_reactor_find(a, id, true) : NULL;
	struct ring ring;
	int r;

	if (!id)
		return -EIDRM;
	if (l) {
		r = reactor_ring(&a->view, re, &ring);
		if (r == 0)
			slot->is.from = ring_tail(&ring);
	} else {
		r = local_reactor_make(a, re, &params, true, &l);
		if (r == 0) {
			slots_init(&l->slots, a, &a->reactors_lock,
				   &a->reaction_ended);
			l->slots.emptied = stop_done;
		}
	}
	if (r < 0)
		return r == -ENOENT ? -EIDRM : r;
	slots_add(&l->slots, slot, ret);
	*ret_local = l;
	return 0;
}

int reaction_done_add(struct fusion_arena *a, struct reactor *re,
		      const struct subscription *s, struct fusion_slot **ret)
{
	struct local_reactor *l = NULL;
	struct fusion_slot *slot;
	int r = dispatch_start(a);

	if (r < 0)
		return r;
	slot = slots_new(s);
	if (!slot)
		return -ENOMEM;
	pthread_mutex_lock(&a->reactors_lock);
	r = add_done(a, re, slot, ret, &l);
	pthread_mutex_unlock(&a->reactors_lock);
	if (r < 0)
		free(slot);
	else
		local_reactor_rouse(a, l);
	return r;
}

bool reaction_done_stop(struct local_reactor *l)
{
	struct fusion_arena *a = l->arena;

	/* Another thread has cancelled the last one, and may free @l. */
	if (l->slots.busy) {
		cond_wait(&a->reaction_ended, &a->reactors_lock);
		return false;
	}
	l->slots.busy = true;
	pthread_mutex_unlock(&a->reactors_lock);
	slots_finish(&l->slots);
	pthread_mutex_lock(&a->reactors_lock);
	return true;
}
