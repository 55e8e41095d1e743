/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fusionfs/base/log.h"
#include "fusionfs/base/serial.h"
#include "fusionfs/world/address.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/format.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/name.h"

bool error_is_temporary(int r)
{
	switch (r) {
	case -EAGAIN:
	case -EBUSY:
	case -EINTR:
	case -EMFILE:
	case -ENFILE:
	case -ENOMEM:
	case -ENOSPC:
	case -ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

int arena_lock(struct arena *a)
{
	return life_lock(&a->view, 0);
}

void arena_unlock(struct arena *a)
{
	life_unlock(&a->view);
}

static int undertake_guarded(struct arena *a, void *unused)
{
	(void)unused;
	a->base = a->view.sb->base;
	store_relaxed(&a->view.sb->visitors_waiting, 0);
	store_relaxed(&a->view.sb->visitor_bell_wanted, 0);
	return life_undertake(&a->view);
}

/* Map the file and become its undertaker.  Returns how many members are inside,
 * -errno. */
static int take_arena_over(struct arena *a)
{
	int r = 0;

	if (!a->view.base) {
		r = view_map(&a->view, a->store.heap, NULL);
		if (r == 0)
			r = view_set_lock(&a->view, a->store.lock);
	}
	if (r < 0) {
		guard_unmap(a);
		a->view = (struct view){.fd = -1, .lockfd = -1};
		return r;
	}
	guard_close(a);
	a->view.patience_ns = NEVER_SLEEP;
	a->view.backlog = &a->backlog;
	a->view.acts = arena_services_acts();
	return guarded(a, undertake_guarded, NULL);
}

/* Take an arena over.  Trouble that passes leaves it unsettled, and it is tried
 * again (later.h). */
static int attach_arena(struct arena *a)
{
	int r;

	a->corrupt = a->unsettled = false;
	a->backlog.n = 0;
	r = take_arena_over(a);
	if (error_is_temporary(r)) {
		a->unsettled = true;
		arena_services_postpone(a);
	} else if (r < 0 && a->view.base) {
		arena_is_corrupt(a, "it cannot be recovered");
	}
	return r;
}

/* Let go of this life of the arena.  Its files stay open. */
static void detach_arena(struct arena *a)
{
	arena_services_end_life(a);
	guard_unmap(a);
}

static struct arena *add_arena(const char *name)
{
	struct arena *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->store = (struct store){-1, -1, -1, {0}};
	a->view.fd = a->view.lockfd = -1;
	a->serial = a->life = serial_begin();
	if (!a->serial) {
		free(a);
		return NULL;
	}
	strncpy(a->name, name, ARENA_NAME_MAX);
	a->next = world.arenas;
	world.arenas = a;
	return a;
}

/* End the serial of this life: nodes of what was in it are gone for good,
 * whatever has the same ids in the next life. */
static void end_arena_life(struct arena *a)
{
	if (a->life != a->serial)
		serial_end(a->life);
	a->life = a->serial;
}

static int mark_arena_gone(struct arena *a, void *unused)
{
	(void)unused;
	/* Release: pairs with the acquires of state in life.c, by which members
	 * that still map this file see that it is over. */
	store_release(&a->view.sb->state, ARENA_GONE);
	life_changed(&a->view);
	return 0;
}

void arena_destroy(struct arena *a, bool unlink_file)
{
	struct arena **p = &world.arenas;

	arena_services_refuse(a);
	if (unlink_file) {
		guarded(a, mark_arena_gone, NULL);
		store_remove(&world.backing, a->name);
	}
	arena_services_forget(a);
	detach_arena(a);
	store_close(&a->store);
	arena_charge_give(&a->charge);
	while (*p && *p != a)
		p = &(*p)->next;
	if (*p)
		*p = a->next;
	end_arena_life(a);
	serial_end(a->serial);
	free(a);
}

int arena_create(const char *name, mode_t mode, uid_t uid, gid_t gid,
		 struct arena **ret)
{
	struct arena_params params = {
		.name = name,
		.span = world.options->span,
		.limit = quota_share(uid, world.options->size),
		.max_members = world.options->max_members,
		/* The library sets the sticky bit when it makes an arena to
		 * enter it. */
		.flags = mode & S_ISVTX ? ARENA_TRANSIENT : 0,
		.epoch = (uint64_t)clock_realtime_ns(),
	};
	struct policy policy = {
		.mode = mode & 0777,
		.uid = uid,
		.gid = gid,
		.transient = mode & S_ISVTX,
	};
	struct arena_charge charge = {.arenas = {.user = NULL}};
	struct arena *a;
	int r = name_check_arena(name);

	if (r < 0)
		return r;
	/* A file of that name belongs to others: it stays. */
	if (world_find(name) ||
	    faccessat(world.backing.fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	/* Its memory is charged to the user that the daemon runs as. */
	if (geteuid() != 0 && uid != geteuid())
		return -EPERM;
	params.base = address_choose(name, params.span, NULL, NULL);
	if (!params.base)
		return -ENOSPC;
	r = arena_charge_set(&charge, uid, params.span, params.limit);
	if (r < 0)
		return r;
	a = add_arena(name);
	if (!a) {
		arena_charge_give(&charge);
		return -ENOMEM;
	}
	a->charge = charge;
	r = store_create(&world.backing, &params, &policy, &a->store);
	if (r == 0)
		r = attach_arena(a);
	if (r < 0) {
		arena_destroy(a, a->store.dir >= 0);
		return r;
	}
	*ret = a;
	return 0;
}

static uint32_t max_members_for(uint64_t span)
{
	return world.options->max_members < span >> 14
		       ? world.options->max_members
		       : (uint32_t)(span >> 14);
}

uint64_t arena_least(uint64_t span)
{
	struct geometry geo;

	if (!span)
		span = world.options->span;
	return geometry_init(&geo, span, max_members_for(span)) < 0
		       ? UINT64_MAX
		       : format_least(&geo);
}

int arena_renew(struct arena *a, uint64_t span, uint64_t limit,
		const struct window_busy *busy)
{
	struct arena_params params = {
		.name = a->name,
		.span = span ? span : world.options->span,
		.limit = limit ? limit : world.options->size,
		.max_members = world.options->max_members,
		.flags = a->store.policy.transient ? ARENA_TRANSIENT : 0,
		.epoch = (uint64_t)clock_realtime_ns(),
	};
	struct arena_charge old = a->charge;
	uid_t uid = a->store.policy.uid;
	uint64_t life;
	int r;

	params.max_members = max_members_for(params.span);
	params.base = address_choose(a->name, params.span, a, busy);
	if (!params.base)
		return busy ? -EADDRINUSE : -ENOSPC;
	life = serial_begin();
	if (!life)
		return -ENOMEM;
	params.limit = quota_share(uid, params.limit);
	r = arena_charge_set(&a->charge, uid, params.span, params.limit);
	if (r < 0) {
		serial_end(life);
		return r;
	}
	r = store_note(&a->store, MASTER_DEATH_NOTIFY, 0);
	if (r == 0)
		r = store_renew(&a->store, &params);
	if (r < 0) {
		serial_end(life);
		arena_charge_force(&a->charge, uid, old.span.n, old.memory.n);
		return r;
	}
	/* The old file has no name any more; our mapping keeps it. */
	guarded(a, mark_arena_gone, NULL);
	detach_arena(a);
	end_arena_life(a);
	a->life = life;
	r = attach_arena(a);
	if (r < 0)
		return error_is_temporary(r) ? -EAGAIN : -EIO;
	return 0;
}

int arena_refresh(struct arena *a)
{
	int r = a->ended ? arena_renew(a, 0, 0, NULL) : 0;

	if (r == 0)
		a->ended = false;
	return r;
}

void arena_ended(struct arena *a)
{
	if (a->store.policy.transient && !a->waiters) {
		arena_destroy(a, true);
		return;
	}
	a->ended = true;
	if (arena_refresh(a) == 0)
		arena_services_begin_life(a);
	else
		note("arena '%s': no memory for a fresh file yet", a->name);
}

void arena_is_corrupt(struct arena *a, const char *why)
{
	if (a->corrupt)
		return;
	a->corrupt = true;
	complain("arena '%s' is corrupt: %s: rmdir it when its members are "
		 "gone",
		 a->name, why);
	/* Requests that wait are answered later, by waiters_expire(): what is
	 * being done now may be about one of them. */
	arena_services_announce(a);
}

static int read_limit(struct arena *a, void *arg)
{
	*(uint64_t *)arg = load_relaxed(&a->view.sb->limit);
	return 0;
}

static int write_limit(struct arena *a, void *arg)
{
	store_relaxed(&a->view.sb->limit, *(uint64_t *)arg);
	return 0;
}

int arena_set_limit(struct arena *a, uint64_t limit)
{
	int r;

	if (limit && limit < format_least(&a->view.geo))
		return -EINVAL;
	/* "No limit" is more than any quota allows. */
	if (!limit && quota_share(a->store.policy.uid, 0))
		r = -EDQUOT;
	else
		r = quota_set(&a->charge.memory, limit);
	return r < 0 ? r : guarded(a, write_limit, &limit);
}

/* Charge the owner anew.  @limit may be what a member has written to the
 * memory: no more than the user's whole quota is charged for it. */
static void charge_arena_again(struct arena *a, uint64_t limit)
{
	uint64_t most = quota_limit(QUOTA_MEMORY);
	uid_t uid = a->store.policy.uid;

	if (most && (!limit || limit > most))
		limit = quota_share(uid, 0);
	arena_charge_force(&a->charge, uid, a->view.geo.span, limit);
}

void arena_owner_changed(struct arena *a)
{
	charge_arena_again(a, a->charge.memory.n);
}

static void charge_adopted_arena(struct arena *a, bool readable)
{
	uint64_t limit = 0;

	if (readable)
		guarded(a, read_limit, &limit);
	charge_arena_again(a, limit);
}

/* Go on with an arena that is taken over: find out who is inside. */
static void arena_is_settled(struct arena *a)
{
	arena_services_adopt(a);
	if (a->unsettled)
		arena_services_postpone(a);
	else if (!a->members)
		arena_ended(a);
}

void arena_settle(struct arena *a)
{
	int n;

	if (!a->unsettled || a->corrupt)
		return;
	a->unsettled = false;
	n = take_arena_over(a);
	if (error_is_temporary(n)) {
		a->unsettled = true;
		arena_services_postpone(a);
		return;
	}
	charge_adopted_arena(a, n >= 0);
	if (n < 0)
		arena_is_corrupt(a, "it cannot be recovered");
	else
		arena_is_settled(a);
}

int arena_adopt(const char *name)
{
	struct arena *a;
	int n = name_check_arena(name);

	if (n < 0)
		return n;
	a = add_arena(name);
	if (!a)
		return -ENOMEM;
	n = store_open(&world.backing, name, &a->store);
	if (n < 0) {
		arena_destroy(a, false);
		return n;
	}
	n = attach_arena(a);
	charge_adopted_arena(a, n >= 0);
	if (n >= 0)
		arena_is_settled(a);
	else if (!a->unsettled)
		arena_is_corrupt(a, "its file makes no sense");
	return 0;
}

bool arena_joined(struct arena *a)
{
	/* Before it is taken over this is not known. */
	return a->unsettled || arena_services_is_joined(a);
}

int arena_remove(struct arena *a)
{
	if (arena_services_is_used(a) || arena_joined(a))
		return -EBUSY;
	arena_destroy(a, true);
	return 0;
}

int arena_make_transient(struct arena *a)
{
	struct policy p = a->store.policy;

	if (p.transient)
		return 0;
	p.transient = true;
	return store_change(&a->store, &p);
}

void arena_stat(const struct arena *a, struct stat *st)
{
	const struct policy *p = &a->store.policy;

	*st = (struct stat){
		.st_ino = p->identity,
		.st_mode = p->mode,
		.st_uid = p->uid,
		.st_gid = p->gid,
	};
	st->st_ctim.tv_sec = (time_t)(p->changed_ns / 1000000000);
	st->st_ctim.tv_nsec = (long)(p->changed_ns % 1000000000);
}

bool arena_is_owner(const struct arena *a, uid_t uid)
{
	return a->store.policy.uid == uid;
}
