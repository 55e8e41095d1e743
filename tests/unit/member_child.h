/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members in processes of their own that do one thing at a time
 *
 * No daemon: the one who is left finds the dead.  A child does one thing, says
 * so through a pipe, and waits to be told to do the next, or to be killed.
 */
#ifndef TESTS_MEMBER_CHILD_H
#define TESTS_MEMBER_CHILD_H

#include "tests/unit/heap_member.h"

#include <sys/prctl.h>

/* 0, or what went wrong. */
typedef int (*step_fn)(struct fusion_arena *a);

struct child {
	pid_t pid;
	fusion_id_t id;
	int to, from;
};

static inline void answer(int fd, int value)
{
	if (write(fd, &value, sizeof(value)) != sizeof(value))
		_exit(1);
}

static inline void live(struct fusion_arena *arena, int in, int out)
{
	int fd = description_of(arena->view.fd);
	struct fusion_arena *a;
	step_fn fn;

	/* A test that fails is to take its children along. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(arena->view.fd);
	image_forget(arena);
	a = image_enter(fd);
	answer(out, (int)a->id);
	while (read(in, &fn, sizeof(fn)) == sizeof(fn))
		answer(out, fn(a));
	_exit(0);
}

static inline int hear(struct child *c)
{
	int value;

	assert_int_equal(read(c->from, &value, sizeof(value)), sizeof(value));
	return value;
}

static inline struct child have_child(struct fusion_arena *arena)
{
	int in[2], out[2];
	struct child c;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	c.pid = fork();
	assert_true(c.pid >= 0);
	if (!c.pid) {
		close(in[1]);
		close(out[0]);
		live(arena, in[0], out[1]);
	}
	close(in[0]);
	close(out[1]);
	c.to = in[1];
	c.from = out[0];
	c.id = (fusion_id_t)hear(&c);
	return c;
}

static inline void tell(struct child *c, step_fn fn)
{
	assert_int_equal(write(c->to, &fn, sizeof(fn)), sizeof(fn));
}

static inline int ask(struct child *c, step_fn fn)
{
	tell(c, fn);
	return hear(c);
}

static inline void slay(struct child *c)
{
	int status;

	kill(c->pid, SIGKILL);
	assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(c->to);
	close(c->from);
}

#endif
