/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/visitors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "fusionfs/base/clock.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/service/parking.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/node.h"
#include "fusionfs/world/record.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/property_recover.h"
#include "libfusion/core/locks/skirmish_recover.h"

/* The pause between two looks by the clock doubles, from the first to the
 * last. */
#define LOOK_FIRST_NS 1000000
#define LOOK_LAST_NS 20000000

struct visitor {
	struct visitor *next;
	struct arena *arena; /* NULL: what it was in is over */
	const struct lock_ops *ops;
	struct claim claim;
	char name[ENTRY_NAME_MAX + 1];
	pid_t opener; /* thread that opened the file */
	pid_t pid;    /* and its process */
	uint32_t tid; /* the thread that rec->tid names */
	uid_t uid;
	int64_t opened_ns; /* CLOCK_MONOTONIC */
	bool has_purchased;
	struct purchaser purchaser;
	bool may_lock;
	struct thread_rec *rec; /* NULL: it has not locked yet */
	unsigned n_parked;
};

/* A request that waits for the lock. */
struct visitor_wait {
	struct parked parked; /* in arena->visitor_waits */
	struct visitor *visitor;
};

/* --- Opening ---------------------------------------------------------------
 */

int visitor_open(const struct node *n, struct fuse_req *req, bool may_lock,
		 struct visitor **ret)
{
	struct caller caller = {0};
	struct visitor *vis;
	union record o;
	int r = record_get(n, &o);

	if (r < 0)
		return r;
	/* A process of a pid namespace outside cannot be found: it has the pid
	 * 0. */
	r = request_caller(req, &caller);
	if (r < 0 && r != -ESRCH && r != -EREMOTE)
		return r;
	vis = calloc(1, sizeof(*vis));
	if (!vis)
		return -ENOMEM;
	*vis = (struct visitor){
		.next = n->arena->visitors,
		.arena = n->arena,
		.ops = n->row->locks,
		.claim = {.index = record_index(n), .id = o.e.id},
		.opener = request_tid(req),
		.pid = caller.pid,
		.uid = caller.uid,
		.opened_ns = clock_monotonic_ns(),
		.may_lock = may_lock,
	};
	memcpy(vis->name, o.e.name, sizeof(vis->name));
	n->arena->visitors = vis;
	*ret = vis;
	return 0;
}

/* --- Taking ----------------------------------------------------------------
 */

struct attempt {
	struct visitor *vis;
	struct claim claim;
	pid_t tid;
};

static int claim_visitor_record(struct view *v, struct visitor *vis)
{
	return vis->rec ? 0 : thread_claim(v, &vis->rec);
}

static int attempt_lock_guarded(struct arena *a, void *arg)
{
	struct attempt *t = arg;
	struct visitor *vis = t->vis;
	int r = claim_visitor_record(&a->view, vis);

	if (r < 0)
		return r;
	if (t->tid)
		vis->tid = (uint32_t)t->tid;
	store_relaxed(&vis->rec->tid, vis->tid);
	r = vis->ops->take(&a->view, vis->rec, &t->claim);
	if (r == -EOWNERDEAD)
		event_log(&a->view, a->view.rec, EVENT_RECOVERED, 0,
			  "%s: shell %u goes on after an owner's death",
			  vis->name, vis->tid);
	return r;
}

/* Return the thread to show as the owner.  A shell opens the file and has
 * flock(1) lock it, which ends: the shell is the owner.  A thread that locks a
 * file which its own process has opened is the owner itself. */
static pid_t tid_of_locker(const struct visitor *vis, struct fuse_req *req)
{
	pid_t tid = request_tid(req);
	struct caller caller;

	if (tid == vis->opener || !vis->opener ||
	    (request_caller(req, &caller) == 0 && caller.pid == vis->pid))
		return tid;
	return vis->opener;
}

/* Try to take the lock.  0 it is taken; -EAGAIN not yet; -errno. */
static int attempt_lock(struct visitor *vis, int how, bool nowait, pid_t tid)
{
	struct attempt t = {.vis = vis, .claim = vis->claim, .tid = tid};
	int r;

	if (!vis->arena)
		return -EIDRM;
	/* flock(2) of a lock that the file has changes nothing. */
	if (!how && vis->claim.levels)
		return 0;
	t.claim.how = how;
	/* A visitor that waits may have been handed the lock: it has to
	 * look. */
	t.claim.nowait = nowait && !vis->n_parked;
	r = guarded(vis->arena, attempt_lock_guarded, &t);
	if (r == 0 || r == -EOWNERDEAD) {
		if (!vis->claim.levels++)
			vis->has_purchased = false;
		r = 0;
	}
	return r;
}

static int give_up_lock_guarded(struct arena *a, void *arg)
{
	struct visitor *vis = arg;

	if (vis->rec)
		vis->ops->give_up(&a->view, vis->rec, &vis->claim);
	return 0;
}

static int release_lock_guarded(struct arena *a, void *arg)
{
	struct visitor *vis = arg;

	if (vis->rec)
		vis->ops->release(&a->view, vis->rec, &vis->claim);
	return 0;
}

static void release_lock(struct visitor *vis)
{
	if (vis->arena && vis->claim.levels)
		guarded(vis->arena, release_lock_guarded, vis);
	vis->claim.levels = 0;
}

/* --- Parking ---------------------------------------------------------------
 */

static int tell_visitors_waiting(struct arena *a, void *unused)
{
	unsigned holding, waiting;

	(void)unused;
	visitors_count(a, &holding, &waiting);
	/* Relaxed: a hint for members.  What a member misses is found by the
	 * clock. */
	store_relaxed(&a->view.sb->visitors_waiting, waiting);
	return 0;
}

static void look_at_visitors_soon(struct arena *a)
{
	a->nap_ns = LOOK_FIRST_NS;
	a->look_ns = clock_monotonic_ns() + a->nap_ns;
}

/* End a wait by @r. */
static void finish_lock_wait(struct parked *p, int r)
{
	struct visitor *vis = ((struct visitor_wait *)p)->visitor;

	unpark(p);
	vis->n_parked--;
	guarded(vis->arena, tell_visitors_waiting, NULL);
	if (r < 0 && !vis->n_parked)
		guarded(vis->arena, give_up_lock_guarded, vis);
	reply_err(p->req, r);
	quota_give(&p->charge);
	free(p);
}

static void interrupt_lock_wait(struct parked *p)
{
	struct arena *a = ((struct visitor_wait *)p)->visitor->arena;

	finish_lock_wait(p, -EINTR);
	/* The visitor may have been handed the lock that it gives up. */
	visitors_look(a);
}

static void park_lock(struct visitor *vis, struct fuse_req *req)
{
	struct visitor_wait *w = malloc(sizeof(*w));
	int r = -ENOMEM;

	if (w) {
		*w = (struct visitor_wait){
			.parked = {.req = req,
				   .interrupted = interrupt_lock_wait},
			.visitor = vis,
		};
		r = parked_charge(&w->parked);
	}
	if (r < 0) {
		if (!vis->n_parked)
			guarded(vis->arena, give_up_lock_guarded, vis);
		reply_err(req, r);
		free(w);
		return;
	}
	vis->n_parked++;
	guarded(vis->arena, tell_visitors_waiting, NULL);
	look_at_visitors_soon(vis->arena);
	park(&w->parked, &vis->arena->visitor_waits);
}

static void lock_or_park(struct visitor *vis, struct fuse_req *req, bool nowait)
{
	int r = attempt_lock(vis, 0, nowait, tid_of_locker(vis, req));

	if (r == -EAGAIN && !nowait)
		park_lock(vis, req);
	else /* flock(2) does not say why it would have to wait */
		reply_err(req, nowait && r == -EBUSY ? -EAGAIN : r);
}

void visitor_flock(struct visitor *vis, struct fuse_req *req, int op)
{
	bool nowait = op & LOCK_NB;

	switch (op & ~LOCK_NB) {
	case LOCK_UN:
		release_lock(vis);
		reply_err(req, 0);
		if (vis->arena)
			visitors_look(vis->arena);
		break;
	case LOCK_EX:
		if (vis->may_lock)
			lock_or_park(vis, req, nowait);
		else
			reply_err(req, -EACCES);
		break;
	default: /* LOCK_SH: these locks are not shared */
		reply_err(req, -EOPNOTSUPP);
		break;
	}
}

/* --- Words -----------------------------------------------------------------
 */

struct act {
	struct visitor *vis;
	const struct lock_word *word;
};

static int act_on_word_guarded(struct arena *a, void *arg)
{
	const struct act *act = arg;
	struct visitor *vis = act->vis;

	return vis->rec ? act->word->act(&a->view, vis->rec, &vis->claim)
			: -EPERM;
}

static const struct lock_word *find_lock_word(const struct visitor *vis,
					      const char *text)
{
	size_t len = strcspn(text, "\n");

	if (text[len] && text[len + 1])
		return NULL;
	for (const struct lock_word *w = vis->ops->words; w->word; w++)
		if (strlen(w->word) == len && !strncmp(w->word, text, len))
			return w;
	return NULL;
}

static int act_on_word(struct visitor *vis, const struct lock_word *word)
{
	struct act act = {vis, word};
	int r = guarded(vis->arena, act_on_word_guarded, &act);

	if (r >= 0 && word->is_back && vis->claim.levels)
		vis->claim.levels--;
	return r;
}

/* Find the process that a hold-up would have to kill: the one that opened the
 * file, if it is still there, and the program that it runs now.  0; -errno
 * /proc cannot be read now. */
static int find_purchaser(const struct visitor *vis, struct purchaser *ret)
{
	struct purchaser p = {.pid = vis->pid, .uid = vis->uid};
	int r = p.pid ? process_mark(p.pid, &p.mark) : -ESRCH;

	if (r < 0 && r != -ESRCH)
		return r;
	if (r < 0 || !process_is_older(&p.mark, vis->opened_ns))
		p.pid = 0;
	*ret = p;
	return 0;
}

/* Purchase, if it is known who could be killed for it. */
static int purchase(struct visitor *vis, const struct lock_word *word,
		    struct fuse_req *req)
{
	struct purchaser p;
	int r = find_purchaser(vis, &p);

	if (r == 0)
		r = attempt_lock(vis, word->how, true, tid_of_locker(vis, req));
	if (r == 0 && !vis->has_purchased) {
		vis->purchaser = p;
		vis->has_purchased = true;
	}
	return r;
}

/* No word waits: the kernel lets one process at a time write to a file, so a
 * word that waits would keep the owner from writing "cede". */
void visitor_write(struct visitor *vis, struct fuse_req *req, const char *text,
		   size_t size)
{
	const struct lock_word *word = find_lock_word(vis, text);
	int r = -EINVAL;

	if (!vis->arena)
		r = -EIDRM;
	else if (word && word->act)
		r = act_on_word(vis, word);
	else if (word && word->is_purchase)
		r = purchase(vis, word, req);
	else if (word)
		r = attempt_lock(vis, word->how, true, tid_of_locker(vis, req));
	if (r < 0)
		reply_err(req, r);
	else
		reply_written(req, size);
	if (vis->arena)
		visitors_look(vis->arena);
}

/* --- Looking again ---------------------------------------------------------
 */

void visitors_look(struct arena *a)
{
	struct parked *p, *next;

	for (p = a->visitor_waits; p; p = next) {
		struct visitor *vis = ((struct visitor_wait *)p)->visitor;
		int r = attempt_lock(vis, 0, false, 0);

		next = p->next;
		if (r != -EAGAIN)
			finish_lock_wait(p, r);
	}
}

/* Answer all requests that wait with @error. */
static void visitors_fail(struct arena *a, int error)
{
	while (a->visitor_waits)
		finish_lock_wait(a->visitor_waits, error);
}

int64_t visitors_retry(void)
{
	int64_t now = clock_monotonic_ns(), first = -1;

	for (struct arena *a = world.arenas; a; a = a->next) {
		if (!a->visitor_waits)
			continue;
		if (a->corrupt) {
			visitors_fail(a, -EIO);
			continue;
		}
		if (now >= a->look_ns) {
			visitors_look(a);
			if (a->nap_ns < LOOK_LAST_NS)
				a->nap_ns *= 2;
			a->look_ns = now + a->nap_ns;
		}
		if (a->visitor_waits)
			first = clock_sooner(first, a->look_ns - now);
	}
	return first;
}

const struct thread_rec *visitor_who_waits(const struct arena *a, uint32_t tid)
{
	for (const struct parked *p = a->visitor_waits; p; p = p->next) {
		const struct visitor *vis =
			((const struct visitor_wait *)p)->visitor;

		if (vis->tid == tid && vis->rec)
			return vis->rec;
	}
	return NULL;
}

const struct purchaser *visitor_purchaser(const struct arena *a, uint32_t index,
					  uint32_t id)
{
	for (const struct visitor *vis = a->visitors; vis; vis = vis->next)
		if (vis->claim.levels && vis->has_purchased &&
		    vis->purchaser.pid && vis->claim.index == index &&
		    vis->claim.id == id)
			return &vis->purchaser;
	return NULL;
}

void visitors_count(const struct arena *a, unsigned *holding, unsigned *waiting)
{
	*holding = *waiting = 0;
	for (const struct visitor *vis = a->visitors; vis; vis = vis->next) {
		*holding += vis->claim.levels > 0;
		*waiting += vis->n_parked;
	}
}

/* --- The end ---------------------------------------------------------------
 */

static int drop_visitor_record(struct arena *a, void *arg)
{
	struct visitor *vis = arg;

	if (vis->rec)
		thread_release(&a->view, vis->rec);
	return 0;
}

void visitor_close(struct visitor *vis)
{
	struct arena *a = vis->arena;
	struct visitor **at;

	if (a) {
		release_lock(vis);
		guarded(a, drop_visitor_record, vis);
		for (at = &a->visitors; *at && *at != vis; at = &(*at)->next)
			;
		if (*at)
			*at = vis->next;
		visitors_look(a);
	}
	free(vis);
}

/* Recover the locks of a visitor, as if it had died, for the members that are
 * inside. */
static int abandon_visitor(struct arena *a, void *arg)
{
	struct visitor *vis = arg;

	skirmish_recover(&a->view, vis->rec, a->view.rec);
	property_recover(&a->view, vis->rec, a->view.rec);
	thread_release(&a->view, vis->rec);
	return 0;
}

/* Let go of this life of the arena, whose memory goes. */
static void visitors_forget(struct arena *a, int error)
{
	visitors_fail(a, error);
	while (a->visitors) {
		struct visitor *vis = a->visitors;

		a->visitors = vis->next;
		if (vis->rec)
			guarded(a, abandon_visitor, vis);
		vis->arena = NULL;
		vis->rec = NULL;
		vis->claim.levels = 0;
	}
}

static void end_life_of_visitors(struct arena *a)
{
	visitors_forget(a, -EIDRM);
}

static void stop_visitors(struct arena *a)
{
	visitors_forget(a, -ENOTCONN);
}

static bool has_busy_visitors(const struct arena *a)
{
	unsigned holding, waiting;

	visitors_count(a, &holding, &waiting);
	return holding || waiting;
}

const struct arena_service visitors_service = {
	.end_life = end_life_of_visitors,
	.stop = stop_visitors,
	.is_used = has_busy_visitors,
};
