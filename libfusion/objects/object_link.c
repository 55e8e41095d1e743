/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links: places in shared memory that name an object and have a global count
 *
 * A place is a word.  ref_link() and ref_unlink() change the word and the count
 * together: a death at any point leaves neither a count without a place, nor a
 * place without a count (core/refs/ref_link.c).
 */
#include <errno.h>

#include "libfusion/arena/address.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/refs/ref_link.h"
#include "libfusion/objects/object.h"

/* Refuse @slot, which is no place, or is not in the arena of the object. */
static int refuse_slot(const void *slot)
{
	if (slot && (uintptr_t)slot % 8)
		return refuse(-EINVAL,
			      "object slot %p: it is not aligned to 8 bytes",
			      slot);
	return refuse_handle("object slot", slot);
}

/* Describe place @slot with @value for @ref, if that is still the reference of
 * @o.  0, -EINVAL, -EIDRM. */
static int ref_place_of(struct view *v, const struct object *o, struct ref *ref,
			const void *slot, const void *value,
			struct ref_place *p)
{
	if (!slot || !view_contains(v, slot) || (uintptr_t)slot % 8)
		return refuse_slot(slot);
	*p = (struct ref_place){
		.off = view_off(v, slot),
		.value = (uintptr_t)value,
		/* Acquire: pairs with the release in ref_init(). */
		.id = load_acquire(&ref->id),
	};
	/* The id is that of this reference, and not of one that gets the
	 * record next, if the object still names it now. */
	return object_ref(v, o) == ref ? 0 : -EIDRM;
}

static int link_value(void *slot, const void *value,
		      struct fusion_object *object)
{
	struct ref_place p;
	struct tcache *c;
	struct ref *ref;
	int r;

	ref = object_counter(object, &c, &r);
	if (!ref)
		return r;
	r = ref_place_of(&c->arena->view, handle_entry(object), ref, slot,
			 value, &p);
	if (r < 0)
		return r;
	r = as_object(ref_link(&c->arena->view, c->rec, ref, &p));
	return r == -EEXIST ? -EBUSY : r;
}

FUSION_API int fusion_object_link(void *slot, struct fusion_object *object)
{
	return told(link_value(slot, object, object));
}

FUSION_API int fusion_object_link_data(void *slot, void *data)
{
	struct fusion_object *object = fusion_object_of(data);

	return told(object ? link_value(slot, data, object)
			   : refuse_handle("object's data", data));
}

/* Returns the object that @value stands for. */
typedef struct fusion_object *(*object_fn)(const void *value);

static struct fusion_object *object_itself(const void *value)
{
	return (struct fusion_object *)value;
}

/* Tell whether @object may have been linked: a link needs an object that
 * programs can find, and that has its reference. */
static bool may_be_linked(const struct view *v,
			  const struct fusion_object *object)
{
	const struct object *o = object ? handle_entry(object) : NULL;

	/* Acquire: pairs with the release in object_made(), and with the CASes
	 * that store DEINIT. */
	return o && object_is_there(o) &&
	       handle_has_id(object, load_relaxed(&o->e.id)) &&
	       load_acquire(&o->state) != OBJECT_DEINIT && object_ref(v, o);
}

/*
 * Clear a place that names an object that is gone, whose count went with it.
 *
 * Another object may get the record, and be linked to this very place.  The
 * place then has the same value, and a count that belongs to it.  So the place
 * is cleared under the lock of the table of objects.  While the caller has that
 * lock, no record becomes another object, and no other thread clears a place
 * that names an object that is gone.  The place is read before the object: a
 * value that stood for no object when it was read cannot be a link, and nobody
 * can link to the place while it has a value.
 *
 * The lock's owner may be killed here: the CAS is the only change.  Returns
 * -ESTALE: the caller is to look again; or an error.
 */
static int clear_place(struct fusion_arena *a, uint64_t *slot, uint64_t value,
		       object_fn object_of_value)
{
	struct core_lock *lock = &a->view.sb->tables[KIND_OBJECT].lock;
	const void *named = (const void *)(uintptr_t)value;
	struct thread_rec *me = thread_rec_of(a);
	int r = me ? core_lock(&a->view, me, lock) : -errno;

	if (r < 0)
		return r;
	/* Acquire: pairs with the release in ref_link(), and keeps the look at
	 * the object behind it.  Acquire and release of the CAS: pairs with
	 * ref_link(). */
	if (SEED_BUG(97) || (load_acquire(slot) == value &&
			     !may_be_linked(&a->view, object_of_value(named))))
		cas_acq_rel(slot, &value, 0ull);
	core_unlock(&a->view, me, lock);
	return -ESTALE;
}

static int unlink_once(uint64_t *slot, uint64_t value,
		       object_fn object_of_value)
{
	struct fusion_object *object =
		object_of_value((const void *)(uintptr_t)value);
	struct ref_place p;
	struct tcache *c;
	struct ref *ref;
	int r = -EIDRM;

	ref = object ? object_counter(object, &c, &r) : NULL;
	if (ref)
		r = ref_place_of(&c->arena->view, handle_entry(object), ref,
				 slot, (const void *)(uintptr_t)value, &p);
	if (ref && !r)
		r = ref_unlink(&c->arena->view, c->rec, ref, &p);
	return r;
}

/* Unlink @slot, which another thread may clear and fill meanwhile. */
static int unlink_value(void *slot, object_fn object_of_value)
{
	struct fusion_arena *a = slot ? arena_of(slot) : NULL;
	uint64_t value;
	int r;

	if (!a || (uintptr_t)slot % 8)
		return refuse_slot(slot);
	do {
		/* Acquire: pairs with the release in ref_link(). */
		value = load_acquire((uint64_t *)slot);
		r = value ? unlink_once(slot, value, object_of_value) : 0;
		/* The place has changed, or the object went with its pool. */
		if (r == -EIDRM || r == -ESTALE)
			r = clear_place(a, slot, value, object_of_value);
	} while (r == -ESTALE);
	return r;
}

FUSION_API int fusion_object_unlink(void *slot)
{
	return told(unlink_value(slot, object_itself));
}

FUSION_API int fusion_object_unlink_data(void *slot)
{
	return told(unlink_value(slot, fusion_object_of));
}
