/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fork
 *
 * The child is no member: the mapping does not go with it (MADV_DONTFORK), and
 * here it closes what it has of the arena and forgets it.  With
 * FUSION_ENTER_FORK it joins again, as a slave of its own.
 */
#include <stdlib.h>
#include <unistd.h>

#include "libfusion/arenas.h"
#include "libfusion/log.h"
#include "libfusion/tls.h"

/* The arena's own descriptors: closing them here takes no lock from the
 * parent, whose process still has the witness lock. */
static void detach(struct fusion_arena *a)
{
	a->view.base = NULL;
	a->view.sb = NULL;
	if (a->view.fd >= 0)
		close(a->view.fd);
	if (a->dirfd >= 0)
		close(a->dirfd);
	a->view.fd = a->dirfd = -1;
	a->caches = NULL;
	a->notice = NULL; /* its thread is the parent's */
	pthread_mutex_init(&a->caches_lock, NULL);
	pthread_mutex_init(&a->notice_lock, NULL);
}

static void in_child(void)
{
	struct fusion_arena *a = arenas, *next;

	tls_after_fork_child();
	pthread_mutex_init(&arenas_lock, NULL);
	arenas = NULL;
	for (; a; a = next) {
		next = a->next;
		detach(a);
		if (a->flags & FUSION_ENTER_FORK && arena_rejoin(a) == 0) {
			a->n_entered = 1;
			a->next = arenas;
			arenas = a;
			continue;
		}
		if (a->flags & FUSION_ENTER_FORK)
			log_error("%s: the child of a fork could not join",
				  a->path);
		free(a->path);
		free(a);
	}
}

/* No half-made list goes to the child. */
static void before(void)
{
	pthread_mutex_lock(&arenas_lock);
}

static void in_parent(void)
{
	pthread_mutex_unlock(&arenas_lock);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void prepare(void)
{
	pthread_atfork(before, in_parent, in_child);
}

void fork_prepare_once(void)
{
	pthread_once(&once, prepare);
}
