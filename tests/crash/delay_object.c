/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One tells that an object has fallen, and another takes the duty; one claims
 * an object, or unlinks a place, that is another object's by now. */
#include <errno.h>

#include <fusion/heap.h>
#include <fusion/object.h>

#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_pool.h"
#include "libfusion/core/objects/object_reap.h"
#include "libfusion/core/refs/ref.h"
#include "tests/crash/delay.h"
#include "tests/crash/ledger.h"

/* In the play's numbers and pointers. */
enum { INDEX, SEEN, SEQ, RUNG };
enum { POOL, OBJECT, PLACE };

static void make_object(struct actor *a)
{
	const struct object_pool_params params = {.object_size = 16};
	struct object_pool *p;
	struct object *o;

	if (object_pool_create(a->v, a->me, NULL, &params, a->arena->id, &p) <
		    0 ||
	    object_make(a->v, a->me, p, a->arena->id, &o) < 0 ||
	    ref_up(a->v, a->me, object_ref(a->v, o), NULL) < 0)
		die("cannot make an object");
	object_made(a->me, o);
	a->play->p[POOL] = p;
	a->play->p[OBJECT] = o;
	a->play->n[INDEX] = object_index_of(a->v, o);
}

static void let_fall(struct actor *a)
{
	struct ref *r = object_ref(a->v, a->play->p[OBJECT]);

	if (!r || ref_down(a->v, a->me, r, NULL) < 0)
		fault(a->play, "cannot give up the last reference");
}

static uint32_t rung(struct actor *a)
{
	return load_acquire(&view_member(a->v, a->v->slot)->ref_seq);
}

static void take_duty_and_look(struct actor *a)
{
	uint64_t who = REF_WHO(a->v->slot, a->arena->id);

	a->play->n[SEQ] = rung(a);
	if (!object_duty_take(a->v, a->play->p[POOL], who))
		fault(a->play, "nobody has the duty, and it is not to be had");
	a->play->n[SEEN] = object_fallen(a->v, 0) == (int64_t)a->play->n[INDEX];
}

/* The bit was there, or the bell rings. */
static void is_noticed(struct actor *a)
{
	if (!a->play->n[SEEN] && rung(a) == a->play->n[SEQ])
		fault(a->play, "a fall is not noticed");
	if (object_fallen(a->v, 0) != (int64_t)a->play->n[INDEX])
		fault(a->play, "who is rung finds nothing");
}

/* --- A record that is another object's ------------------------------------ */

/* In the play's numbers, besides INDEX. */
enum { ID = RUNG, CLAIMED };

static void note_id(struct actor *a)
{
	make_object(a);
	let_fall(a);
	a->play->n[ID] =
		((struct object *)handle_entry(a->play->p[OBJECT]))->e.id;
}

static void claim(struct actor *a)
{
	int r = object_claim(a->v, a->me, a->play->p[OBJECT],
			     (uint32_t)a->play->n[ID],
			     REF_WHO(a->v->slot, a->arena->id));

	if (r < 0 && r != -EIDRM && r != -EBUSY)
		fault(a->play, "cannot claim: %d", r);
	a->play->n[CLAIMED] = r == 0;
}

/* As a member with the duty does: the object goes, and another has the
 * record. */
static void replace(struct actor *a)
{
	struct object *was = a->play->p[OBJECT], *o;
	uint64_t who = REF_WHO(a->v->slot, a->arena->id);

	/* The victim was faster. */
	if (object_claim(a->v, a->me, was, was->e.id, who) < 0)
		return;
	if (object_reap(a->v, a->me, was, was->e.id) < 0 ||
	    object_make(a->v, a->me, a->play->p[POOL], a->arena->id, &o) < 0 ||
	    o != was)
		die("cannot make another object");
	object_made(a->me, o);
}

/* Of the one that was meant, or nobody's. */
static void only_it_is_claimed(const struct view *v, struct play *play)
{
	struct object *o = play->p[OBJECT];
	uint64_t who = REF_WHO(play->slot[VICTIM], play->id[VICTIM]);
	bool same = o->e.id == play->n[ID];

	(void)v;
	if (!same && (play->n[CLAIMED] || o->claim))
		fault(play, "another object is claimed");
	if (same && play->n[CLAIMED] != (o->claim == who))
		fault(play, "it is not claimed as it was said");
}

/* --- A place that is another object's ------------------------------------- */

static struct fusion_object **place_of(struct play *play)
{
	return play->p[PLACE];
}

static struct fusion_object *create(struct actor *a)
{
	const struct object_pool *p = a->play->p[POOL];
	struct fusion_object *o;

	if (fusion_object_create(entry_handle(p, p->e.id), &o) < 0)
		die("cannot create an object");
	return o;
}

static void link_place(struct actor *a, struct fusion_object *o)
{
	int r = fusion_object_link(place_of(a->play), o);

	if (r < 0)
		fault(a->play, "cannot link: %d", r);
}

static void unlink_place(struct actor *a)
{
	int r = fusion_object_unlink(place_of(a->play));

	if (r < 0)
		fault(a->play, "cannot unlink: %d", r);
}

/* An object in INIT can be destroyed though it is linked. */
static void leave_stale_place(struct actor *a)
{
	const struct object_pool_params params = {.object_size = 16};
	struct fusion_object *o;
	struct object_pool *p;

	if (object_pool_create(a->v, a->me, NULL, &params, a->arena->id, &p) <
	    0)
		die("cannot make a pool");
	a->play->p[POOL] = p;
	a->play->p[PLACE] = fusion_calloc(a->arena, 1, 8);
	if (!place_of(a->play))
		die("no memory for a place");
	o = create(a);
	a->play->p[OBJECT] = o;
	link_place(a, o);
	if (fusion_object_destroy(o) < 0)
		die("cannot destroy the object");
}

static void unlink_and_link_another(struct actor *a)
{
	struct fusion_object *o;

	unlink_place(a);
	/* Until the handle is the same, too: it has 8 bits of the id. */
	while (!handle_has_id(a->play->p[OBJECT],
			      load_relaxed(&a->v->sb->next_entry)))
		table_next_id(a->v);
	o = create(a);
	if (o != a->play->p[OBJECT])
		die("another object has another handle");
	link_place(a, o);
}

/* The place is the only one that is counted. */
static void count_is_of_place(const struct view *v, struct play *play)
{
	struct ref *ref = object_ref(v, handle_entry(play->p[OBJECT]));
	uint64_t n = ref ? load_acquire(&ref->global) : UINT64_MAX;

	if (n != (*place_of(play) != NULL))
		fault(play, "the place is %s, and %lld are counted",
		      *place_of(play) ? "linked" : "clear", (long long)n);
}

/* clang-format off */
const struct scene object_scenes[] = {
	{"fall-is-told",
	 {{VICTIM, make_object}}, let_fall, take_duty_and_look,
	 {{RIVAL, is_noticed}}, NULL, NULL, 0, false},
	{"duty-is-taken",
	 {{RIVAL, make_object}}, take_duty_and_look, let_fall,
	 {{VICTIM, is_noticed}}, NULL, NULL, 0, false},
	{"claim-of-a-record-used-again",
	 {{RIVAL, note_id}}, claim, replace,
	 {{0}}, only_it_is_claimed, NULL, 0, false},
	{"unlink-of-a-place-used-again",
	 {{RIVAL, leave_stale_place}}, unlink_place, unlink_and_link_another,
	 {{0}}, count_is_of_place, NULL, 0, false},
};
/* clang-format on */
const unsigned n_object_scenes = sizeof(object_scenes) / sizeof(*object_scenes);
