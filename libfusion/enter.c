/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entering
 *
 * open the directory - JOIN - open and map `heap` - take the witness lock -
 * run the callback - READY.  Killed anywhere: the kernel closes the directory
 * and the daemon frees the slot.  The daemon decides who is master; it parks
 * the JOIN while there is something to wait for.
 */
#include <fusion/arena.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libfusion/arenas.h"
#include "libfusion/core/heap.h"
#include "libfusion/core/life.h"
#include "libfusion/core/span.h"
#include "libfusion/core/track.h"
#include "libfusion/log.h"
#include "libfusion/place.h"
#include "libfusion/tls.h"

#define TRIES 100 /* an arena that ends each time we come is not to be had */

static int check_options(const struct fusion_arena_options *o)
{
	const uint32_t flags =
		FUSION_ENTER_NOWAIT | FUSION_ENTER_FORK | FUSION_ENTER_EXISTING;

	if (o->role > FUSION_ROLE_SLAVE || o->flags & ~flags ||
	    o->on_master_death > FUSION_MASTER_DEATH_PROMOTE ||
	    o->mode & ~07777u || o->timeout_ns < FUSION_FOREVER)
		return -EINVAL;
	if (o->span && (o->span < SPAN_MIN || o->span > SPAN_MAX ||
			o->span & (o->span - 1)))
		return -EINVAL;
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
		return -EINVAL;
	memcpy(to, from, from->size);
	return check_options(to);
}

static void handle_init(struct fusion_arena *a)
{
	a->view.fd = -1;
	a->dirfd = -1;
	pthread_mutex_init(&a->caches_lock, NULL);
	pthread_mutex_init(&a->notice_lock, NULL);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void arena_forget(struct fusion_arena *a)
{
	if (a->view.base) {
		const struct view *v = &a->view;

		tls_arena_leave(a);
		/* What lies at this address next is none of our blocks. */
		track_open(span_at(v, v->geo.first_span),
			   (size_t)(span_hi(v) - v->geo.first_span)
				   << SPAN_SHIFT);
	}
	view_unmap(&a->view);
	close_fd(&a->view.fd);
	close_fd(&a->dirfd);
	pthread_mutex_destroy(&a->caches_lock);
	pthread_mutex_destroy(&a->notice_lock);
	free(a->path);
	free(a);
}

static void log_formats(const struct ioc_join *j, const char *path)
{
	log_error("%s: libfusion " FUSION_VERSION
		  " speaks format %u, protocol %u; fusionfs %.23s format %u, "
		  "protocol %u: update the older one",
		  path, FUSION_FORMAT, FUSION_PROTOCOL, j->daemon_version,
		  j->daemon_format, j->daemon_protocol);
}

/* What of ours lies where the arena wants to be? */
static void log_collision(const char *path, uint64_t base, uint64_t span)
{
	char line[256];
	uint64_t from, to;
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) != 2 ||
		    from >= base + span || to <= base)
			continue;
		log_error("%s wants 0x%" PRIx64 "-0x%" PRIx64
			  ", where this process has 0x%" PRIx64 "-0x%" PRIx64,
			  path, base, base + span, from, to);
		break;
	}
	if (f)
		fclose(f);
}

static int open_heap(struct fusion_arena *a, const struct ioc_join *j)
{
	struct stat st;
	int fd = openat(a->dirfd, "heap", O_RDWR | O_CLOEXEC), r;

	if (fd < 0)
		return errno == ENOENT ? -EAGAIN : -errno;
	if (fstat(fd, &st) < 0 || st.st_ino != j->ino) {
		close(fd);
		return -EAGAIN;
	}
	r = view_map(&a->view, fd, (void *)(uintptr_t)j->base);
	if (r < 0) {
		close(fd);
		if (r == -EEXIST) {
			log_collision(a->path, j->base, j->span_got);
			r = -EADDRINUSE;
		}
		return r;
	}
	madvise(a->view.base, a->view.geo.span, MADV_DONTFORK);
	return 0;
}

/* Mapped; is the slot we were given still ours? */
static int attach(struct fusion_arena *a, const struct ioc_join *j)
{
	struct view *v = &a->view;
	int r;

	if (!j->slot || j->slot > v->geo.max_members)
		return -EIO;
	a->tag = heap_tag(j->slot);
	a->id = j->id;
	a->role = j->role_got;
	slab_classes(v, a->classes);
	memcpy(a->name, v->sb->name, ARENA_NAME_MAX);
	/* The arena may have ended, or its daemon been replaced, since. */
	r = life_witness(v, j->slot, j->id);
	return r == -ESRCH ? -EAGAIN : r;
}

static int leave_slot(struct fusion_arena *a, const struct ioc_join *j,
		      unsigned long request, int result)
{
	struct ioc_member m = {.slot = j->slot, .id = j->id, .result = result};

	return place_ioctl(a->dirfd, request, &m);
}

static int join(struct fusion_arena *a, const struct fusion_arena_options *o,
		bool made, struct ioc_join *j)
{
	int r;

	*j = (struct ioc_join){
		.protocol = FUSION_PROTOCOL,
		.format = FUSION_FORMAT,
		.role = o->role,
		.on_master_death = o->on_master_death,
		.timeout_ns = o->timeout_ns ? o->timeout_ns : -1,
		.span = o->span,
		.limit = o->limit,
	};
	if (o->flags & FUSION_ENTER_NOWAIT)
		j->flags |= JOIN_NOWAIT;
	if (made)
		j->flags |= JOIN_TRANSIENT;
	if (!o->join)
		j->flags |= JOIN_ALIVE;
	r = place_ioctl(a->dirfd, FUSION_IOC_JOIN, j);
	if (r < 0)
		return r == -ENOTTY ? -ENODEV : r;
	if (!j->slot) { /* answered, but not joined: other formats */
		log_formats(j, a->path);
		return -EPROTO;
	}
	r = open_heap(a, j);
	if (!r)
		r = attach(a, j);
	if (r < 0) {
		view_unmap(&a->view);
		close_fd(&a->view.fd);
		leave_slot(a, j, FUSION_IOC_LEAVE, r);
	}
	return r;
}

/* One try.  -EAGAIN from below without NOWAIT: the arena ended under us. */
static int try_enter(struct fusion_arena *a,
		     const struct fusion_arena_options *o, struct ioc_join *j)
{
	bool made, make = !(o->flags & FUSION_ENTER_EXISTING);
	struct stat st;
	int fd;

	fd = place_open(a->path, make, o->mode ? o->mode : 0777, &made);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -ENOTCONN;
	}
	a->dirfd = fd;
	a->dir_dev = st.st_dev;
	a->dir_ino = st.st_ino;
	return join(a, o, made, j);
}

static int run_callback(struct fusion_arena *a,
			const struct fusion_arena_options *o,
			const struct ioc_join *j)
{
	bool first = j->role_got == FUSION_ROLE_MASTER && !j->running;
	fusion_arena_fn fn = first ? o->initialize : o->join;
	int r = fn ? fn(a, o->ctx) : 0, answer = 0;

	if (r > 0)
		r = 0;
	if (first || !(j->flags & JOIN_ALIVE) || r < 0)
		answer = leave_slot(a, j, FUSION_IOC_READY, r);
	return r < 0 ? r : answer;
}

static struct fusion_arena *find_entered(const struct stat *st)
{
	struct fusion_arena *a = arenas;

	while (a && (a->dir_dev != st->st_dev || a->dir_ino != st->st_ino))
		a = a->next;
	return a;
}

/* Is this process in already?  1, with one more on the count; 0; -ENOTSUP. */
static int enter_again(const char *path, const struct fusion_arena_options *o,
		       struct fusion_arena **ret)
{
	struct fusion_arena *a;
	struct stat st;
	int r = 0;

	if (stat(path, &st) < 0)
		return 0;
	pthread_mutex_lock(&arenas_lock);
	a = find_entered(&st);
	if (a && o->role && o->role != a->role)
		r = -ENOTSUP;
	else if (a) {
		a->n_entered++;
		*ret = a;
		r = 1;
	}
	pthread_mutex_unlock(&arenas_lock);
	return r;
}

static void register_arena(struct fusion_arena *a)
{
	pthread_mutex_lock(&arenas_lock);
	a->n_entered = 1;
	a->next = arenas;
	__atomic_store_n(&arenas, a, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&arenas_lock);
}

void arena_unregister(struct fusion_arena *a)
{
	struct fusion_arena **p;

	pthread_mutex_lock(&arenas_lock);
	for (p = &arenas; *p && *p != a; p = &(*p)->next)
		;
	if (*p)
		*p = a->next;
	pthread_mutex_unlock(&arenas_lock);
}

static int enter_path(char *path, const struct fusion_arena_options *o,
		      struct fusion_arena **ret)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));
	struct ioc_join j;
	int r = -ENOMEM;

	if (!a) {
		free(path);
		return r;
	}
	handle_init(a);
	a->path = path;
	a->flags = o->flags;
	for (int i = 0; i < TRIES; i++) {
		r = try_enter(a, o, &j);
		if (r >= 0 || (r != -EAGAIN && r != -ENOENT && r != -ESTALE) ||
		    (r == -EAGAIN && o->flags & FUSION_ENTER_NOWAIT) ||
		    (r == -ENOENT && o->flags & FUSION_ENTER_EXISTING))
			break;
		close_fd(&a->dirfd);
	}
	if (r < 0) {
		arena_forget(a);
		return r;
	}
	fork_prepare_once();
	register_arena(a);
	r = run_callback(a, o, &j);
	if (r < 0) {
		arena_unregister(a);
		arena_forget(a);
		return r;
	}
	arena_poke(a);
	*ret = a;
	return j.role_got == FUSION_ROLE_MASTER && !j.running;
}

FUSION_API int fusion_arena_enter(const char *name,
				  const struct fusion_arena_options *options,
				  struct fusion_arena **ret)
{
	struct fusion_arena_options o;
	char *path;
	int r = copy_options(options, &o);

	if (r < 0)
		return r;
	if (!ret)
		return -EINVAL;
	r = place_path(name, &path);
	if (r < 0)
		return r;
	r = enter_again(path, &o, ret);
	if (r != 0) {
		free(path);
		return r < 0 ? r : 0;
	}
	return enter_path(path, &o, ret);
}

/* In the child of a fork: the handle stays where it is, its content is new. */
int arena_rejoin(struct fusion_arena *a)
{
	const struct fusion_arena_options o = {
		.role = FUSION_ROLE_SLAVE,
		.flags = FUSION_ENTER_EXISTING,
	};
	struct ioc_join j;
	int r;

	a->dirfd = -1;
	a->view.fd = -1;
	r = try_enter(a, &o, &j);
	if (r < 0)
		close_fd(&a->dirfd);
	return r;
}
