/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fork
 *
 * The child is not a member: it does not inherit the mapping (MADV_DONTFORK).
 * Here it closes what it has inherited of the arena, and the handle is dead.
 * With FUSION_ENTER_FORK it joins again, as a slave, and gets its parent's
 * counts of references and its reactions.
 */
#include "libfusion/life/fork.h"

#include <unistd.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/arena/hand_over.h"
#include "libfusion/arena/request.h"
#include "libfusion/base/log.h"
#include "libfusion/base/orphan.h"
#include "libfusion/heap/tls.h"
#include "libfusion/life/enter.h"
#include "libfusion/refs/ref_fork.h"
#include "libfusion/refs/ref_rows.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_fd.h"
#include "libfusion/talk/reaction_fork.h"
#include "libfusion/talk/slots.h"

/* Forget what the child has inherited.  Closing the descriptors takes no lock
 * from the parent: a mapping keeps the witness, and the kernel drops the life
 * lock with the last copy of its descriptor. */
static void detach_handle(struct fusion_arena *a, bool again)
{
	ref_rows_free(a);
	view_close(&a->view);
	a->view = (struct view){.fd = -1, .lockfd = -1};
	arena_close_dir(a);
	a->id = 0;
	a->state = HANDLE_DEAD;
	a->notice = NULL; /* the parent has its thread */
	a->watcher = NULL;
	a->duty = NULL;
	a->describers = NULL; /* their slots are the parent's */
	pthread_mutex_init(&a->notice_lock, NULL);
	pthread_mutex_init(&a->watch_lock, NULL);
	dispatch_after_fork(a);
	calls_after_fork(a);
	reactor_fork_child(a, again);
}

static bool rejoin_arena(struct fusion_arena *a)
{
	int r = arena_rejoin(a);

	ref_fork_child(a, r == 0);
	if (r < 0) {
		log_error("arena '%s': the child of a fork could not join (%d)",
			  a->path, -r);
		dispatch_fd_close(a);
		return false;
	}
	dispatch_fd_renew(a);
	a->n_entered = 1;
	a->state = HANDLE_IN;
	a->next = arenas;
	arenas = a;
	return true;
}

static bool enters_again(const struct fusion_arena *a)
{
	return a->flags & FUSION_ENTER_FORK && a->state == HANDLE_IN;
}

static void after_fork_in_child(void)
{
	struct fusion_arena *a = arenas, *next;

	arenas_after_fork_child();
	address_after_fork_child();
	orphan_after_fork();
	hand_over_after_fork(true);
	tls_after_fork_child();
	slots_after_fork();
	arenas = NULL;
	for (; a; a = next) {
		bool again = enters_again(a);

		next = a->next;
		address_remove(a);
		a->orphan = (struct orphan){
			.handle = a,
			.base = (uintptr_t)a->view.base,
			.span = a->view.geo.span,
		};
		detach_handle(a, again);
		if (!again)
			dispatch_fd_close(a);
		if (!again || !rejoin_arena(a))
			orphan_add(&a->orphan);
	}
	for (a = arenas; a; a = a->next)
		reactor_fork_listen(a);
	reactor_fork_end();
}

/* Lock the lists, so that the child gets none that is half changed. */
static void before_fork(void)
{
	pthread_mutex_lock(&arenas_lock);
	for (struct fusion_arena *a = arenas; a; a = a->next)
		if (enters_again(a)) {
			ref_fork_before(a);
			reactor_fork_before(a);
		}
	hand_over_before_fork();
}

static void after_fork_in_parent(void)
{
	hand_over_after_fork(false);
	for (struct fusion_arena *a = arenas; a; a = a->next)
		if (enters_again(a))
			reactor_fork_parent(a);
	for (struct fusion_arena *a = arenas; a; a = a->next)
		if (enters_again(a))
			ref_fork_parent(a);
	reactor_fork_wait();
	pthread_mutex_unlock(&arenas_lock);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare_fork(void)
{
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void fork_prepare_once(void)
{
	pthread_once(&once, prepare_fork);
}
