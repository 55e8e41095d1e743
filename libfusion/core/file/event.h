/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: the last EVENTS lines of what happened to the arena
 *
 * The commit is event_head, stored after the record.  Killed before it: the
 * line never was; after it: the line is whole.  Appending never fails, and
 * never blocks for long: a line that cannot be written is dropped, as this is a
 * log.  The daemon never sleeps, so its lines wait in private memory first.
 */
#ifndef FUSION_CORE_EVENT_H
#define FUSION_CORE_EVENT_H

#include "libfusion/core/file/view.h"

enum event_kind {
	EVENT_NONE = 0,
	EVENT_JOIN,
	EVENT_LEAVE,
	EVENT_DEATH,
	EVENT_MASTER_LOST,
	EVENT_PROMOTED,
	EVENT_CREATED, /* a field, a pool, a lock ... */
	EVENT_DESTROYED,
	EVENT_RECOVERED, /* something of a dead member was finished or freed */
	EVENT_CORRUPT,
	EVENT_STATE, /* running, shutting-down */
	N_EVENT_KINDS
};

/*
 * Text, by kind (the kind's name and the member's id are not in it):
 *   join        "pid N role master|slave comm NAME"
 *   leave, death  "pid N comm NAME"; member is the one that is gone
 *   master-lost   ""; member is the last master
 *   promoted      ""; member is the new master
 *   created, destroyed  "field NAME", "pool NAME"; member is the doer, or 0
 *   recovered   what was finished or freed
 *   state       "running", "shutting-down", ...
 */

#define EVENT_BACKLOG 32

/* Lines of a process that never sleeps and did not get the event lock: private
 * memory, which belongs to the maker of the view. */
struct event_backlog {
	unsigned n;
	struct event_rec recs[EVENT_BACKLOG];
};

/*
 * Append a line.  @me is the calling thread's record (v->rec for the
 * undertaker); NULL drops the line.  Wakes event_word.  The caller pokes the
 * daemon if event_watchers is set.  If another thread holds the lock and the
 * view has a backlog, the line waits there for the next event_log() or
 * event_catch_up().
 */
void event_log(struct view *v, struct thread_rec *me, enum event_kind kind,
	       uint32_t member, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Append the lines of the view's backlog.  true: none waits any more. */
bool event_catch_up(struct view *v, struct thread_rec *me);

/*
 * Copy event number @seq, checked and made printable.
 * 0.
 * -ENOENT there is no such event yet.
 * -EOVERFLOW it is overwritten: go on at *ret_oldest.
 */
int event_read(const struct view *v, uint64_t seq, struct event_rec *ret,
	       uint64_t *ret_oldest);

/* Name a kind: "join", "leave" ... */
const char *event_kind_name(uint32_t kind);

#endif
