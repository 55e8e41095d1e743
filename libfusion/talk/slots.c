/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/talk/slots.h"

#include <errno.h>
#include <stdlib.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/cancel.h"
#include "libfusion/talk/dispatch.h"

/* The kind of all slots of this process.  Those that it has inherited are of
 * another kind: nobody walks over them, so nothing of them is read. */
static uint64_t slot_kind = KNOWN_SLOT;

/* How many slots of lists with on_any_thread this thread holds.  A thread that
 * holds one does not wait for another one, which may wait for it. */
static __thread unsigned held;

/* --- Lists ---------------------------------------------------------------- */

void slots_init(struct slots *list, struct fusion_arena *arena,
		pthread_mutex_t *lock, pthread_cond_t *changed)
{
	*list = (struct slots){
		.arena = arena,
		.lock = lock,
		.changed = changed,
		.last = &list->first,
	};
}

struct fusion_slot *slots_new(const struct subscription *s)
{
	struct fusion_slot *slot = calloc(1, sizeof(*slot));

	if (slot)
		slot->is = *s;
	return slot;
}

void slots_add(struct slots *list, struct fusion_slot *slot,
	       struct fusion_slot **ret)
{
	slot->list = list;
	slot->serial = ++list->serial;
	slot->prev = list->last;
	*list->last = slot;
	list->last = &slot->next;
	known_add_kind(&slot->known, list->arena, slot_kind);
	if (ret)
		*ret = slot;
}

/* lock is held. */
static void unlink_slot(struct fusion_slot *slot)
{
	*slot->prev = slot->next;
	if (slot->next)
		slot->next->prev = slot->prev;
	else
		slot->list->last = slot->prev;
}

/* No walk holds @slot, and none will. */
static void end_slot(struct fusion_slot *slot)
{
	struct slots *list = slot->list;
	bool empties;

	if (slot->is.destroy)
		slot->is.destroy(slot->is.ctx);
	pthread_mutex_lock(list->lock);
	unlink_slot(slot);
	empties = list->emptied && !list->first && !list->busy;
	if (empties)
		list->busy = true;
	pthread_cond_broadcast(list->changed);
	/* Unless it is busy with us, the list is not there any more once it is
	 * unlocked: the owner may go. */
	pthread_mutex_unlock(list->lock);
	free(slot);
	if (empties)
		list->emptied(list);
}

/* May the thread wait for a function of @list? */
static bool may_wait(const struct slots *list)
{
	return !dispatch_is_mine(list->arena) && !(list->on_any_thread && held);
}

/* Cancel a slot that the caller has made unknown. */
static void cancel_slot(struct fusion_slot *slot)
{
	struct slots *list = slot->list;
	bool waits = may_wait(list);
	bool orphan;

	pthread_mutex_lock(list->lock);
	slot->ended = true;
	while (slot->running && waits)
		cond_wait(list->changed, list->lock);
	orphan = slot->orphan = slot->running;
	pthread_mutex_unlock(list->lock);
	if (!orphan)
		end_slot(slot);
}

void slots_finish(struct slots *list)
{
	struct fusion_slot *slot;

	pthread_mutex_lock(list->lock);
	while ((slot = list->first)) {
		if (slot->ended || !known_take(&slot->known, slot_kind)) {
			/* Another thread cancels it. */
			cond_wait(list->changed, list->lock);
			continue;
		}
		slot->ended = true;
		pthread_mutex_unlock(list->lock);
		end_slot(slot);
		pthread_mutex_lock(list->lock);
	}
	pthread_mutex_unlock(list->lock);
}

/* --- Walks ---------------------------------------------------------------- */

/* lock is held, here and in the next one. */
static struct fusion_slot *find_next(const struct slots_walk *walk)
{
	struct fusion_slot *s = walk->at ? walk->at->next : walk->list->first;

	while (s && s->serial <= walk->until &&
	       (s->ended || s->is.key != walk->key))
		s = s->next;
	return s && s->serial <= walk->until ? s : NULL;
}

/* True: the caller must end the slot when it has unlocked. */
static bool let_go(struct fusion_slot *slot)
{
	slot->running--;
	if (slot->list->on_any_thread)
		held--;
	if (slot->running || !slot->ended)
		return false;
	pthread_cond_broadcast(slot->list->changed);
	return slot->orphan;
}

/* False: a function has forked, and this is the child.  Another thread may have
 * held the lock in the parent. */
static bool is_mine(const struct fusion_slot *slot)
{
	return slot->known.kind == slot_kind;
}

struct fusion_slot *slots_next(struct slots_walk *walk)
{
	struct fusion_slot *last = walk->at;
	bool ends;

	if (last && !is_mine(last))
		return walk->at = NULL;
	pthread_mutex_lock(walk->list->lock);
	if (!walk->until)
		walk->until = walk->list->serial;
	walk->at = find_next(walk);
	if (walk->at) {
		walk->at->running++;
		held += walk->list->on_any_thread;
	}
	ends = last && let_go(last);
	pthread_mutex_unlock(walk->list->lock);
	if (ends)
		end_slot(last);
	return walk->at;
}

void slots_leave(struct fusion_slot *slot)
{
	bool ends;

	if (!is_mine(slot))
		return;
	pthread_mutex_lock(slot->list->lock);
	ends = let_go(slot);
	pthread_mutex_unlock(slot->list->lock);
	if (ends)
		end_slot(slot);
}

void slots_cancel_held(struct fusion_slot *slot)
{
	if (!known_take(&slot->known, slot_kind))
		return;
	pthread_mutex_lock(slot->list->lock);
	slot->ended = slot->orphan = true;
	pthread_mutex_unlock(slot->list->lock);
}

/* --- For the program ------------------------------------------------------ */

FUSION_API int fusion_slot_cancel(struct fusion_slot *slot)
{
	callback_check();
	if (!slot)
		return 0;
	if (known_take((struct known *)slot, slot_kind)) {
		cancel_slot(slot);
		return 0;
	}
	if (known_kind(slot) >= KNOWN_SLOT)
		return told(refuse(-ECHILD,
				   "slot %p: it is the parent's: subscribe in "
				   "the child",
				   (void *)slot));
	return told(refuse_handle("slot", slot));
}

void slots_after_fork(void)
{
	slot_kind++;
	held = 0;
}
