/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Without a mount: the parent is the undertaker; and, as "survivors", one that
 * lets the workers find their dead by themselves.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "libfusion/core/file/format.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/heap/tls.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/reaction.h"
#include "tests/crash/stage.h"
#include "tests/crash/torture.h"

#define SPAN (128ull << 20)
#define MEMBERS 64

static struct fusion_arena *open_direct(struct torture *t)
{
	struct arena_params params = {
		.name = "torture",
		.base = (uint64_t)(uintptr_t)STAGE_BASE,
		.span = SPAN,
		.max_members = MEMBERS,
		.epoch = 1,
	};
	struct stage *s = calloc(1, sizeof(*s));
	struct fusion_arena *a;

	if (!s)
		die("no memory");
	s->ledger = ledger_create();
	s->fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0 || format_arena(s->fd, &params) < 0 ||
	    view_map(&s->view, s->fd, STAGE_BASE) < 0)
		die("cannot make an arena");
	t->own = s;
	a = stage_undertake(s);
	a->id = UINT32_MAX; /* no member's */
	a->tag = 1;
	a->view.patience_ns = 5000000000; /* no soft spot for busy machines */
	return a;
}

static struct fusion_arena *enter_direct(struct torture *t)
{
	struct fusion_arena *a;

	tls_after_fork_child();
	a = stage_enter(t->own, FUSION_ROLE_SLAVE, true);
	a->flags |= FUSION_ENTER_MANUAL;
	return a;
}

static void leave_direct(struct fusion_arena *a)
{
	struct view *v = &a->view;

	dispatch_stop(a);
	reactor_stop(a);
	tls_arena_leave(a);
	if (life_lock(v, -1) < 0 || life_exit_begin(v, v->slot) < 0)
		die("a worker cannot begin to leave");
	if (life_depart(v, v->slot, false) < 0)
		die("a worker cannot leave");
	life_unlock(v);
}

static bool is_anyone_dead(struct view *v)
{
	for (uint32_t i = 1; i < members_hi(v); i++)
		if (member_is_dead(v, i))
			return true;
	return false;
}

/* One sweep may leave somebody: it hardly waits for the life lock. */
static void sweep(struct torture *t)
{
	do
		life_sweep(&t->arena->view);
	while (is_anyone_dead(&t->arena->view));
}

static void sweep_one(struct torture *t, pid_t pid)
{
	(void)pid;
	sweep(t);
}

static void close_direct(struct torture *t)
{
	struct stage *s = t->own;

	view_unmap(&t->arena->view);
	close(t->arena->view.fd);
	close(s->fd);
}

const struct scene scene_direct = {
	.name = "direct",
	.open = open_direct,
	.enter = enter_direct,
	.leave = leave_direct,
	.once = true,
	.one_died = sweep_one,
	.all_died = sweep,
	.close = close_direct,
};

const struct scene scene_survivors = {
	.name = "survivors",
	.open = open_direct,
	.enter = enter_direct,
	.leave = leave_direct,
	.once = true,
	.all_died = sweep,
	.close = close_direct,
};
