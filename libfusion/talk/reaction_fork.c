/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reactions across fork()
 *
 * A child that enters again listens to what its parent has listened to, with
 * cursors of its own and the same reactions, whose handles go on to be good.
 * The parent's fork() returns when the child does: it reads the end of a pipe
 * that the child closes then, or with its death.
 *
 * Done functions stay the parent's alone: they free what was dispatched, once.
 */
#include "libfusion/talk/reaction_fork.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "libfusion/base/log.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/reaction_run.h"

/* The pipe of this fork, one for all arenas; -1 when no fork is going on, or no
 * arena listens.  Guarded by arenas_lock. */
static int ends[2] = {-1, -1};

/* Lock the lists, so that the child gets none that is half changed. */
void reactor_fork_before(struct fusion_arena *arena)
{
	int r = 0;

	pthread_mutex_lock(&arena->reactors_lock);
	if (arena->reactors && ends[0] < 0)
		r = fd_pipe(ends);
	if (r < 0)
		log_error("arena '%s': fork() does not wait until the child "
			  "listens to its reactors (%d)",
			  arena->path, -r);
}

void reactor_fork_parent(struct fusion_arena *arena)
{
	pthread_mutex_unlock(&arena->reactors_lock);
}

void reactor_fork_wait(void)
{
	char byte;

	fd_drop(&ends[1]);
	while (ends[0] >= 0 && read(ends[0], &byte, 1) < 0 && errno == EINTR)
		;
	fd_drop(&ends[0]);
}

/* Forget the threads that run reactions of @l: they exist in the parent only.
 */
static void forget_runners(struct local_reactor *l)
{
	l->news = false;
	l->walkers = 0;
	for (struct fusion_reaction *x = l->reactions; x; x = x->next) {
		x->running = 0;
		x->from = 0;
	}
}

/* Their slots and their cursors are the parent's. */
static void forget_done(struct fusion_arena *a)
{
	struct local_reactor **p = &a->reactors, *l;

	while ((l = *p)) {
		if (!l->done) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		free(l->buf);
		free(l);
	}
}

void reactor_fork_child(struct fusion_arena *arena, bool again)
{
	pthread_mutex_init(&arena->reactors_lock, NULL);
	pthread_cond_init(&arena->reaction_ended, NULL);
	arena->news = NULL;
	arena->gone = NULL;
	/* A thread that forks in a reaction still walks the lists. */
	if (!again || reaction_is_running()) {
		arena->reactors = NULL;
		return;
	}
	forget_done(arena);
	for (struct local_reactor *l = arena->reactors; l; l = l->next)
		forget_runners(l);
}

/* Listen with a cursor of the child.  A reactor that was destroyed meanwhile
 * ends in the child, too. */
static void listen_again(struct local_reactor *l)
{
	uint32_t id = l->l.id;
	int r = -EIDRM;

	/* Whatever happens, the child does not use the parent's cursor. */
	l->l.owner = l->arena->id;
	/* Acquire: pairs with the release in reactor_fini(). */
	if (load_acquire(&l->l.re->id) == id)
		r = local_reactor_listen(l, l->l.re);
	if (r < 0) {
		log_error("arena '%s': the child of a fork cannot listen to a "
			  "reactor (%d)",
			  l->arena->path, -r);
		local_reactor_has_news(l);
	}
}

void reactor_fork_listen(struct fusion_arena *arena)
{
	bool any = false;
	int r;

	pthread_mutex_lock(&arena->reactors_lock);
	for (struct local_reactor *l = arena->reactors; l; l = l->next) {
		if (l->ended)
			continue;
		listen_again(l);
		any = true;
	}
	pthread_mutex_unlock(&arena->reactors_lock);
	if (!any)
		return;
	r = dispatch_start(arena);
	if (r < 0)
		log_error("arena '%s': the child of a fork cannot start its "
			  "dispatcher (%d)",
			  arena->path, -r);
}

void reactor_fork_end(void)
{
	fd_drop(&ends[0]);
	fd_drop(&ends[1]);
}
