/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers as the caller gets them: copied out of the slot, which is then free.
 */
#include "libfusion/talk/call_answer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/heap.h>

#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/heap/slot.h"
#include "libfusion/talk/call.h"

int call_check_answer(const struct fusion_call_answer *answer)
{
	struct fusion_call_answer known;
	int r;

	if (!answer)
		return 0;
	if (answer->size != sizeof(*answer)) {
		r = options_copy(
			&known, sizeof(known),
			OPTIONS_FIRST(struct fusion_call_answer, length),
			answer, "fusion_call_answer");
		if (r < 0)
			return r;
	}
	if (!answer->data && answer->capacity)
		return refuse(-EINVAL,
			      "struct fusion_call_answer: data is NULL, and "
			      "capacity is %zu: set it to 0 to get memory",
			      answer->capacity);
	return 0;
}

/* Give the bytes private memory, if the program has none for them. */
static int make_room(struct fusion_call_answer *a, size_t length)
{
	if (a->data || a->capacity)
		return refuse(-EMSGSIZE,
			      "the answer has %zu bytes, and room for %zu: "
			      "they are lost; set data to NULL to get memory",
			      length, a->capacity);
	a->data = malloc(length);
	return a->data ? 0
		       : refuse(-EMSGSIZE,
				"the answer has %zu bytes, and this process "
				"has no memory for them: they are lost",
				length);
}

int call_give_answer(struct fusion_call_answer *answer, int status,
		     uint64_t word, const void *from, size_t length)
{
	int r = 0;

	if (!answer)
		return 0;
	answer->status = status;
	answer->word = word;
	answer->length = length;
	if (length > answer->capacity)
		r = make_room(answer, length);
	if (r == 0 && length)
		memcpy(answer->data, from, length);
	return r;
}

static int take_answer(struct execution *x, int status)
{
	const struct call_slot *s = x->slot;
	size_t length = load_relaxed(&s->len);
	const void *from = call_bytes(x->arena, s, length);

	if (!from)
		return refuse(-EIO,
			      "arena '%s': the answer of a call has no bytes: "
			      "a member has overwritten it",
			      x->arena->name);
	return call_give_answer(x->answer, status, load_relaxed(&s->ret), from,
				length);
}

int call_collect(struct execution *x)
{
	/* Acquire: pairs with the release in call_return_end(). */
	uint64_t st = load_acquire(&x->slot->st);
	int r = -(int)SLOT_EXTRA(st);

	if (SLOT_STATE(st) == SLOT_DONE)
		r = take_answer(x, r);
	if (!load_relaxed(&x->slot->block)) {
		call_slot_put_off(x->v, x->me, x->slot, x->serial);
		return r;
	}
	heap_free_from(x->arena, (void **)&x->slot->block);
	call_slot_free(x->v, x->me, x->slot);
	return r;
}
