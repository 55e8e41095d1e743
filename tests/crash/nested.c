/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/nested.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libfusion/core/heap/span.h"
#include "libfusion/core/life/life.h"
#include "tests/crash/overlay.h"
#include "tests/crash/stepper.h"

void nested_open(struct nested *n, struct stage *s)
{
	*n = (struct nested){0};
	n->fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (n->fd < 0 || ftruncate(n->fd, (off_t)s->view.geo.span) < 0)
		die("no room for a copy of the arena");
	n->copy = mmap(NULL, s->view.geo.span, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_NORESERVE, n->fd, 0);
	if (n->copy == MAP_FAILED)
		die("cannot map the copy of the arena");
}

void nested_close(struct nested *n, struct stage *s)
{
	munmap(n->copy, s->view.geo.span);
	close(n->fd);
}

/* Tables, and of each span the page that may have a map.  All of it, if there
 * is a container to be looked into. */
static void copy_arena(struct nested *n, const struct stage *s)
{
	const struct view *v = &s->view;
	uint64_t slots = s->ledger->slots & ~4095ull;
	size_t size = s->ledger->container.handle ? SPAN_SIZE : 4096;

	/* Without the guard between them, which cannot be read. */
	memcpy(n->copy, v->base, v->geo.off_guard);
	memcpy(n->copy + v->geo.off_members, v->base + v->geo.off_members,
	       v->geo.off_spans - v->geo.off_members);
	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++)
		memcpy(n->copy + ((uint64_t)i << SPAN_SHIFT), span_at(v, i),
		       size);
	memcpy(n->copy + slots, v->base + slots, 4096);
}

static pid_t start_recoverer(struct stage *s)
{
	struct view v = s->view;
	pid_t pid = fork();

	if (pid)
		return pid;
	v.rec = NULL;
	v.slot = 0;
	stepper_trace_me();
	life_undertake(&v);
	stepper_end();
	_exit(0);
}

static void check(struct nested *n, struct stage *s, unsigned extra,
		  const struct verdict *want, struct verdict *ret)
{
	overlay_on(s, n->fd);
	oracle_ask(s, FINDER_DAEMON, extra, ret);
	overlay_off(s, n->fd);
	n->states++;
	if (ret->bad || ret->digest == want->digest)
		return;
	ret->bad = 1;
	snprintf(ret->first, sizeof(ret->first),
		 "another result than an undisturbed recovery's");
}

void nested_check(struct nested *n, struct stage *s, unsigned extra,
		  const struct verdict *want, struct verdict *ret)
{
	uint64_t hash, last;
	struct stepper st;

	*ret = (struct verdict){0};
	copy_arena(n, s);
	overlay_off(s, n->fd);
	if (view_member(&s->view, s->ledger->victim)->state)
		stage_identify(&s->view, s->ledger->victim, NO_PID);
	last = overlay_hash(s);
	stepper_attach(&st, start_recoverer(s));
	while (!ret->bad && stepper_step(&st)) {
		hash = overlay_hash(s);
		if (hash == last)
			continue;
		last = hash;
		check(n, s, extra, want, ret);
	}
	n->pc = st.pc;
	n->step = st.steps;
	n->steps += st.steps;
	if (!ret->bad && !st.done) {
		ret->bad = 1;
		snprintf(ret->first, sizeof(ret->first),
			 "the recoverer died of signal %d", st.killed_by);
	}
	stepper_kill(&st);
	overlay_off(s, s->fd);
}
