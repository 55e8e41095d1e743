/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arenas, as the daemon has them: their files, their views, their lives
 *
 * An arena has one life after another: when its last member is gone, a fresh
 * file takes the place of the old one.  All arenas are in the list
 * world.arenas.  The fields that are named after a file of service/ belong to
 * that service, and world/ only keeps them.
 *
 * Invariant: view.base is NULL if the file is no good.  Then, and while the
 * arena is corrupt or unsettled, no function runs on its memory: guarded()
 * refuses.
 */
#ifndef FUSIONFS_ARENA_H
#define FUSIONFS_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fusionfs/base/quota.h"
#include "fusionfs/world/store.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/view.h"
#include "libfusion/core/file/window.h"
#include "libfusion/core/life/life.h"

struct bell;
struct event_log;
struct outbox;
struct parked;
struct port;
struct visitor;
struct watcher;
struct tracked;

struct arena {
	struct arena *next;
	uint64_t serial; /* in node ids: serial.h */
	uint64_t life;	 /* serial of its present life, likewise */
	char name[ARENA_NAME_MAX + 1];
	struct store store; /* its files, and who may do what */
	struct view view;   /* view.base is NULL if the file is no good */
	void *hideout;	    /* guard.c: its address while it is closed */
	bool hidden;	    /* it is closed */
	uint64_t base;	    /* where members map it; a copy of ours */
	struct arena_charge charge;
	bool corrupt;
	bool unsettled; /* not taken over yet, by trouble that passes */
	bool ended;	/* content gone, and no memory yet for a fresh file */
	unsigned idle;	/* patrols that have found it unused */
	uint32_t on_master_death; /* as the first member wanted it */
	bool doomed;		  /* its master died, and so do all */
	bool costly;		  /* its last death took long */
	int64_t patrol_ns;	 /* when the next one is due, 0 not known yet */
	struct tracked *members; /* undertaker.c: one a member */
	struct parked *waiters;	 /* waiters.c: requests, oldest first */
	struct watcher *watchers;     /* events.c: open `events` files */
	struct visitor *visitors;     /* visitors.c: open files that lock */
	struct parked *visitor_waits; /* and their requests, oldest first */
	int64_t look_ns, nap_ns; /* when these are tried again, and the pause */
	struct port *ports;	 /* ports.c: open files that talk */
	struct parked *port_waits; /* and their requests, oldest first */
	struct outbox *outboxes;   /* outbox.c: messages that wait */
	size_t kept_bytes;	   /* in all of these */
	struct bell *bell;	   /* bell.c: NULL until somebody listens */
	struct event_log *log;	   /* events.c: NULL until somebody looks */
	/* later.c: when its work is tried again, 0: there is none; and the
	 * last pause. */
	int64_t later_ns, later_nap_ns;
	unsigned lost_locks; /* tries in a row that met a lock of nobody */
	struct event_backlog backlog; /* the view's */
};

/*
 * Create an arena, for mkdir.
 *
 * Returns 0;
 * -EEXIST: there is one, or a file of that name in the backing directory;
 * -EINVAL, -ENAMETOOLONG: the name cannot be an arena's;
 * -ENOSPC: there is no address for it, or no memory;
 * -EPERM: the daemon is not root's, and @uid is another user;
 * -EDQUOT, -EMFILE: it is more than @uid may have.
 */
int arena_create(const char *name, mode_t mode, uid_t uid, gid_t gid,
		 struct arena **ret);
/* Take over the arena whose files are there.  0; -errno: they
 * are not the files of an arena, or cannot be opened now:
 * error_is_temporary(). */
int arena_adopt(const char *name);
/* Remove an arena, for rmdir.  0; -EBUSY it is used. */
int arena_remove(struct arena *a);
/* Free an arena, and remove its files if @unlink_file. */
void arena_destroy(struct arena *a, bool unlink_file);
/* Begin a new life of @a: throw its content away, and put a fresh file in the
 * place of the old one.  @busy, or NULL, says where it must not lie.  0;
 * -ENOSPC; -EADDRINUSE only with @busy; -errno. */
int arena_renew(struct arena *a, uint64_t span, uint64_t limit,
		const struct window_busy *busy);
/* Return the smallest limit that an arena of this span (0: the mount's) can
 * live with. */
uint64_t arena_least(uint64_t span);
/* End this life of @a, which has no member left: remove a transient arena,
 * begin a new life of any other. */
void arena_ended(struct arena *a);
/* If @a has ended, and there was no memory for its next life, begin that now.
 * 0, -errno. */
int arena_refresh(struct arena *a);
/* If @a is unsettled, take it over now, or have it tried again later. */
void arena_settle(struct arena *a);
/* Declare @a corrupt: its memory is not what it should be. */
void arena_is_corrupt(struct arena *a, const char *why);
/* Say mode, owner, group, times and inode number of its directory. */
void arena_stat(const struct arena *a, struct stat *st);
/* Does it belong to @uid? */
bool arena_is_owner(const struct arena *a, uid_t uid);
/* Have @a vanish when it is empty, for good.  0, -errno. */
int arena_make_transient(struct arena *a);
/* Limit its memory, 0: no limit.  0; -EDQUOT it is more than its owner may
 * have; -EINVAL it is less than an arena can live with. */
int arena_set_limit(struct arena *a, uint64_t limit);
/* Charge @a to its new owner. */
void arena_owner_changed(struct arena *a);
/* Is a process inside, as far as can be known? */
bool arena_joined(struct arena *a);
/* Is @r trouble that passes (a lock is held, memory or descriptors are short),
 * so that the arena is no worse for it?  Then the caller tries again: later.h.
 */
bool error_is_temporary(int r);
/*
 * Try to take the life lock, without waiting: a member that keeps it (it may be
 * stopped, or hostile) delays what is to happen in its own arena, and nothing
 * else.  0; -ETIMEDOUT it is held: later.h.
 */
int arena_lock(struct arena *a);
/* Give the life lock back. */
void arena_unlock(struct arena *a);

#endif
