/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/visitors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/files/objects.h"
#include "fusionfs/world/node.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"

/* Between two looks by the clock, doubling. */
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
	uint32_t tid; /* whom rec->tid names */
	uid_t uid;
	int64_t opened_ns; /* CLOCK_MONOTONIC */
	bool has_purchased;
	struct purchaser purchaser;
	bool may_lock;
	struct thread_rec *rec; /* NULL: it has not locked yet */
	unsigned n_parked;
};

struct parked {
	struct parked *next;
	struct visitor *visitor;
	struct fuse_req *req;
	struct charge charge;
};

/* --- Opening ---------------------------------------------------------------
 */

int visitor_open(const struct node *n, struct fuse_req *req, bool may_lock,
		 struct visitor **ret)
{
	struct caller caller = {0};
	struct visitor *vis;
	union record o;
	int r = object_get(n, &o);

	if (r < 0)
		return r;
	/* From another pid namespace it cannot be seen, and is nobody. */
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
		.claim = {.index = object_index(n), .id = o.e.id},
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

static int claim_rec(struct view *v, struct visitor *vis)
{
	int r = vis->rec ? 0 : thread_claim(v, &vis->rec);

	return r == -EMFILE || r == -ENOMEM ? -ENOLCK : r;
}

static int attempt_guarded(struct arena *a, void *arg)
{
	struct attempt *t = arg;
	struct visitor *vis = t->vis;
	int r = claim_rec(&a->view, vis);

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

/* Whom to show as the owner.  A shell opens the file and has flock(1) lock it,
 * which ends: it is the shell's.  A thread that locks what its own process has
 * opened is meant itself. */
static pid_t who_locks(const struct visitor *vis, struct fuse_req *req)
{
	pid_t tid = request_tid(req);
	struct caller caller;

	if (tid == vis->opener || !vis->opener ||
	    (request_caller(req, &caller) == 0 && caller.pid == vis->pid))
		return tid;
	return vis->opener;
}

/* 0 taken, -EAGAIN not yet, -errno. */
static int attempt(struct visitor *vis, int how, bool nowait, pid_t tid)
{
	struct attempt t = {.vis = vis, .claim = vis->claim, .tid = tid};
	int r;

	if (!vis->arena)
		return -EIDRM;
	/* A file has a lock or has it not, however often it is asked. */
	if (!how && vis->claim.levels)
		return 0;
	t.claim.how = how;
	/* Who waits already may be handed it at any time: it has to look. */
	t.claim.nowait = nowait && !vis->n_parked;
	r = guarded(vis->arena, attempt_guarded, &t);
	if (r == 0 || r == -EOWNERDEAD) {
		if (!vis->claim.levels++)
			vis->has_purchased = false;
		r = 0;
	}
	return r;
}

static int give_up_guarded(struct arena *a, void *arg)
{
	struct visitor *vis = arg;

	if (vis->rec)
		vis->ops->give_up(&a->view, vis->rec, &vis->claim);
	return 0;
}

static int release_guarded(struct arena *a, void *arg)
{
	struct visitor *vis = arg;

	if (vis->rec)
		vis->ops->release(&a->view, vis->rec, &vis->claim);
	return 0;
}

static void release(struct visitor *vis)
{
	if (vis->arena && vis->claim.levels)
		guarded(vis->arena, release_guarded, vis);
	vis->claim.levels = 0;
}

/* --- Parking ---------------------------------------------------------------
 */

static int tell_waiting(struct arena *a, void *unused)
{
	unsigned holding, waiting;

	(void)unused;
	visitors_count(a, &holding, &waiting);
	/* Relaxed: a hint; who misses it is found by the clock. */
	store_relaxed(&a->view.sb->visitors_waiting, waiting);
	return 0;
}

static void look_soon(struct arena *a)
{
	a->nap_ns = LOOK_FIRST_NS;
	a->look_ns = clock_monotonic_ns() + a->nap_ns;
}

static void unpark(struct parked *p)
{
	struct arena *a = p->visitor->arena;
	struct parked **at = &a->parked;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
	p->visitor->n_parked--;
	guarded(a, tell_waiting, NULL);
}

/* The wait is over: @r. */
static void finish(struct parked *p, int r)
{
	struct visitor *vis = p->visitor;

	unpark(p);
	if (r < 0 && !vis->n_parked)
		guarded(vis->arena, give_up_guarded, vis);
	reply_err(p->req, r);
	quota_give(&p->charge);
	free(p);
}

static void interrupted(struct fuse_req *req, void *data)
{
	struct parked *p = data;
	struct arena *a = p->visitor->arena;

	(void)req;
	finish(p, -EINTR);
	/* It may have been handed what it gives up. */
	visitors_look(a);
}

static void park(struct visitor *vis, struct fuse_req *req)
{
	struct parked **at = &vis->arena->parked, *p = calloc(1, sizeof(*p));

	int r = -ENOLCK;

	if (p)
		r = quota_take(&p->charge, request_uid(req), QUOTA_WAITS, 1);
	if (r < 0) {
		if (!vis->n_parked)
			guarded(vis->arena, give_up_guarded, vis);
		reply_err(req, r);
		free(p);
		return;
	}
	p->visitor = vis;
	p->req = req;
	while (*at)
		at = &(*at)->next;
	*at = p;
	vis->n_parked++;
	guarded(vis->arena, tell_waiting, NULL);
	look_soon(vis->arena);
	request_on_interrupt(req, interrupted, p);
}

static void lock(struct visitor *vis, struct fuse_req *req, bool nowait)
{
	int r = attempt(vis, 0, nowait, who_locks(vis, req));

	if (r == -EAGAIN && !nowait)
		park(vis, req);
	else /* why it would have to wait is all the same to flock */
		reply_err(req, nowait && r == -EBUSY ? -EAGAIN : r);
}

void visitor_flock(struct visitor *vis, struct fuse_req *req, int op)
{
	bool nowait = op & LOCK_NB;

	switch (op & ~LOCK_NB) {
	case LOCK_UN:
		release(vis);
		reply_err(req, 0);
		if (vis->arena)
			visitors_look(vis->arena);
		break;
	case LOCK_EX:
		if (vis->may_lock)
			lock(vis, req, nowait);
		else
			reply_err(req, -EACCES);
		break;
	default: /* there is no sharing */
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

static int act_guarded(struct arena *a, void *arg)
{
	const struct act *act = arg;
	struct visitor *vis = act->vis;

	return vis->rec ? act->word->act(&a->view, vis->rec, &vis->claim)
			: -EPERM;
}

static const struct lock_word *find_word(const struct visitor *vis,
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

static int do_act(struct visitor *vis, const struct lock_word *word)
{
	struct act act = {vis, word};
	int r = guarded(vis->arena, act_guarded, &act);

	if (r >= 0 && word->is_back && vis->claim.levels)
		vis->claim.levels--;
	return r;
}

/* Whom a hold-up would have to kill: the process that opened the file, if it is
 * still there, running what it runs now. */
static void purchased(struct visitor *vis)
{
	struct purchaser p = {.pid = vis->pid, .uid = vis->uid};

	if (vis->has_purchased)
		return;
	if (!p.pid || process_mark(p.pid, &p.mark) < 0 ||
	    !process_is_older(&p.mark, vis->opened_ns))
		p.pid = 0;
	vis->purchaser = p;
	vis->has_purchased = true;
}

/* No word waits: the kernel lets one after another write to a file, and the
 * one who waits would keep the one who is to give it back from saying so. */
void visitor_write(struct visitor *vis, struct fuse_req *req, const char *text,
		   size_t size)
{
	const struct lock_word *word = find_word(vis, text);
	int r = -EINVAL;

	if (!vis->arena)
		r = -EIDRM;
	else if (word && word->act)
		r = do_act(vis, word);
	else if (word)
		r = attempt(vis, word->how, true, who_locks(vis, req));
	if (r == 0 && word && word->is_purchase)
		purchased(vis);
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
	struct parked *p = a->parked, *next;

	for (; p; p = next) {
		int r = attempt(p->visitor, 0, false, 0);

		next = p->next;
		if (r != -EAGAIN)
			finish(p, r);
	}
}

int64_t visitors_retry(void)
{
	int64_t now = clock_monotonic_ns(), first = -1;

	for (struct arena *a = world.arenas; a; a = a->next) {
		if (!a->parked)
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
		if (a->parked && (first < 0 || a->look_ns - now < first))
			first = a->look_ns - now;
	}
	return first;
}

const struct thread_rec *visitor_who_waits(const struct arena *a, uint32_t tid)
{
	for (const struct parked *p = a->parked; p; p = p->next)
		if (p->visitor->tid == tid && p->visitor->rec)
			return p->visitor->rec;
	return NULL;
}

const struct purchaser *visitor_purchaser(const struct arena *a, uint32_t index,
					  uint32_t id)
{
	for (const struct visitor *vis = a->visitors; vis; vis = vis->next)
		if (vis->ops == &property_locks && vis->claim.levels &&
		    vis->has_purchased && vis->purchaser.pid &&
		    vis->claim.index == index && vis->claim.id == id)
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

void visitors_fail(struct arena *a, int error)
{
	while (a->parked)
		finish(a->parked, error);
}

static int drop_rec(struct arena *a, void *arg)
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
		release(vis);
		guarded(a, drop_rec, vis);
		for (at = &a->visitors; *at && *at != vis; at = &(*at)->next)
			;
		if (*at)
			*at = vis->next;
		visitors_look(a);
	}
	free(vis);
}

/* For those inside, if there are any, its holder has died. */
static int abandon(struct arena *a, void *arg)
{
	struct visitor *vis = arg;

	skirmish_recover(&a->view, vis->rec, a->view.rec);
	property_recover(&a->view, vis->rec, a->view.rec);
	thread_release(&a->view, vis->rec);
	return 0;
}

void visitors_forget(struct arena *a, int error)
{
	visitors_fail(a, error);
	while (a->visitors) {
		struct visitor *vis = a->visitors;

		a->visitors = vis->next;
		if (vis->rec)
			guarded(a, abandon, vis);
		vis->arena = NULL;
		vis->rec = NULL;
		vis->claim.levels = 0;
	}
}
