/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Events: the last EVENTS lines of what happened to the arena
 *
 * Commit: event_head, stored after the record.  Killed before: the line never
 * was; after: it is whole.  Appending never fails and never blocks for long:
 * a line that cannot be written is dropped, it is a log; one of the daemon's,
 * which never sleeps, waits in private memory first.
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
	EVENT_CREATED, /* a field, a pool; later locks ... */
	EVENT_DESTROYED,
	EVENT_RECOVERED, /* something of a dead member was finished or freed */
	EVENT_CORRUPT,
	EVENT_STATE, /* running, shutting-down */
	N_EVENT_KINDS
};

/*
 * Text, by kind (the kind's name and the member's id are not in it):
 *   join        "pid PID role master|slave comm COMM"
 *   leave, death  "pid PID comm COMM"; member is who it is about
 *   master-lost   "" ; member is who it was
 *   promoted      "" ; member is who it is now
 *   created, destroyed  "field NAME", "pool NAME"; member is by whom, or 0
 *   recovered   what was finished or freed
 *   state       "running", "shutting-down", ...
 */
/* Lines of a process that never sleeps and did not get the event lock: private
 * memory, given by whoever made the view. */
#define EVENT_BACKLOG 32

struct event_backlog {
	unsigned n;
	struct event_rec recs[EVENT_BACKLOG];
};

/* Append; @me is the calling thread's record (v->rec for the undertaker).
 * NULL drops the line.  Wakes event_word.  The caller pokes the daemon if
 * event_watchers is set.  If somebody has the lock and the view has a backlog,
 * the line waits there for the next event_log() or event_catch_up(). */
void event_log(struct view *v, struct thread_rec *me, enum event_kind kind,
	       uint32_t member, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Append what waits in the view's backlog.  true: nothing waits (any more). */
bool event_catch_up(struct view *v, struct thread_rec *me);

/* Copy event number @seq, checked and made printable.  0; -ENOENT not there
 * yet; -EOVERFLOW overwritten, *ret_oldest says where to go on. */
int event_read(const struct view *v, uint64_t seq, struct event_rec *ret,
	       uint64_t *ret_oldest);

const char *event_kind_name(uint32_t kind);

#endif
