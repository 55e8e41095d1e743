/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/later.h"

#include <errno.h>
#include <stdlib.h>

#include "fusionfs/base/clock.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/service/waiters.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"

/* The pause between two attempts doubles, from the first to the last. */
#define NAP_FIRST_NS 1000000
#define NAP_LAST_NS 128000000
/* Attempts in a row in which the owner of a lock could not be found. */
#define LOST_MAX 5
/* The longest pause of a request, for which a process waits. */
#define REQUEST_NAP_NS 8000000

struct kept_request {
	struct parked parked;
	struct arena *arena;
	int64_t deadline_ns; /* CLOCK_MONOTONIC */
	int64_t look_ns, nap_ns;
	struct asked asked;
};

static struct parked *kept_requests; /* oldest first */
static struct kept_request *running; /* its request is being tried again */

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

/* Is the lock still held by @token?  The caller has looked for the owner
 * before: an owner that ends gives its locks back, or recovery does, before its
 * record. */
static bool is_lock_held_by(const struct view *v, uint64_t at, uint32_t token)
{
	const struct core_lock *l = view_at(v, at);

	/* The fence in look_at_owner() has this load after those of the
	 * record. */
	return (load_relaxed(&l->word) & TOKEN_MASK) == token;
}

/* Recover the owner that was in the way, if it is dead.  Returns 0; -errno; 1:
 * no thread has that token, or it is one of the daemon's, which holds no lock
 * from one request to the next. */
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
	/* Pairs with the releases in core_unlock() and thread_release(): if we
	 * have seen that the record went, we see that the lock went before. */
	acquire_fence();
	return is_lock_held_by(&a->view, a->view.met_at, token);
}

/* Only after LOST_MAX attempts: a member may write over its own record for a
 * moment. */
static void look_for_owner(struct arena *a)
{
	bool lost = guarded(a, look_at_owner, NULL) == 1;

	a->lost_locks = lost ? a->lost_locks + 1 : 0;
	if (a->lost_locks == LOST_MAX)
		arena_is_corrupt(a, "a lock in it is nobody's");
}

static int catch_up_events(struct arena *a, void *unused)
{
	(void)unused;
	return a->view.rec && !event_catch_up(&a->view, a->view.rec);
}

static void retry_arena(struct arena *a)
{
	uint64_t serial = a->serial;

	a->later_ns = 0;
	arena_settle(a);
	if (!world_serial(serial))
		return;
	look_for_owner(a);
	if (guarded(a, catch_up_events, NULL) == 1)
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
			retry_arena(a);
		if (world_serial(serial) && a->later_ns)
			first = clock_sooner(first, a->later_ns - now);
	}
	return first;
}

/* --- Requests --------------------------------------------------------------
 */

static void free_kept_request(struct kept_request *k)
{
	if (k)
		quota_give(&k->parked.charge);
	free(k);
}

static void interrupt_kept_request(struct parked *p)
{
	unpark(p);
	reply_err(p->req, -EINTR);
	free_kept_request((struct kept_request *)p);
}

static struct kept_request *make_kept_request(struct arena *a,
					      struct fuse_req *req,
					      const struct asked *asked,
					      int64_t now)
{
	struct kept_request *k = malloc(sizeof(*k));

	if (!k)
		return NULL;
	*k = (struct kept_request){
		.arena = a,
		.parked = {.req = req, .interrupted = interrupt_kept_request},
		.deadline_ns = now + LATER_REQUEST_NS,
		.nap_ns = NAP_FIRST_NS / 2,
		.asked = *asked,
	};
	if (parked_charge(&k->parked) < 0) {
		free(k);
		return NULL;
	}
	return k;
}

bool later_request(struct arena *a, struct fuse_req *req,
		   const struct asked *asked)
{
	int64_t now = clock_monotonic_ns();
	struct kept_request *k = running;

	/* The owner of the lock is examined then: it may be dead. */
	later(a);
	running = NULL;
	if (!k)
		k = make_kept_request(a, req, asked, now);
	if (!k || now >= k->deadline_ns) {
		free_kept_request(k);
		return false;
	}
	if (k->nap_ns < REQUEST_NAP_NS)
		k->nap_ns *= 2;
	k->look_ns = now + k->nap_ns;
	park(&k->parked, &kept_requests);
	return true;
}

static void try_request_again(struct kept_request *k)
{
	unpark(&k->parked);
	request_on_interrupt(k->parked.req, NULL, NULL);
	running = k;
	k->asked.again(k->parked.req, &k->asked);
	/* It is answered, unless later_request() has kept it again. */
	free_kept_request(running);
	running = NULL;
}

static struct kept_request *first_due_request(int64_t now)
{
	struct parked *p = kept_requests;

	while (p && ((struct kept_request *)p)->look_ns > now)
		p = p->next;
	return (struct kept_request *)p;
}

static int64_t retry_requests(int64_t now)
{
	int64_t first = -1;
	struct kept_request *k;

	/* A request that is kept again is due later than now. */
	while ((k = first_due_request(now)))
		try_request_again(k);
	for (struct parked *p = kept_requests; p; p = p->next) {
		k = (struct kept_request *)p;
		first = clock_sooner(first, clock_left(k->look_ns, now));
	}
	return first;
}

/* Answer all requests that are kept for @a with @error. */
static void later_forget(struct arena *a, int error)
{
	struct parked *p, *next;

	for (p = kept_requests; p; p = next) {
		struct kept_request *k = (struct kept_request *)p;

		next = p->next;
		if (k->arena != a)
			continue;
		unpark(p);
		reply_err(p->req, error);
		free_kept_request(k);
	}
}

int64_t later_retry(void)
{
	int64_t now = clock_monotonic_ns(), arenas = retry_arenas(now);

	return clock_sooner(arenas, retry_requests(now));
}

static void end_life_of_requests(struct arena *a)
{
	later_forget(a, -ENOENT);
}

static void stop_requests(struct arena *a)
{
	later_forget(a, -ENOTCONN);
}

const struct arena_service later_service = {
	.postpone = later,
	.end_life = end_life_of_requests,
	.stop = stop_requests,
};
