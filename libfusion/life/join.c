/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * JOIN: becoming a member
 *
 * The daemon answers with a slot, an id and a token.  For the token it hands
 * over the arena's files and the witness (hand_over.c).  This process maps the
 * heap, and confirms under the life lock that the slot is still its own.  If a
 * step fails it leaves with LEAVE, which has no result: members that wait for
 * an initialisation must not get the error of this process.
 */
#include "libfusion/life/join.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/directory.h"
#include "libfusion/arena/hand_over.h"
#include "libfusion/arena/window.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/life/exit.h"
#include "libfusion/refs/ref_fork.h"

static int refuse_formats(const struct ioc_join *j, const char *path)
{
	return refuse(-EPROTO,
		      "arena '%s': libfusion " FUSION_VERSION
		      " speaks format %u, protocol %u; fusionfs %.23s format "
		      "%u, protocol %u: update the older one",
		      path, FUSION_FORMAT, FUSION_PROTOCOL, j->daemon_version,
		      j->daemon_format, j->daemon_protocol);
}

/* Say what this process has where the arena lies. */
static int refuse_collision(const char *path, uint64_t base, uint64_t span)
{
	uint64_t from = 0, to = 0;

	window_occupant(base, span, &from, &to);
	return refuse(-EADDRINUSE,
		      "arena '%s': it lies at 0x%" PRIx64 "-0x%" PRIx64
		      ", where this process has 0x%" PRIx64 "-0x%" PRIx64
		      ": unmap that, or enter before it is mapped",
		      path, base, base + span, from, to);
}

/* Something lies where the arena is to be.  A process that is to initialise the
 * arena does not fail for that: the arena can lie elsewhere. */
static int refuse_or_move(const struct fusion_arena *a,
			  const struct ioc_join *j)
{
	if (j->role_got == FUSION_ROLE_MASTER && !j->running)
		return MUST_MOVE;
	return refuse_collision(a->path, j->base, j->span_got);
}

/* Say why the process joined, but did not get the memory. */
static int refuse_heap(const struct fusion_arena *a, int r)
{
	if (r == -ENOTCONN)
		return dir_refuse(r, a->path);
	if (r == -EPROTO)
		return refuse(r,
			      "arena '%s': its memory is of another format "
			      "than this library's (" FUSION_VERSION
			      ", format %u): update the older one",
			      a->path, FUSION_FORMAT);
	return refuse(r,
		      "arena '%s': cannot get its memory from fusionfs, or "
		      "cannot map it: %s",
		      a->path, strerrordesc_np(-r));
}

/* Map what the daemon handed over.  Takes all of @h. */
static int map_heap(struct fusion_arena *a, const struct ioc_join *j,
		    struct handed *h)
{
	struct view *v = &a->view;
	int r = view_map(v, h->heap, (void *)(uintptr_t)j->base);

	if (r < 0) {
		handed_close(h);
		return r == -EEXIST ? refuse_or_move(a, j) : refuse_heap(a, r);
	}
	v->witness = h->witness;
	v->renew = hand_over_renew;
	v->acts = &member_acts;
	/* The child of a fork is not a member, and must not see the memory. */
	madvise(v->base, v->geo.span, MADV_DONTFORK);
	r = view_set_lock(v, h->lock);
	if (r < 0)
		close(h->lock);
	return r;
}

static int open_heap(struct fusion_arena *a, const struct ioc_join *j)
{
	struct handed h = {.heap = -1, .lock = -1};
	int r = hand_over_fetch(a->dirfd, a->dir_path, &j->token, &h);

	if (r < 0) /* -ESTALE is LOST_RACE */
		return r == LOST_RACE ? r : refuse_heap(a, r);
	if (!h.witness) {
		handed_close(&h);
		return refuse(-EPROTO,
			      "arena '%s': fusionfs handed its memory over "
			      "without a witness of life: update the older of "
			      "library and fusionfs",
			      a->path);
	}
	return map_heap(a, j, &h);
}

/* Say that this process has mapped the arena, if the slot is still its own.  0,
 * LOST_RACE, -errno. */
static int bear_witness(struct view *v, const struct ioc_join *j,
			int64_t deadline)
{
	int r = life_lock(v, deadline_left(deadline));

	if (r < 0)
		return r;
	r = life_witness(v, j->slot, j->id);
	life_unlock(v);
	/* Since the answer the arena may have ended, or its daemon been
	 * replaced. */
	return r == -ESRCH ? LOST_RACE : r;
}

static int attach_view(struct fusion_arena *a, const struct ioc_join *j,
		       int64_t deadline)
{
	struct view *v = &a->view;
	int r;

	if (!j->slot || j->slot > v->geo.max_members)
		return -EIO;
	a->tag = heap_tag(j->slot);
	slab_classes(v, a->classes);
	memcpy(a->name, v->sb->name, ARENA_NAME_MAX);
	r = bear_witness(v, j, deadline);
	if (r < 0)
		return r;
	r = address_add(a);
	if (r == 0)
		a->id = j->id;
	return r;
}

/* What the process waited for, or would have to. */
static const char *awaited(const struct ioc_join *j)
{
	return j->role == FUSION_ROLE_SLAVE
		       ? "it has no master yet, or is being initialised or "
			 "shut down"
		       : "it is being initialised or shut down by another "
			 "process";
}

/* What the daemon's answers to JOIN mean. */
static const struct {
	int error;
	const char *meaning;
} join_errors[] = {
	{EREMOTE, "its fusionfs runs in a pid namespace that this process is "
		  "not in, so it cannot tell whether this process lives: start "
		  "fusionfs outside of that namespace, or this process inside"},
	{EADDRINUSE, "this process has no free range of addresses that is "
		     "long enough for an arena: leave another arena, or ask "
		     "for a smaller span"},
	{EEXIST, "it has a master, and this process asks to be the master"},
	{ENOSPC, "it has as many members as it can (fusionfs -o "
		 "max_members=N), or the tmpfs below it is full"},
	{EIO, "it is corrupt: end its members, then remove it (rmdir)"},
	{EMFILE, "fusionfs has no descriptor left for one more member"},
	{ENFILE, "fusionfs has no descriptor left for one more member"},
};

static int refuse_join(const char *path, int r)
{
	for (unsigned i = 0; i < sizeof(join_errors) / sizeof(*join_errors);
	     i++)
		if (join_errors[i].error == -r)
			return refuse(r, "arena '%s': %s", path,
				      join_errors[i].meaning);
	return refuse(r,
		      "arena '%s': joining failed, or the process that "
		      "initialised it failed: %s",
		      path, strerrordesc_np(-r));
}

int refuse_to_wait(int r, const char *path, const char *what)
{
	return refuse(r, "arena '%s': %s, and %s", path, what,
		      r == -EINTR ? "a signal came meanwhile"
				  : "the time is over");
}

static int join_error(struct fusion_arena *a, const struct ioc_join *j, int r)
{
	switch (-r) {
	case ENOTTY:
	case ENOSYS:
		return dir_refuse(-ENODEV, a->path);
	case ENOTCONN:
	case EACCES:
		return dir_refuse(r, a->path);
	case EPROTO:
		return refuse_formats(j, a->path);
	case EINVAL:
		return refuse(r,
			      "arena '%s': the limit is too small for an "
			      "arena: %" PRIu64
			      " bytes are the least, or 0 for no limit",
			      a->path, j->limit);
	case ENOENT:
		return LOST_RACE;
	case EAGAIN:
		return refuse(r,
			      "arena '%s': %s, and FUSION_ENTER_NOWAIT is "
			      "set",
			      a->path, awaited(j));
	case ETIMEDOUT:
	case EINTR:
		return refuse_to_wait(r, a->path, awaited(j));
	}
	return refuse_join(a->path, r);
}

int join_arena(struct fusion_arena *a, const struct fusion_arena_options *o,
	       int64_t deadline, struct ioc_join *j)
{
	struct ioc_member m = {0};
	int r;

	j->protocol = FUSION_PROTOCOL;
	j->format = FUSION_FORMAT;
	j->role = o->role;
	j->on_master_death = o->on_master_death;
	j->span = o->span;
	j->limit = o->limit;
	j->timeout_ns = deadline_left(deadline);
	if (o->flags & FUSION_ENTER_NOWAIT)
		j->flags |= JOIN_NOWAIT;
	if (!o->join)
		j->flags |= JOIN_ALIVE;
	r = dir_ioctl(a->dirfd, FUSION_IOC_JOIN, j);
	/* Answered, but no slot: other formats, or a limit that is too low. */
	if (!r && !j->slot)
		r = j->limit > o->limit ? -EINVAL : -EPROTO;
	if (r < 0)
		return join_error(a, j, r);
	r = open_heap(a, j);
	if (!r)
		r = ref_fork_joining(a);
	if (!r)
		r = attach_view(a, j, deadline);
	if (r < 0) {
		arena_unmap(a);
		/* Without a result: see the top. */
		m.slot = j->slot;
		m.id = j->id;
		dir_ioctl(a->dirfd, FUSION_IOC_LEAVE, &m);
	}
	return r;
}
