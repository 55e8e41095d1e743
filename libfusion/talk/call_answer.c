/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Answers as the caller gets them
 *
 * An answer for which the caller has no room stays in its slot, and the thread
 * remembers the slot (tcache.answer) until fusion_call_answer() or its next
 * call.
 */
#include "libfusion/talk/call_answer.h"

#include <errno.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/base/refuse.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/heap/slot.h"
#include "libfusion/talk/call.h"

void call_drop_answer(struct tcache *cache)
{
	struct call_slot *s;

	if (!cache->answer)
		return;
	s = call_slot_at(&cache->arena->view, cache->answer - 1);
	cache->answer = 0;
	if (load_relaxed(&s->block))
		heap_free_from(cache->arena, (void **)&s->block);
	call_slot_free(&cache->arena->view, cache->rec, s);
}

static int take_answer(struct execution *x, bool *keep)
{
	const struct call_slot *s = x->slot;
	size_t size = load_relaxed(&s->len);
	const void *from = call_bytes(x->arena, s, size);

	if (!from)
		return -EIO;
	tell_result(x, load_relaxed(&s->ret), size);
	*keep = size > x->out_size && wants_bytes(x);
	if (*keep)
		return -EMSGSIZE;
	if (size && wants_bytes(x))
		memcpy(x->out, from, size);
	return 0;
}

int call_collect(struct execution *x)
{
	/* Acquire: pairs with the release in call_return_end(). */
	uint64_t st = load_acquire(&x->slot->st);
	bool keep = false;
	int r = -(int)SLOT_EXTRA(st);

	/* An upcall that ran meanwhile may have left one. */
	call_drop_answer(x->cache);
	if (SLOT_STATE(st) == SLOT_DONE)
		r = take_answer(x, &keep);
	if (!keep && !load_relaxed(&x->slot->block)) {
		call_slot_put_off(x->v, x->me, x->slot, x->serial);
		return r;
	}
	x->cache->answer = (uint32_t)(x->serial >> 32);
	/* Recovery: nothing waits for this one any more (call_recover.c). */
	store_relaxed(&x->slot->parent, 0ull);
	if (!keep)
		call_drop_answer(x->cache);
	return r;
}

FUSION_API int fusion_call_answer(struct fusion_arena *arena, void *out,
				  size_t *size)
{
	struct tcache *cache = arena ? tls_cache(arena) : NULL;
	const struct call_slot *s;
	size_t room, len;
	const void *from;

	if (!cache || !size || (!out && *size))
		return told(arena && !cache ? -errno : -EINVAL);
	if (!cache->answer)
		return told(-ENODATA);
	room = *size;
	s = call_slot_at(&arena->view, cache->answer - 1);
	len = load_relaxed(&s->len);
	from = call_bytes(arena, s, len);
	if (!from)
		return told(-EIO);
	*size = len;
	if (len > room)
		return told(-EMSGSIZE);
	if (len)
		memcpy(out, from, len);
	call_drop_answer(cache);
	return 0;
}
