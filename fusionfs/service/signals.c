/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/signals.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "fusionfs/base/process.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/service/ioctl.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/service/visitors.h"
#include "libfusion/core/file/protocol.h"

/* May @c signal process @pid, which was @uid's when it came?  0, -EPERM,
 * -EDEADLK. */
static int may_signal(const struct arena *a, const struct caller *c, pid_t pid,
		      uid_t uid)
{
	if (pid == c->pid)
		return -EDEADLK;
	return c->uid == 0 || c->uid == uid || arena_is_owner(a, c->uid)
		       ? 0
		       : -EPERM;
}

/* Signal a member.  -ENOENT: the daemon does not know which process it is. */
static int signal_member(struct arena *a, const struct caller *c,
			 const struct ioc_signal *s)
{
	const struct tracked *t = undertaker_find(a, s->slot, s->id);
	int r;

	if (s->signal < 0 || s->signal > SIGRTMAX)
		return -EINVAL;
	if (!t || !t->verified)
		return -ENOENT;
	r = may_signal(a, c, t->pid, t->uid);
	return r < 0 ? r : undertaker_signal(t, s->signal);
}

void request_signal(const struct ioctl_request *q)
{
	const struct ioc_signal *s = q->in;
	struct arena *a = q->arena;
	struct caller c;
	int r = request_caller(q->req, &c);

	if (r == 0)
		r = signal_member(a, &c, s);
	reply_ioctl(q->req, r, NULL, 0);
}

/* Kill a shell, if it still runs the program that has purchased. */
static int kill_shell(const struct purchaser *p)
{
	struct process_mark mark;
	int fd = process_open(p->pid), r;

	/* -EINVAL: it is not known which process that is. */
	if (fd < 0)
		return fd == -ESRCH || fd == -EINVAL ? -ENOENT : fd;
	r = process_mark(p->pid, &mark);
	if (r == 0)
		r = process_mark_equal(&mark, &p->mark)
			    ? process_signal_as(p->uid, fd, SIGKILL)
			    : -ESRCH;
	close(fd);
	return r == -ESRCH ? -ENOENT : r;
}

void request_hold_up(const struct ioctl_request *q)
{
	const struct ioc_hold_up *h = q->in;
	struct arena *a = q->arena;
	struct ioc_hold_up answer = *h;
	const struct purchaser *p;
	struct caller c;
	int r = request_caller(q->req, &c);

	answer.killed = 0;
	p = visitor_purchaser(a, h->index, h->id);
	if (r == 0 && p) {
		r = may_signal(a, &c, p->pid, p->uid);
		if (r == 0)
			r = kill_shell(p);
		answer.killed = r == 0;
	}
	reply_ioctl(q->req, r, &answer, sizeof(answer));
}
