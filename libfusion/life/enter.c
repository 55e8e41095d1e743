/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entering
 *
 * open the directory - JOIN - fetch the descriptors, the witness among them
 * (hand_over.c) - map the heap - run the callback - READY.  Killed anywhere:
 * the witness falls, the kernel closes the directory and the daemon frees the
 * slot.  The daemon decides who is master; it parks the JOIN while there is
 * something to wait for.
 *
 * The daemon, the arena and the file can change under us between any two
 * steps; each such race ends in LOST_RACE: start over.
 */
#include "libfusion/life/enter.h"

#include <fusion/arena.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/arena/directory.h"
#include "libfusion/arena/hand_over.h"
#include "libfusion/arena/request.h"
#include "libfusion/arena/window.h"
#include "libfusion/base/callback.h"
#include "libfusion/base/deadline.h"
#include "libfusion/base/patient.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/life/exit.h"
#include "libfusion/life/fork.h"
#include "libfusion/refs/ref_fork.h"

/* The daemon's own answer that the time is over is worth waiting for. */
#define GRACE_NS 20000000
/* To FUSION_ENTER_NOWAIT, and in the child of a fork: how long a daemon that is
 * stopped, or a lock that a stopped process has, is waited for. */
#define NOWAIT_NS 2000000000
#define TRIES 1000 /* an arena that ends each time we come is not to be had */
#define LOST_RACE (-ESTALE)
/* The same, and the arena is to lie where nothing of this process does. */
#define MUST_MOVE (-EXDEV)

static int refuse_option(const char *name, int64_t value, const char *want)
{
	return refuse(-EINVAL,
		      "options of fusion_arena_enter(): %s is %" PRId64
		      ": it has to be %s",
		      name, value, want);
}

static int check_options(const struct fusion_arena_options *o)
{
	const uint32_t flags =
		FUSION_ENTER_NOWAIT | FUSION_ENTER_FORK | FUSION_ENTER_EXISTING;

	if (o->role > FUSION_ROLE_SLAVE)
		return refuse_option("role", o->role,
				     "FUSION_ROLE_ANY, _MASTER or _SLAVE");
	if (o->flags & ~flags)
		return refuse_option("flags", o->flags & ~flags,
				     "a combination of FUSION_ENTER_... flags");
	if (o->on_master_death > FUSION_MASTER_DEATH_PROMOTE)
		return refuse_option("on_master_death", o->on_master_death,
				     "FUSION_MASTER_DEATH_NOTIFY, _KILL or "
				     "_PROMOTE");
	if (o->mode & ~07777u)
		return refuse_option("mode", o->mode,
				     "that of a directory, say 0750");
	if (o->timeout_ns < FUSION_FOREVER)
		return refuse_option("timeout_ns", o->timeout_ns,
				     "nanoseconds, or 0 for ever");
	if (o->span && (o->span < SPAN_MIN || o->span > SPAN_MAX ||
			o->span & (o->span - 1)))
		return refuse_option("span", (int64_t)o->span,
				     "a power of two from 16777216 (16 MiB) to "
				     "68719476736 (64 GiB), or 0");
	return 0;
}

/* A caller built with an older header has fewer members. */
static int copy_options(const struct fusion_arena_options *from,
			struct fusion_arena_options *to)
{
	*to = (struct fusion_arena_options){.size = sizeof(*to)};
	if (!from)
		return 0;
	if (from->size < offsetof(struct fusion_arena_options, timeout_ns) ||
	    from->size > sizeof(*to))
		return refuse_size("fusion_arena_options", from->size,
				   sizeof(*to));
	memcpy(to, from, from->size);
	return check_options(to);
}

static struct fusion_arena *arena_new(const char *path,
				      const struct fusion_arena_options *o)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->view.fd = a->view.lockfd = -1;
	a->dirfd = -1;
	a->flags = o->flags;
	pthread_mutex_init(&a->notice_lock, NULL);
	pthread_mutex_init(&a->dispatch_lock, NULL);
	pthread_mutex_init(&a->reactors_lock, NULL);
	pthread_cond_init(&a->reaction_ended, NULL);
	pthread_mutex_init(&a->watch_lock, NULL);
	a->path = strdup(path);
	if (a->path)
		return a;
	free(a);
	return NULL;
}

void arena_free(struct fusion_arena *a)
{
	arena_close_dir(a);
	pthread_mutex_destroy(&a->notice_lock);
	pthread_mutex_destroy(&a->dispatch_lock);
	pthread_mutex_destroy(&a->reactors_lock);
	pthread_cond_destroy(&a->reaction_ended);
	pthread_mutex_destroy(&a->watch_lock);
	free(a->path);
	free(a->dir_path);
	free(a);
}

static int refuse_formats(const struct ioc_join *j, const char *path)
{
	return refuse(-EPROTO,
		      "arena '%s': libfusion " FUSION_VERSION
		      " speaks format %u, protocol %u; fusionfs %.23s format "
		      "%u, protocol %u: update the older one",
		      path, FUSION_FORMAT, FUSION_PROTOCOL, j->daemon_version,
		      j->daemon_format, j->daemon_protocol);
}

/* What of ours lies where the arena is? */
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

/* Something lies where the arena is.  A process that is to create it does not
 * fail for that: the arena can lie elsewhere. */
static int refuse_or_move(const struct fusion_arena *a,
			  const struct ioc_join *j)
{
	if (j->role_got == FUSION_ROLE_MASTER && !j->running)
		return MUST_MOVE;
	return refuse_collision(a->path, j->base, j->span_got);
}

/* Joined, but without the memory. */
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

/* The process goes on to map what it was handed.  Takes all of @h. */
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
	/* The child of a fork is no member: it must not even see it. */
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

/* Say that we have mapped the arena, if the slot is still ours. */
static int bear_witness(struct view *v, const struct ioc_join *j,
			int64_t deadline)
{
	int r = life_lock(v, deadline_left(deadline));

	if (r < 0)
		return r;
	r = life_witness(v, j->slot, j->id);
	life_unlock(v);
	/* The arena may have ended, or its daemon been replaced, since. */
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

/* What its process waited for, or would have to. */
static const char *awaited(const struct ioc_join *j)
{
	return j->role == FUSION_ROLE_SLAVE
		       ? "it has no master yet, or is being initialised or "
			 "shut down"
		       : "it is being initialised or shut down by another "
			 "process";
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
	case EREMOTE:
		return refuse(
			r,
			"arena '%s': its fusionfs runs in a pid namespace "
			"that this process is not in, so it cannot tell "
			"whether this process lives: start fusionfs "
			"outside of that namespace, or this process inside",
			a->path);
	case EADDRINUSE:
		return refuse(r,
			      "arena '%s': this process has no free range of "
			      "addresses that is long enough for an arena: "
			      "leave another arena, or ask for a smaller span",
			      a->path);
	case ENOENT:
		return LOST_RACE;
	case EAGAIN:
		return refuse(r,
			      "arena '%s': %s, and FUSION_ENTER_NOWAIT is "
			      "set",
			      a->path, awaited(j));
	case ETIMEDOUT:
		return refuse(r, "arena '%s': %s, and the time is over",
			      a->path, awaited(j));
	case EINTR:
		return refuse(r, "arena '%s': %s, and a signal came meanwhile",
			      a->path, awaited(j));
	case EEXIST:
		return refuse(r,
			      "arena '%s': it has a master, and this "
			      "process asks to be the master",
			      a->path);
	case ENOSPC:
		return refuse(r,
			      "arena '%s': it has as many members as it can "
			      "(fusionfs -o max_members=N), or the tmpfs "
			      "below it is full",
			      a->path);
	case EIO:
		return refuse(r,
			      "arena '%s': it is corrupt: end its members, "
			      "then remove it (rmdir)",
			      a->path);
	case EMFILE:
	case ENFILE:
		return refuse(r,
			      "arena '%s': fusionfs has no descriptor left "
			      "for one more member",
			      a->path);
	}
	return refuse(r,
		      "arena '%s': joining failed, or the process that "
		      "initialised it failed: %s",
		      a->path, strerrordesc_np(-r));
}

static int join_arena(struct fusion_arena *a,
		      const struct fusion_arena_options *o, int64_t deadline,
		      struct ioc_join *j)
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
		/* Without a result: processes that wait for us to initialise
		 * are not to get our error. */
		m.slot = j->slot;
		m.id = j->id;
		dir_ioctl(a->dirfd, FUSION_IOC_LEAVE, &m);
	}
	return r;
}

/* --- Again in the same process ------------------------------------------- */

/* An arena is one however it is spelled, and after its daemon was replaced: its
 * inode number is its own. */
static struct fusion_arena *find_entered(const struct fusion_arena *like)
{
	struct fusion_arena *a = arenas;

	while (a && a->dir_ino != like->dir_ino)
		a = a->next;
	return a;
}

static int count_entry(struct fusion_arena *a, uint32_t role)
{
	bool master = fusion_arena_master(a) == a->id;

	if ((role == FUSION_ROLE_MASTER && !master) ||
	    (role == FUSION_ROLE_SLAVE && master))
		return refuse(
			-ENOTSUP,
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

/* Is this process in already?  Waits for threads that are just entering or
 * leaving.  1 and *ret: yes, and counted; 0: no, and @a is on the list for it;
 * -errno. */
static int enter_again(struct fusion_arena *a,
		       const struct fusion_arena_options *o, int64_t deadline,
		       struct fusion_arena **ret)
{
	struct fusion_arena *other;
	int r = 0;

	pthread_mutex_lock(&arenas_lock);
	while (!r && (other = find_entered(a))) {
		if (other->state == HANDLE_IN) {
			r = count_entry(other, o->role);
			*ret = r < 0 ? *ret : other;
			r = r < 0 ? r : 1;
		} else if (pthread_equal(other->thread, pthread_self())) {
			r = refuse(-EDEADLK,
				   "arena '%s': this thread is entering or "
				   "leaving it: a callback cannot enter it",
				   a->path);
		} else if (o->flags & FUSION_ENTER_NOWAIT) {
			r = refuse_busy(a, -EAGAIN);
		} else {
			r = arenas_wait(deadline);
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

/* --- Entering ------------------------------------------------------------- */

static int open_arena(struct fusion_arena *a,
		      const struct fusion_arena_options *o, bool *ret_made)
{
	bool make = !(o->flags & FUSION_ENTER_EXISTING);
	struct dir_id p;
	int fd = dir_open(a->dir_path ? a->dir_path : a->path, make, o->mode,
			  ret_made);
	int r;

	if (fd < 0)
		return fd;
	a->dirfd = fd;
	r = dir_stat(fd, &p);
	if (r < 0)
		return dir_is_gone(-r) ? -ENOTCONN : r;
	a->dir_dev = p.dev;
	a->dir_ino = p.ino;
	if (!a->dir_path)
		a->dir_path = dir_absolute(fd, a->path);
	return a->dir_path ? 0 : -ENOMEM;
}

/*
 * What a caller wants, and how far it is.  The steps that call into the mount
 * or wait for the life lock may hang, so a caller with a deadline has each done
 * by a thread (patient.h).  If it hangs for too long, what is in it is that
 * thread's, and the caller has none.
 */
struct entering {
	char *name, *path;
	struct fusion_arena_options o;
	int64_t deadline_ns;
	struct fusion_arena *a;
	bool elsewhere; /* than it would be */
	bool made;	/* the directory, by us */
	bool listed;	/* a, among the arenas of this process */
	struct ioc_join join;
	int answer; /* a callback's */
};

static void entering_reset(struct entering *e)
{
	if (e->listed)
		arena_unlist(e->a);
	if (e->a)
		arena_free(e->a);
	e->a = NULL;
	e->made = e->listed = false;
	e->join = (struct ioc_join){0};
	e->answer = 0;
}

static void entering_free(struct entering *e)
{
	if (!e)
		return;
	entering_reset(e);
	free(e->path);
	free(e->name);
	free(e);
}

static struct entering *entering_new(const char *name,
				     const struct fusion_arena_options *o)
{
	struct entering *e = calloc(1, sizeof(*e));
	int64_t now = clock_monotonic_ns(), patience = o->timeout_ns;

	if (!e)
		return NULL;
	e->name = name ? strdup(name) : NULL;
	e->o = *o;
	if (patience <= 0 && o->flags & FUSION_ENTER_NOWAIT)
		patience = NOWAIT_NS;
	e->deadline_ns = patience <= 0 || patience > INT64_MAX - GRACE_NS - now
				 ? -1
				 : now + patience;
	if (!name || e->name)
		return e;
	free(e);
	return NULL;
}

static int time_is_over(const struct fusion_arena_options *o)
{
	return o->flags & FUSION_ENTER_NOWAIT ? -EAGAIN : -ETIMEDOUT;
}

/* Find the directory, or make it. */
static int opening_run(void *arg)
{
	struct entering *e = arg;
	int r = e->path ? 0 : dir_path(e->name, &e->path);

	if (r < 0)
		return r;
	e->a = arena_new(e->path, &e->o);
	return e->a ? open_arena(e->a, &e->o, &e->made) : -ENOMEM;
}

static void opening_abandoned(void *arg, int r)
{
	(void)r;
	entering_free(arg);
}

/* Become a member. */
static int joining_run(void *arg)
{
	struct entering *e = arg;
	int r;

	if (e->made)
		e->join.flags = JOIN_TRANSIENT;
	if (e->elsewhere) {
		e->join.flags |= JOIN_ELSEWHERE;
		window_look(&e->join.busy);
	}
	r = join_arena(e->a, &e->o, e->deadline_ns, &e->join);
	if (r == MUST_MOVE) {
		e->elsewhere = true;
		r = LOST_RACE;
	}
	if (r == -ETIMEDOUT)
		r = time_is_over(&e->o);
	/* Some other file system's directory, made for nothing. */
	if (r == -ENODEV && e->made)
		rmdir(e->path);
	return r;
}

static void joining_abandoned(void *arg, int r)
{
	struct entering *e = arg;

	/* Processes that wait for us to initialise are not to get an error. */
	if (r >= 0)
		arena_depart(e->a, FUSION_IOC_LEAVE, 0);
	entering_free(e);
}

/* The callback has answered: be in, or leave. */
static int settling_run(void *arg)
{
	struct entering *e = arg;
	int r = e->answer;

	if (!r)
		r = arena_ready(e->a);
	if (r < 0)
		arena_depart(e->a, FUSION_IOC_READY, r);
	else
		arena_poke(e->a);
	return r;
}

static const struct patient_work opening = {opening_run, opening_abandoned};
static const struct patient_work joining = {joining_run, joining_abandoned};
static const struct patient_work settling = {settling_run, joining_abandoned};

/* Do one.  What it returned; -ETIMEDOUT or -EINTR and *e = NULL: it hangs. */
static int enter_step(struct entering **e, const struct patient_work *work)
{
	int64_t deadline = (*e)->deadline_ns;
	int over = time_is_over(&(*e)->o), why = 0, r;

	r = patient_run(work, *e, deadline < 0 ? -1 : deadline + GRACE_NS,
			&why);
	if (r != PATIENT_GONE)
		return r;
	*e = NULL;
	return why == -ETIMEDOUT ? over : why;
}

/* A callback that did not return has failed. */
static void undo_enter(const struct callback_args *args)
{
	struct entering *e = args->b;

	arena_depart(args->a, FUSION_IOC_READY, -ECANCELED);
	entering_free(e);
}

/* No wait for others: the clock stands still meanwhile. */
static int run_enter_callback(struct entering *e, fusion_arena_fn fn)
{
	int64_t before = clock_monotonic_ns();
	struct callback c CALLBACK;
	int cancel, r;

	if (!fn)
		return 0;
	callback_begin(&c, undo_enter, e->a, e, 0);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &cancel);
	r = fn(e->a, e->o.ctx);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	callback_end(&c);
	if (e->deadline_ns >= 0)
		e->deadline_ns += clock_monotonic_ns() - before;
	return r < 0 ? r : 0;
}

/* 1 initialised, 0 joined, LOST_RACE, -errno: not in. */
static int go_in(struct entering **e)
{
	uint32_t serial;
	bool first;
	int answer, r = enter_step(e, &joining);

	if (r < 0)
		return r;
	first = (*e)->join.role_got == FUSION_ROLE_MASTER &&
		!(*e)->join.running;
	serial = refuse_serial();
	answer = run_enter_callback(*e,
				    first ? (*e)->o.initialize : (*e)->o.join);
	if (answer < 0)
		refuse_callback(answer, serial, (*e)->path,
				first ? "initialize" : "join");
	(*e)->answer = answer;
	r = enter_step(e, &settling);
	if (answer < 0)
		r = answer;
	return r < 0 ? r : first;
}

static int try_enter(struct entering **e, struct fusion_arena **ret)
{
	struct fusion_arena *a;
	int r;

	entering_reset(*e);
	r = enter_step(e, &opening);
	if (r < 0)
		return r;
	r = enter_again((*e)->a, &(*e)->o, (*e)->deadline_ns, ret);
	if (r)
		return r < 0 ? r : 0;
	(*e)->listed = true;
	r = go_in(e);
	if (r < 0)
		return r;
	a = (*e)->a;
	(*e)->a = NULL; /* the caller's */
	(*e)->listed = false;
	a->n_entered = 1;
	arena_set_state(a, HANDLE_IN);
	*ret = a;
	return r;
}

static int enter_arena(const char *name, const struct fusion_arena_options *o,
		       struct fusion_arena **ret)
{
	struct entering *e = entering_new(name, o);
	int r = e ? LOST_RACE : -ENOMEM;

	for (int i = 0; r == LOST_RACE && e && !e->answer && i < TRIES; i++)
		r = try_enter(&e, ret);
	entering_free(e);
	if (r != LOST_RACE)
		return r;
	return refuse(-EIO,
		      "arena '%s': it ended %d times while this process "
		      "was entering: giving up",
		      name, TRIES);
}

/* Whatever else has failed, the reader is told where. */
static int refuse_to_enter(int r, const char *path)
{
	if (r >= 0 || is_refused(r))
		return r;
	if (r == -ETIMEDOUT || r == -EINTR || r == -EAGAIN)
		return refuse(
			r,
			"arena '%s': fusionfs or a member that is stopped "
			"does not answer, and %s",
			path,
			r == -EINTR ? "a signal came meanwhile"
				    : "the time is over");
	return refuse(r, "arena '%s': cannot enter: %s", path,
		      error_meaning(r));
}

FUSION_API int fusion_arena_enter(const char *name,
				  const struct fusion_arena_options *options,
				  struct fusion_arena **ret)
{
	struct fusion_arena_options o;
	int cancel, r;

	refuse_nothing();
	r = copy_options(options, &o);
	if (r < 0)
		return told(r);
	if (!ret)
		return told(refuse_null("fusion_arena_enter()", "ret"));
	callback_check();
	fork_prepare_once();
	/* Callbacks may be cancelled, what is around them may not. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	r = refuse_to_enter(enter_arena(name, &o, ret), name ? name : "");
	pthread_setcancelstate(cancel, NULL);
	return told(r);
}

/* The handle stays where it is, its content is new.  Never waits: a fork is no
 * place for it. */
int arena_rejoin(struct fusion_arena *a)
{
	const struct fusion_arena_options o = {
		.flags = FUSION_ENTER_EXISTING | FUSION_ENTER_NOWAIT,
	};
	struct ioc_join j = {0};
	bool made;
	int r = open_arena(a, &o, &made);

	if (!r)
		r = join_arena(a, &o, clock_monotonic_ns() + NOWAIT_NS, &j);
	/* All have left meanwhile: that was another arena. */
	if (!r && j.role_got == FUSION_ROLE_MASTER && !j.running) {
		arena_depart(a, FUSION_IOC_LEAVE, 0);
		r = LOST_RACE;
	}
	if (r < 0)
		arena_close_dir(a);
	return r;
}
