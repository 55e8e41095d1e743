/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An arena, as the daemon has it: its files, its view, its place in the world
 *
 * The list of arenas is world.arenas.  The fields that are named after a file
 * of service/ belong to that service, and world/ only keeps them.
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
	uint64_t life;	 /* serial of what it has in it now, likewise */
	char name[ARENA_NAME_MAX + 1];
	struct store store; /* its files, and who may do what */
	struct view view;   /* view.base is NULL if the file is no good */
	void *hideout;	    /* guard.c: where it is while it is closed */
	bool hidden;	    /* and it is there now */
	uint64_t base;	    /* where members map it; our copy */
	struct arena_charge charge;
	bool corrupt;
	bool unsettled; /* not taken over yet, by trouble that passes */
	bool ended;	/* content gone, and no memory yet for a fresh file */
	unsigned idle;	/* patrols that have found it unused */
	uint32_t on_master_death; /* as the first one in wanted it */
	bool doomed;		  /* its master died, and so do all */
	bool costly;		  /* its last death took long */
	int64_t patrol_ns;	 /* when the next one is due, 0 not known yet */
	struct tracked *members; /* undertaker.c: one a member */
	struct parked *waiters;	 /* waiters.c: parked requests, oldest first */
	struct watcher *watchers;     /* events.c: open `events` files */
	struct visitor *visitors;     /* visitors.c: open files that lock */
	struct parked *visitor_waits; /* and requests of theirs, oldest first */
	int64_t look_ns, nap_ns;      /* when these are tried again */
	struct port *ports;	      /* ports.c: open files that talk */
	struct parked *port_waits;    /* and requests, as above */
	struct outbox *outboxes;      /* outbox.c: messages that wait */
	size_t kept_bytes;	      /* in all of these */
	struct bell *bell;	      /* bell.c: NULL until somebody listens */
	struct event_log *log;	      /* events.c: NULL until somebody looks */
	/* later.c: when it is tried again, 0 there is nothing; and the last
	 * pause. */
	int64_t later_ns, later_nap_ns;
	unsigned lost_locks; /* as often its last one found a lock of nobody */
	struct event_backlog backlog; /* the view's */
};

/* mkdir.  0, -EEXIST, -EINVAL, -ENAMETOOLONG, -ENOSPC, -EPERM. */
int arena_create(const char *name, mode_t mode, uid_t uid, gid_t gid,
		 struct arena **ret);
/* Take over a file that is there.  0; -errno: it is not ours. */
int arena_adopt(const char *name);
/* rmdir.  0, -EBUSY. */
int arena_remove(struct arena *a);
/* Everything of it goes, its file too. */
void arena_destroy(struct arena *a, bool unlink_file);
/* Its content is thrown away, and a fresh file takes the place of the old.
 * @busy: where it must not lie, or NULL.  0, -ENOSPC, -EADDRINUSE (only with
 * @busy), -errno. */
int arena_renew(struct arena *a, uint64_t span, uint64_t limit,
		const struct window_busy *busy);
/* The smallest limit that an arena of this span (0: the mount's) can live with.
 */
uint64_t arena_least(uint64_t span);
/* Nobody is inside any more: renew or remove it, then see who waits. */
void arena_ended(struct arena *a);
/* It has ended, and there was no memory for its next life: try again.  0,
 * -errno. */
int arena_refresh(struct arena *a);
/* If it is unsettled: take it over now, or try again later. */
void arena_settle(struct arena *a);
/* Its memory is not what it should be. */
void arena_is_corrupt(struct arena *a, const char *why);
/* Mode, owner, group, times and inode number of its directory. */
void arena_stat(const struct arena *a, struct stat *st);
/* Does it belong to @uid? */
bool arena_is_owner(const struct arena *a, uid_t uid);
/* Does the daemon make it vanish when it is empty?  What has been said once
 * stays.  0, -errno. */
int arena_make_transient(struct arena *a);
/* It may have so much memory, 0 any: checked against its owner's quota.  0,
 * -EDQUOT. */
int arena_set_limit(struct arena *a, uint64_t limit);
/* It has another owner. */
void arena_owner_changed(struct arena *a);
bool arena_joined(struct arena *a);
/* Is this trouble that passes (somebody has a lock, memory or descriptors are
 * short), so that the arena is no worse for it?  Then try again: later.h. */
bool error_is_temporary(int r);
/*
 * Try the life lock: a member that sits on it (it may be stopped, or hostile)
 * delays what is to happen in its own arena, and nothing else.  0; -ETIMEDOUT:
 * somebody has it, later.h.
 */
int arena_lock(struct arena *a);
void arena_unlock(struct arena *a);

#endif
