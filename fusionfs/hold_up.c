/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Killing who has purchased a property
 *
 * The arena's memory says only which record has it: members can write what they
 * like there.  Which process that is, the daemon knows by itself: of a member
 * since it joined, of a shell since it took what it has.  So nobody is killed
 * who is not in this arena, whatever is written in it.
 */
#include "fusionfs/hold_up.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fusionfs/reply.h"
#include "fusionfs/undertaker.h"
#include "fusionfs/visitors.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/property.h"
#include "libfusion/core/thread.h"

/* Who has it, in private memory. */
struct purchaser {
	const struct ioc_hold_up *what;
	const struct thread_rec *rec; /* an address, not looked at again */
	uint32_t token, slot, id;
};

/* 1 somebody, 0 nobody, -EIDRM. */
static int look(struct arena *a, void *arg)
{
	struct purchaser *p = arg;
	struct view *v = &a->view;
	const struct property *prop;
	int64_t since;
	uint64_t w;

	if (p->what->index >= table_hi(v, KIND_PROPERTY))
		return -EIDRM;
	prop = view_entry(v, KIND_PROPERTY, p->what->index);
	if (!p->what->id || load_acquire(&prop->id) != p->what->id)
		return -EIDRM;
	w = property_word(prop, &since);
	p->rec = w & PROPERTY_PURCHASED ? property_owner(v, w) : NULL;
	if (!p->rec)
		return 0;
	p->token = PROPERTY_OWNER(w);
	p->slot = load_relaxed(&p->rec->member) - 1;
	if (p->slot && p->slot < members_hi(v))
		p->id = load_relaxed(&view_member(v, p->slot)->id);
	return 1;
}

static bool is_owner(const struct arena *a, uid_t uid)
{
	struct stat st;

	arena_stat(a, &st);
	return st.st_uid == uid;
}

/* 0, -ESRCH it is no more, -EPERM, -EDEADLK. */
static int may_kill(const struct arena *a, const struct caller *c, pid_t pid)
{
	struct stat st;
	char path[32]; /* of its directory in /proc: that is its user's */

	if (pid == c->pid)
		return -EDEADLK;
	if (c->uid == 0 || is_owner(a, c->uid))
		return 0;
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	if (stat(path, &st) < 0)
		return -ESRCH;
	return st.st_uid == c->uid ? 0 : -EPERM;
}

static int kill_member(struct arena *a, const struct caller *c,
		       const struct purchaser *p)
{
	const struct tracked *t = undertaker_find(a, p->id);
	int r;

	/* It has just left or died: that is recovered soon. */
	if (!t || t->slot != p->slot || t->going)
		return 0;
	if (t->pid <= 1 || t->pidfd < 0)
		return -ESRCH;
	/* It joined when another daemon was here, and who that was stands only
	 * where members can write. */
	if (t->adopted && !process_is_inside(&a->view, t->pid))
		return -EPERM;
	r = may_kill(a, c, t->pid);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	if (syscall(SYS_pidfd_send_signal, t->pidfd, SIGKILL, NULL, 0) < 0)
		return errno == ESRCH ? 0 : -errno;
	return 0;
}

struct shot {
	pid_t pid;
	int64_t named_ns;
};

static int shoot(struct arena *a, void *arg)
{
	const struct shot *s = arg;

	return visitor_signal(&a->view, s->pid, s->named_ns, SIGKILL);
}

static int kill_visitor(struct arena *a, const struct caller *c,
			const struct purchaser *p)
{
	struct shot s;
	int r;

	s.pid = visitor_who_has(a, p->rec, &s.named_ns);
	if (!s.pid)
		return 0;
	r = may_kill(a, c, s.pid);
	return r == 0 ? guarded(a, shoot, &s) : r;
}

static int hold_up(struct arena *a, const struct caller *c,
		   struct ioc_hold_up *h)
{
	struct purchaser p = {.what = h};
	int r = guarded(a, look, &p);

	if (r <= 0)
		return r;
	r = p.slot ? kill_member(a, c, &p) : kill_visitor(a, c, &p);
	if (r == 0)
		h->owner = p.token;
	return r;
}

void request_hold_up(struct arena *a, struct fuse_req *req,
		     const struct ioc_hold_up *h)
{
	struct ioc_hold_up answer = *h;
	struct caller c;
	int r = request_caller(req, &c);

	answer.owner = 0;
	if (r == 0)
		r = hold_up(a, &c, &answer);
	reply_ioctl(req, r, &answer, sizeof(answer));
}
