/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/later.h"

#include <errno.h>
#include <stdlib.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/service/waiters.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"

/* Between two attempts, doubling. */
#define NAP_FIRST_NS 1000000
#define NAP_LAST_NS 128000000
/* Looks at the owner of a lock, one after another, that found nobody. */
#define LOST_MAX 5
/* As to requests, which somebody waits for. */
#define REQUEST_NAP_NS 8000000

struct kept {
	struct kept *next;
	struct arena *arena;
	struct fuse_req *req;
	int64_t deadline_ns; /* CLOCK_MONOTONIC */
	int64_t look_ns, nap_ns;
	struct charge charge;
	struct asked asked;
};

static struct kept *waiting; /* oldest first */
static struct kept *running; /* its request is being tried again */

/* --- An arena's own work ---------------------------------------------------
 */

void later(struct arena *a)
{
	if (a->later_ns)
		return;
	a->later_nap_ns = a->later_nap_ns ? 2 * a->later_nap_ns : NAP_FIRST_NS;
	if (a->later_nap_ns > NAP_LAST_NS)
		a->later_nap_ns = NAP_LAST_NS;
	a->later_ns = clock_monotonic_ns() + a->later_nap_ns;
}

/* Is that lock still so?  Looked at after its owner was looked for: an owner
 * that ends gives its locks back, or has them given back, before its record. */
static bool is_held_by(const struct view *v, uint64_t at, uint32_t token)
{
	const struct core_lock *l = view_at(v, at);

	/* The fence in look_at_owner() has this load after those of the
	 * record. */
	return (load_relaxed(&l->word) & TOKEN_MASK) == token;
}

/* The owner that was in the way may be dead: then it is recovered now.  1:
 * nobody has that token, or it is one of ours, and we hold no lock from one
 * request to the next; 0, -errno. */
static int look_at_owner(struct arena *a, void *unused)
{
	uint32_t token = a->view.met;
	const struct thread_rec *t;
	int r;

	(void)unused;
	a->view.met = 0;
	if (!token)
		return 0;
	r = life_suspect(&a->view, token);
	if (r)
		return r < 0 ? r : 0;
	t = thread_by_token(&a->view, token);
	if (t && load_relaxed(&t->member) != 1)
		return 0;
	/* Pairs with the releases in core_unlock() and thread_release(): seen
	 * that the record went, we see that the lock went before. */
	acquire_fence();
	return is_held_by(&a->view, a->view.met_at, token);
}

/* Not at the first look: a member that writes over its own record for a moment
 * has not lost its arena. */
static void look_for_owner(struct arena *a)
{
	bool lost = guarded(a, look_at_owner, NULL) == 1;

	a->lost_locks = lost ? a->lost_locks + 1 : 0;
	if (a->lost_locks == LOST_MAX)
		arena_is_corrupt(a, "a lock in it is nobody's");
}

static int catch_up(struct arena *a, void *unused)
{
	(void)unused;
	return a->view.rec && !event_catch_up(&a->view, a->view.rec);
}

static void look(struct arena *a)
{
	uint64_t serial = a->serial;

	a->later_ns = 0;
	arena_settle(a);
	if (!world_serial(serial))
		return;
	look_for_owner(a);
	if (guarded(a, catch_up, NULL) == 1)
		later(a);
	else
		events_changed(a);
	undertaker_go_on(a);
	if (world_serial(serial) && a->waiters)
		waiters_look(a);
	if (world_serial(serial) && !a->later_ns)
		a->later_nap_ns = 0;
}

static int64_t retry_arenas(int64_t now)
{
	struct arena *a, *next;
	int64_t first = -1;

	for (a = world.arenas; a; a = next) {
		uint64_t serial = a->serial;

		next = a->next;
		if (a->later_ns && now >= a->later_ns)
			look(a);
		if (world_serial(serial) && a->later_ns &&
		    (first < 0 || a->later_ns - now < first))
			first = a->later_ns - now;
	}
	return first;
}

/* --- Requests --------------------------------------------------------------
 */

static void free_kept(struct kept *k)
{
	if (k)
		quota_give(&k->charge);
	free(k);
}

static void drop(struct kept *k)
{
	struct kept **at = &waiting;

	while (*at && *at != k)
		at = &(*at)->next;
	if (*at)
		*at = k->next;
}

static void interrupted(struct fuse_req *req, void *data)
{
	drop(data);
	free_kept(data);
	reply_err(req, -EINTR);
}

static void keep(struct kept *k)
{
	struct kept **at = &waiting;

	while (*at)
		at = &(*at)->next;
	k->next = NULL;
	*at = k;
	request_on_interrupt(k->req, interrupted, k);
}

static struct kept *make(struct arena *a, struct fuse_req *req,
			 const struct asked *asked, int64_t now)
{
	struct kept *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	*k = (struct kept){
		.arena = a,
		.req = req,
		.deadline_ns = now + LATER_REQUEST_NS,
		.nap_ns = NAP_FIRST_NS / 2,
		.asked = *asked,
	};
	if (quota_take(&k->charge, request_uid(req), QUOTA_WAITS, 1) < 0) {
		free(k);
		return NULL;
	}
	return k;
}

bool later_request(struct arena *a, struct fuse_req *req,
		   const struct asked *asked)
{
	int64_t now = clock_monotonic_ns();
	struct kept *k = running;

	/* The owner of the lock is looked at in time. */
	later(a);
	running = NULL;
	if (!k)
		k = make(a, req, asked, now);
	if (!k || now >= k->deadline_ns) {
		free_kept(k);
		return false;
	}
	if (k->nap_ns < REQUEST_NAP_NS)
		k->nap_ns *= 2;
	k->look_ns = now + k->nap_ns;
	keep(k);
	return true;
}

static void try_again(struct kept *k)
{
	drop(k);
	request_on_interrupt(k->req, NULL, NULL);
	running = k;
	k->asked.again(k->req, &k->asked);
	/* Answered, if it was not taken over by later_request(). */
	free_kept(running);
	running = NULL;
}

static struct kept *first_due(int64_t now)
{
	struct kept *k = waiting;

	while (k && k->look_ns > now)
		k = k->next;
	return k;
}

static int64_t retry_requests(int64_t now)
{
	int64_t first = -1;
	struct kept *k;

	/* Whatever is kept again is due after now. */
	while ((k = first_due(now)))
		try_again(k);
	for (k = waiting; k; k = k->next)
		if (first < 0 || k->look_ns - now < first)
			first = k->look_ns > now ? k->look_ns - now : 0;
	return first;
}

void later_forget(struct arena *a, int error)
{
	struct kept *k = waiting, *next;

	for (; k; k = next) {
		next = k->next;
		if (k->arena != a)
			continue;
		drop(k);
		reply_err(k->req, error);
		free_kept(k);
	}
}

int64_t later_retry(void)
{
	int64_t now = clock_monotonic_ns(), arenas = retry_arenas(now);
	int64_t requests = retry_requests(now);

	if (arenas < 0 || (requests >= 0 && requests < arenas))
		return requests;
	return arenas;
}

static void end_life(struct arena *a)
{
	later_forget(a, -ENOENT);
}

static void stop_requests(struct arena *a)
{
	later_forget(a, -ENOTCONN);
}

const struct arena_service later_service = {
	.postpone = later,
	.end_life = end_life,
	.stop = stop_requests,
};
