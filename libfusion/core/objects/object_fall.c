/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which objects need their destroyer: a bit for each object, and in the summary
 * one for each word of bits
 *
 * Setting goes up (the bit, then the summary), clearing goes down (the summary
 * if the word looks empty, then a second look at the word).  Invariant: a bit
 * that is set has its summary set, or a thread is about to set that; so it is
 * found.
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
	/* Release: pairs with the acquires in object_fallen().  The destroyer
	 * that sees the bit must see why it was set; and the summary is set
	 * behind the bit. */
	or_acq_rel(&fallen_bits(v)[i / 64], 1ull << (i % 64));
	or_acq_rel(&fallen_summary(v)[i / 4096], 1ull << (i / 64 % 64));
}

bool object_at_zero(const struct view *v, const struct object *o)
{
	const struct ref *r = object_ref(v, o);
	/* Acquire: pairs with the release in settle_ref(). */
	uint64_t falls = r ? load_acquire(&r->falls) : 0;

	return r && falls && !(falls & REF_LIVE);
}

/* Tell whether there is a reason for the bit of object @i.  Acquire: pairs with
 * the release of the state in table_add(), and of the claim in object_claim().
 */
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

	/* Acquire and release: pairs with object_mark(), as explained below. */
	and_acq_rel(word, ~(1ull << (i % 64)));
	if (!load_acquire(word)) {
		and_acq_rel(sum, ~(1ull << (i / 64 % 64)));
		/* Marker and clearer both change the summary, and of the two
		 * words the marker changes it last and the clearer first.  If
		 * the marker came first, our acquire sees its bit; if it came
		 * behind us, its bit of the summary stays.  So no fence is
		 * needed. */
		if (load_acquire(word))
			or_acq_rel(sum, 1ull << (i / 64 % 64));
	}
	/* Set the bit again and wake the member with the duty: it may have
	 * looked in between. */
	if (has_fallen(v, i))
		object_fall_tell(v, i, load_relaxed(&object_at(v, i)->e.id));
}

int64_t object_fallen(const struct view *v, uint32_t from)
{
	uint32_t words = n_fallen_words(v), hi = table_hi(v, KIND_OBJECT);

	for (uint32_t w = from / 64; w < words; w++) {
		/* Acquire, here and of the word: pairs with the releases in
		 * object_mark(). */
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
	 *   the thread that tells          the member that takes the duty
	 *   the bit = 1                    duty = its name
	 *   fence                          fence
	 *   duty? wake its owner           a bit? see to that object
	 */
	full_fence();
	ref_watcher_wake(
		v, REF_WHO_SLOT(load_acquire(&object_pool_at(v, pool)->duty)));
}
