/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References across fork()
 *
 *   parent, before   locks FORK_BYTE on an open file description of its own;
 *                    keeps in its rows, for a child, as many counts as it has
 *   child            joins; locks FORK_BYTE on its own description; closes the
 *                    parent's; takes the kept counts; unlocks
 *   parent, after    waits for that; takes back the counts that are left (there
 *                    is no child, or it could not join); unlocks
 *
 * Parent killed: recovery leaves its rows as long as FORK_BYTE is locked.
 * Child killed: the parent reads the end of the pipe.  Both killed: the kernel
 * drops the locks.
 *
 * The daemon provides the description (hand_over.h), so the parent keeps it
 * open for the next fork.
 */
#include "libfusion/refs/ref_fork.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "libfusion/arena/hand_over.h"
#include "libfusion/base/log.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/life/witness.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_pass.h"
#include "libfusion/heap/tls.h"

struct forking {
	int fd;	      /* the open file description; -1 in the child */
	int pipe[2];  /* -1 outside of fork() */
	bool holding; /* the rows keep counts for a child */
	int error;    /* why they do not */
	struct ref_member parent;
};

static struct forking *forking_of(struct fusion_arena *a)
{
	struct forking *f = a->forking;

	if (f)
		return f;
	f = calloc(1, sizeof(*f));
	if (!f)
		return NULL;
	f->pipe[0] = f->pipe[1] = -1;
	f->fd = hand_over_description(a);
	if (f->fd < 0) {
		free(f);
		return NULL;
	}
	a->forking = f;
	return f;
}

static void forking_free(struct forking *f)
{
	fd_drop(&f->fd);
	fd_drop(&f->pipe[0]);
	fd_drop(&f->pipe[1]);
	free(f);
}

static void end_holding(struct forking *f)
{
	fd_drop(&f->pipe[0]);
	fd_drop(&f->pipe[1]);
	if (f->fd >= 0)
		witness_fork_mark(f->fd, f->parent.slot, false);
	f->holding = false;
}

static int begin_holding(struct fusion_arena *a, struct forking *f)
{
	struct thread_rec *me = thread_rec_of(a);
	int r = me ? witness_fork_mark(f->fd, a->view.slot, true) : -errno;

	if (r < 0)
		return r;
	f->parent = (struct ref_member){a->view.slot, a->id};
	r = fd_pipe(f->pipe);
	if (r == 0)
		r = ref_fork_hold(&a->view, me);
	if (r < 0)
		ref_fork_drop(&a->view, me);
	f->holding = r > 0;
	return r;
}

void ref_fork_before(struct fusion_arena *a)
{
	struct forking *f;

	/* Relaxed: whether the child gets counts that other threads make during
	 * fork() is not defined. */
	if (!load_relaxed(&view_member(&a->view, a->view.slot)->rows))
		return;
	f = forking_of(a);
	if (!f)
		return;
	f->error = begin_holding(a, f);
	if (!f->holding)
		end_holding(f);
}

void ref_fork_parent(struct fusion_arena *a)
{
	struct forking *f = a->forking;
	struct thread_rec *me;
	char byte;

	if (!f || !f->holding)
		return;
	fd_drop(&f->pipe[1]);
	while (read(f->pipe[0], &byte, 1) < 0 && errno == EINTR)
		;
	me = thread_rec_of(a);
	if (me)
		ref_fork_drop(&a->view, me);
	end_holding(f);
}

int ref_fork_joining(struct fusion_arena *a)
{
	struct forking *f = a->forking;
	int r;

	if (!f)
		return 0;
	if (f->holding) {
		r = witness_fork_mark(a->view.lockfd, f->parent.slot, true);
		if (r < 0)
			return r;
		a->view.fork_of = f->parent.slot;
	}
	fd_drop(&f->fd);
	return 0;
}

void ref_fork_child(struct fusion_arena *a, bool joined)
{
	struct forking *f = a->forking;
	struct thread_rec *me;
	int r;

	a->forking = NULL;
	if (!f)
		return;
	r = f->error;
	if (joined && f->holding) {
		me = thread_rec_of(a);
		r = me ? ref_fork_take(&a->view, me, f->parent) : -errno;
		a->view.fork_of = 0;
		witness_fork_mark(a->view.lockfd, f->parent.slot, false);
	}
	if (r < 0)
		log_error(
			"arena '%s': the child of a fork lacks references (%d)",
			a->path, -r);
	forking_free(f);
}

void ref_fork_free(struct fusion_arena *a)
{
	struct forking *f = a->forking;

	a->forking = NULL;
	if (!f)
		return;
	forking_free(f);
}
