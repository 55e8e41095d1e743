/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which objects are to be looked at: a bit for each, and one for each word of
 * bits
 *
 * Setting goes up (bit, then the word's), taking away goes down (the word's if
 * the word looks empty, then a second look at the word): a bit that is set is
 * always found.
 */
#include "libfusion/core/objects/object_fall.h"

#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/refs/ref_zero.h"

static uint32_t n_fallen_words(const struct view *v)
{
	return (v->geo.tables[KIND_OBJECT].max + 63) / 64;
}

static uint64_t *fallen_bits(const struct view *v)
{
	return view_at(v, v->geo.off_fallen);
}

static uint64_t *fallen_summary(const struct view *v)
{
	return fallen_bits(v) + n_fallen_words(v);
}

void object_mark(const struct view *v, uint32_t i)
{
	/* Release: pairs with the acquires in object_fallen(). */
	or_acq_rel(&fallen_bits(v)[i / 64], 1ull << (i % 64));
	or_acq_rel(&fallen_summary(v)[i / 4096], 1ull << (i / 64 % 64));
}

bool object_at_zero(const struct view *v, const struct object *o)
{
	const struct ref *r = object_ref(v, o);
	uint64_t falls = r ? load_acquire(&r->falls) : 0;

	return r && falls && !(falls & REF_LIVE);
}

static bool has_fallen(const struct view *v, uint32_t i)
{
	const struct object *o = object_at(v, i);

	if (i >= table_hi(v, KIND_OBJECT) ||
	    load_acquire(&o->e.state) != ENTRY_USED)
		return false;
	return load_acquire(&o->claim) || object_at_zero(v, o);
}

void object_unmark(const struct view *v, uint32_t i)
{
	uint64_t *word = &fallen_bits(v)[i / 64],
		 *sum = &fallen_summary(v)[i / 4096];

	and_acq_rel(word, ~(1ull << (i % 64)));
	if (!load_acquire(word)) {
		and_acq_rel(sum, ~(1ull << (i / 64 % 64)));
		/* Both change one word, the sum, the marker last and we first.
		 * The marker came before us: our acquire sees its bit.  It
		 * came after us: its bit of the sum stays.  So no fence. */
		if (load_acquire(word))
			or_acq_rel(sum, 1ull << (i / 64 % 64));
	}
	/* And who has the duty, as he may have looked in between. */
	if (has_fallen(v, i))
		object_fall_tell(v, i, load_relaxed(&object_at(v, i)->e.id));
}

int64_t object_fallen(const struct view *v, uint32_t from)
{
	uint32_t words = n_fallen_words(v), hi = table_hi(v, KIND_OBJECT);

	for (uint32_t w = from / 64; w < words; w++) {
		/* Acquire: pairs with set(). */
		uint64_t s =
			load_acquire(&fallen_summary(v)[w / 64]) >> (w % 64);
		uint64_t b;
		uint32_t i;

		if (!s) {
			w |= 63;
			continue;
		}
		w += (uint32_t)__builtin_ctzll(s);
		b = load_acquire(&fallen_bits(v)[w]);
		if (w == from / 64)
			b &= ~0ull << (from % 64);
		if (!b)
			continue;
		i = w * 64 + (uint32_t)__builtin_ctzll(b);
		return i < hi ? (int64_t)i : -1;
	}
	return -1;
}

void object_fall_tell(const struct view *v, uint32_t i, uint32_t id)
{
	const struct object *o;
	uint32_t pool;

	if (i >= table_hi(v, KIND_OBJECT))
		return;
	o = object_at(v, i);
	if (load_relaxed(&o->e.id) != id)
		return;
	pool = load_relaxed(&o->pool);
	if (SEED_BUG(90) && pool < table_hi(v, KIND_OBJECT_POOL) &&
	    !load_acquire(&object_pool_at(v, pool)->duty)) {
		object_mark(v, i);
		return;
	}
	object_mark(v, i);
	if (pool >= table_hi(v, KIND_OBJECT_POOL))
		return;
	/*
	 *   who tells                      who takes the duty
	 *   the bit = 1                    duty = mine
	 *   fence                          fence
	 *   duty? -> ring its owner        a bit? -> look at that object
	 */
	full_fence();
	ref_watcher_wake(
		v, REF_WHO_SLOT(load_acquire(&object_pool_at(v, pool)->duty)));
}
