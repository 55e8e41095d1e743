/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/waiters.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fusion/arena.h>

#include "fusionfs/base/clock.h"
#include "fusionfs/service/events.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/futex.h"

static struct waiter *waiter_of(struct parked *p)
{
	return (struct waiter *)p;
}

static int64_t deadline_after(int64_t timeout_ns)
{
	int64_t now = clock_monotonic_ns();

	return timeout_ns < 0 || timeout_ns > INT64_MAX - now
		       ? -1
		       : now + timeout_ns;
}

void waiter_answer(struct waiter *w, int r)
{
	if (w->is_join)
		reply_ioctl(w->parked.req, r, &w->join, sizeof(w->join));
	else
		reply_ioctl(w->parked.req, r, &w->member, sizeof(w->member));
	quota_give(&w->parked.charge);
	free(w);
}

/* A transient arena without members and waiters is not needed. */
void waiters_vanish_if_unused(struct arena *a)
{
	if (a->store.policy.transient && !a->waiters && !a->corrupt &&
	    !a->members)
		arena_destroy(a, true);
}

void waiters_idle(struct arena *a)
{
	bool idle = a->store.policy.transient && !a->waiters && !a->members;

	/* At the second patrol its maker has had a second to join it. */
	a->idle = idle ? a->idle + 1 : 0;
	if (a->idle > 1)
		waiters_vanish_if_unused(a);
}

static void interrupt_waiter(struct parked *p)
{
	struct waiter *w = waiter_of(p);
	struct arena *a = w->arena;

	unpark(p);
	waiter_answer(w, -EINTR);
	waiters_vanish_if_unused(a);
}

/* Does the same member wait for something already?  A process that comes in or
 * goes out does one after the other. */
static bool waits_already(const struct waiter *w)
{
	for (struct parked *p = w->arena->waiters; p; p = p->next) {
		const struct waiter *other = waiter_of(p);

		if (!other->is_join && other->member.slot == w->member.slot &&
		    other->member.id == w->member.id)
			return true;
	}
	return false;
}

/* Charge a wait.  A member must be able to leave, so its one request waits
 * however many requests of its user wait. */
static int charge_waiter(struct waiter *w)
{
	if (w->is_join)
		return parked_charge(&w->parked);
	if (waits_already(w))
		return -EALREADY;
	quota_adopt(&w->parked.charge, w->caller.uid, QUOTA_WAITS, 1);
	return 0;
}

void waiter_park(struct waiter *w)
{
	struct arena *a = w->arena;
	int r = charge_waiter(w);

	if (r < 0) {
		waiter_answer(w, r);
		waiters_vanish_if_unused(a);
		return;
	}
	w->parked.interrupted = interrupt_waiter;
	park(&w->parked, &a->waiters);
}

struct waiter *waiter_make(struct arena *a, struct fuse_req *req,
			   int64_t timeout_ns)
{
	struct waiter *w = calloc(1, sizeof(*w));
	int r = w ? request_caller(req, &w->caller) : -ENOMEM;

	if (r < 0) {
		reply_err(req, r);
		free(w);
		return NULL;
	}
	w->arena = a;
	w->parked.req = req;
	w->deadline_ns = deadline_after(timeout_ns);
	return w;
}

/* --- Looking again ------------------------------------------------------- */

int waiter_until_let_go(struct arena *a, struct waiter *w)
{
	(void)a;
	w->attempt = waiter_until_let_go;
	return WAITER_MUST_WAIT;
}

static void finish_waiter(struct waiter *w, int r)
{
	unpark(&w->parked);
	waiter_answer(w, r);
}

void waiters_look(struct arena *a)
{
	struct parked *p, *next;

	for (p = a->waiters; p; p = next) {
		struct waiter *w = waiter_of(p);
		int r;

		next = p->next;
		r = w->attempt(a, w);
		if (r != WAITER_MUST_WAIT)
			finish_waiter(w, r);
	}
	events_changed(a);
	waiters_vanish_if_unused(a);
}

void waiters_let_go(struct arena *a, uint32_t slot, uint32_t id)
{
	struct parked *p, *next;

	for (p = a->waiters; p; p = next) {
		struct waiter *w = waiter_of(p);

		next = p->next;
		if (w->attempt == waiter_until_let_go &&
		    w->member.slot == slot && w->member.id == id)
			finish_waiter(w, 0);
	}
}

void waiters_fail(struct arena *a, int error)
{
	while (a->waiters)
		finish_waiter(waiter_of(a->waiters), error);
}

void waiters_fail_joins(struct arena *a, int error)
{
	struct parked *p, *next;

	for (p = a->waiters; p; p = next) {
		struct waiter *w = waiter_of(p);

		next = p->next;
		if (w->is_join)
			finish_waiter(w, error);
	}
	waiters_vanish_if_unused(a);
}

/* Answer the waiters of @a whose time is over.  Returns ns until the next, -1:
 * there is none. */
static int64_t expire_waiters(struct arena *a, int64_t now)
{
	struct parked *p, *next;
	int64_t first = -1;
	bool expired = false;

	for (p = a->waiters; p; p = next) {
		struct waiter *w = waiter_of(p);

		next = p->next;
		if (w->deadline_ns < 0)
			continue;
		if (w->deadline_ns <= now) {
			finish_waiter(w, w->expires ? w->expires : -ETIMEDOUT);
			expired = true;
		} else {
			first = clock_sooner(first, w->deadline_ns - now);
		}
	}
	if (expired)
		waiters_vanish_if_unused(a);
	return first;
}

int64_t waiters_expire(void)
{
	int64_t now = clock_monotonic_ns(), first = -1;
	struct arena *a, *next;

	for (a = world.arenas; a; a = next) {
		next = a->next;
		if (a->corrupt)
			waiters_fail(a, -EIO);
		else
			first = clock_sooner(first, expire_waiters(a, now));
	}
	return first;
}

static void refuse_waiters(struct arena *a)
{
	waiters_fail(a, -ENOENT);
}

static void stop_waiters(struct arena *a)
{
	waiters_fail(a, -ENOTCONN);
}

static bool has_waiters(const struct arena *a)
{
	return a->waiters;
}

const struct arena_service waiters_service = {
	.begin_life = waiters_look,
	.refuse = refuse_waiters,
	.stop = stop_waiters,
	.is_used = has_waiters,
};
