/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The dispatcher's side of requests that stay in their slots
 * (core/talk/call_here.c)
 *
 * While it is awake, the library's thread attends to the slots from which
 * requests came by the queue.  Before it sleeps it attends to none.  A thread's
 * messages must be handled before its later calls: so a request waits until the
 * records are handled that were in the queue when the dispatcher first saw the
 * request.
 */
#include "libfusion/talk/call_attend.h"

#include "libfusion/core/talk/call_here.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/talk/call_handler.h"
#include "libfusion/talk/dispatch_run.h"
#include "libfusion/talk/dispatcher.h"

static const struct view *view_of(const struct dispatcher *d)
{
	return &d->arena->view;
}

/* Return the serial of the request that waits in the slot of @a; 0 nothing new.
 */
static uint64_t waiting_serial(const struct dispatcher *d,
			       const struct attended *a)
{
	uint64_t serial;

	if (!a->slot || a->taken)
		return a->taken;
	serial = call_here(view_of(d), a->slot - 1);
	return serial == a->done ? 0 : serial;
}

bool attend_is_there(const struct dispatcher *d)
{
	for (unsigned k = 0; k < RING_ATTENDED; k++)
		if (waiting_serial(d, &d->attended[k]))
			return true;
	return false;
}

void attend_note(const struct dispatcher *d, uint64_t *ret)
{
	for (unsigned k = 0; k < RING_ATTENDED; k++)
		ret[k] = waiting_serial(d, &d->attended[k]);
}

/* A request keeps its entry until it has begun. */
bool attend_has(const struct dispatcher *d, const uint64_t *noted)
{
	for (unsigned k = 0; k < RING_ATTENDED; k++)
		if (noted[k] && waiting_serial(d, &d->attended[k]) == noted[k])
			return true;
	return false;
}

/* --- Handling ------------------------------------------------------------- */

static bool is_due(const struct dispatcher *d, struct attended *a,
		   uint64_t serial)
{
	uint32_t cells, producer;

	if (a->seen != serial) {
		a->seen = serial;
		a->due = ring_look(&d->ring, d->next, &cells, &producer) ==
					 RING_EMPTY
				 ? d->next
				 : ring_tail(&d->ring);
	}
	return d->next >= a->due;
}

static bool copy_request_here(const struct dispatcher *d, uint64_t serial,
			      struct call_here *ret)
{
	return call_here_copy(view_of(d), serial, d->arena->view.slot,
			      d->arena->id, ret);
}

/* Handle the request, unless it is for another member that attends to this
 * slot.
 */
static bool handle_attended(struct dispatcher *d, struct attended *a,
			    uint64_t serial)
{
	struct handling handling;
	struct call_here h;
	bool mine = copy_request_here(d, serial, &h);

	a->done = serial;
	a->begun = mine && !a->taken;
	a->taken = 0;
	if (!mine)
		return false;
	a->used = true;
	handling_begin(d, &handling);
	call_receive_here(d->arena, &h);
	handling_end(d, &handling);
	return true;
}

unsigned attend_run(struct dispatcher *d)
{
	unsigned n = 0;

	for (unsigned k = 0; k < RING_ATTENDED; k++) {
		struct attended *a = &d->attended[k];
		uint64_t serial = waiting_serial(d, a);

		if (serial && is_due(d, a, serial))
			n += handle_attended(d, a, serial);
	}
	return n;
}

/* --- Beginning and ending ------------------------------------------------- */

/* Stop attending with entry @k: take off a request that has begun, and let no
 * other get HERE. */
static void turn_away(struct dispatcher *d, unsigned k)
{
	struct attended *a = &d->attended[k];

	if (a->begun)
		call_here_take(view_of(d), a->done);
	a->begun = false;
	/* Release: pairs with the acquire of the caller that asks whether we
	 * attend, which must see its request taken off. */
	store_release(&d->ring.ctl->attended[k], 0u);
}

/* After a fence: take off a request that got HERE before the caller saw that we
 * do not attend.  True: it is to be handled. */
static bool last_look(struct dispatcher *d, struct attended *a)
{
	uint64_t serial = waiting_serial(d, a);
	struct call_here h;

	if (serial && !a->taken && copy_request_here(d, serial, &h) &&
	    call_here_take(view_of(d), serial))
		a->taken = serial;
	if (!a->taken)
		*a = (struct attended){0};
	return a->taken;
}

bool attend_close(struct dispatcher *d)
{
	bool any = false, left = false;

	for (unsigned k = 0; k < RING_ATTENDED; k++) {
		if (!d->attended[k].slot)
			continue;
		turn_away(d, k);
		any = true;
	}
	if (!any)
		return false;
	/* The drawing is in core/talk/call_here.c: the caller looks whether we
	 * attend after it has posted, and we look for posts after we do not
	 * attend any more. */
	full_fence();
	for (unsigned k = 0; k < RING_ATTENDED; k++)
		left |= last_look(d, &d->attended[k]);
	return left;
}

/* Find the entry of @slot, a free one, or one that was not used since this
 * function last asked for it.  RING_ATTENDED: none. */
static unsigned find_attended(struct dispatcher *d, uint32_t slot)
{
	unsigned k;

	for (k = 0; k < RING_ATTENDED; k++)
		if (d->attended[k].slot == slot)
			return k;
	for (k = 0; k < RING_ATTENDED; k++)
		if (!d->attended[k].slot)
			return k;
	k = d->attend_next++ % RING_ATTENDED;
	if (d->attended[k].used) {
		d->attended[k].used = false;
		return RING_ATTENDED;
	}
	turn_away(d, k);
	full_fence(); /* as in attend_close() */
	return last_look(d, &d->attended[k]) ? RING_ATTENDED : k;
}

void attend(struct dispatcher *d, uint32_t slot)
{
	unsigned k = find_attended(d, slot + 1);

	if (k == RING_ATTENDED)
		return;
	d->attended[k].slot = slot + 1;
	d->attended[k].used = true;
	/* Release: pairs with the acquire of the caller; a hint, which may come
	 * late. */
	store_release(&d->ring.ctl->attended[k], slot + 1);
}
