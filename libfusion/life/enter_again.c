/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/life/enter_again.h"

#include <errno.h>

#include "libfusion/arena/arenas.h"
#include "libfusion/base/refuse.h"

/* Find the listed arena whose directory has the inode number of @like.  That
 * number is the arena's own, however the path is spelled, and also after its
 * daemon was replaced. */
static struct fusion_arena *find_entered(const struct fusion_arena *like)
{
	struct fusion_arena *a = arenas;

	while (a && a->dir_ino != like->dir_ino)
		a = a->next;
	return a;
}

/* Count an entry, if it wants what the first one has.  A program that asks for
 * FUSION_ENTER_MANUAL relies on it: its handlers run nowhere else. */
static int count_entry(struct fusion_arena *a,
		       const struct fusion_arena_options *o)
{
	bool master = fusion_arena_master(a) == a->id;

	if (o->flags & ~a->flags & FUSION_ENTER_MANUAL)
		return refuse(-EISCONN,
			      "arena '%s': this process is in it already, "
			      "without FUSION_ENTER_MANUAL: set that flag at "
			      "the first entry",
			      a->path);
	if ((o->role == FUSION_ROLE_MASTER && !master) ||
	    (o->role == FUSION_ROLE_SLAVE && master))
		return refuse(
			-EISCONN,
			"arena '%s': this process is in it as %s already, "
			"and cannot enter as %s",
			a->path, master ? "master" : "slave",
			master ? "slave" : "master");
	a->n_entered++;
	return 0;
}

static int refuse_busy(const struct fusion_arena *a, int r)
{
	return refuse(r,
		      "arena '%s': another thread of this process is "
		      "entering or leaving it: %s",
		      a->path, error_meaning(r));
}

int enter_again(struct fusion_arena *a, const struct fusion_arena_options *o,
		int64_t deadline, struct fusion_arena **ret)
{
	struct wait wait = {
		.deadline_ns = deadline,
		.interruptible = o->flags & FUSION_WAIT_INTERRUPTIBLE,
	};
	struct fusion_arena *other;
	int r = 0;

	pthread_mutex_lock(&arenas_lock);
	while (!r && (other = find_entered(a))) {
		if (other->state == HANDLE_IN) {
			r = count_entry(other, o);
			*ret = r < 0 ? *ret : other;
			r = r < 0 ? r : 1;
		} else if (!other->abandoned &&
			   pthread_equal(other->thread, pthread_self())) {
			r = refuse(-EDEADLK,
				   "arena '%s': this thread is entering or "
				   "leaving it: a callback cannot enter it",
				   a->path);
		} else if (o->flags & FUSION_ENTER_NOWAIT) {
			r = refuse_busy(a, -EAGAIN);
		} else {
			r = arenas_wait(&wait);
			r = r < 0 ? refuse_busy(a, r) : 0;
		}
	}
	if (!r) {
		a->state = HANDLE_ENTERING;
		a->thread = pthread_self();
		a->next = arenas;
		arenas = a;
	}
	pthread_mutex_unlock(&arenas_lock);
	return r;
}
