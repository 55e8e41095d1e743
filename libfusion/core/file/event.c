/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/file/event.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/base/limits.h"
#include "libfusion/core/base/seed.h"
#include "libfusion/core/file/lock.h"

/* Longest wait for a stopped process that is writing an event: a log is not
 * worth more. */
#define EVENT_PATIENCE_NS (2 * SUSPECT_LAST_NS)

/* A record, as a reader copies it: word by word. */
#define EVENT_WORDS (sizeof(struct event_rec) / sizeof(uint64_t))
union event_slot {
	struct event_rec rec;
	uint64_t words[EVENT_WORDS];
};

static const char *const kind_names[N_EVENT_KINDS] = {
	[EVENT_NONE] = "none",
	[EVENT_JOIN] = "join",
	[EVENT_LEAVE] = "leave",
	[EVENT_DEATH] = "death",
	[EVENT_MASTER_LOST] = "master-lost",
	[EVENT_PROMOTED] = "promoted",
	[EVENT_CREATED] = "created",
	[EVENT_DESTROYED] = "destroyed",
	[EVENT_RECOVERED] = "recovered",
	[EVENT_CORRUPT] = "corrupt",
	[EVENT_STATE] = "state",
};

static union event_slot *event_at(const struct view *v, uint64_t seq)
{
	char *ring = v->base + v->geo.off_events;

	return (union event_slot *)ring + seq % EVENTS;
}

static void event_clean_text(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = '?';
}

/*
 * Store a line, under the event lock, while readers copy without it:
 *
 *   writer                          reader (event_read())
 *   seq = none                      seq == wanted (acquire)
 *   words = new, each a release     copy = words, each an acquire
 *   seq = new (release)             seq == wanted still
 *
 * A reader that has read any word of the new text must see at its second
 * comparison that the number has changed.  The releases and acquires of the
 * words see to that, so no fence is needed.
 */
static void event_append(struct view *v, const union event_slot *from)
{
	uint64_t head = load_relaxed(&v->sb->event_head);
	union event_slot *slot = event_at(v, head);

	if (SEED_BUG(16))
		store_release(&v->sb->event_head, head + 1);
	store_relaxed(&slot->rec.seq, UINT64_MAX);
	for (size_t i = 1; i < EVENT_WORDS; i++)
		store_release(&slot->words[i], from->words[i]);
	store_release(&slot->rec.seq, head);
	/* Commit.  A thread that sees the new head must see the line.  Release,
	 * both: pairs with the acquires of event_head in event_read() and of
	 * event_word in its waiters. */
	store_release(&v->sb->event_head, head + 1);
	store_release(&v->sb->event_word, (uint32_t)(head + 1));
}

/* Append the lines of the backlog, then @last unless it is NULL.  false:
 * another thread holds the lock. */
static bool event_append_all(struct view *v, struct thread_rec *me,
			     const union event_slot *last)
{
	int64_t patience = v->patience_ns ? v->patience_ns : EVENT_PATIENCE_NS;
	struct event_backlog *late = v->backlog;
	union event_slot one;

	if (core_lock_for(v, me, &v->sb->event_lock, patience) < 0)
		return false;
	for (unsigned i = 0; late && i < late->n; i++) {
		one.rec = late->recs[i];
		event_append(v, &one);
	}
	if (late)
		late->n = 0;
	if (last)
		event_append(v, last);
	core_unlock(v, me, &v->sb->event_lock);
	futex_wake(&v->sb->event_word, INT_MAX);
	return true;
}

bool event_catch_up(struct view *v, struct thread_rec *me)
{
	return !v->backlog || !v->backlog->n || event_append_all(v, me, NULL);
}

void event_log(struct view *v, struct thread_rec *me, enum event_kind kind,
	       uint32_t member, const char *fmt, ...)
{
	union event_slot new = {
		.rec.time_ns = (uint64_t)clock_realtime_ns(),
		.rec.kind = (uint16_t)kind,
		.rec.member = member,
	};
	struct event_rec *rec = &new.rec;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(rec->text, sizeof(rec->text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	rec->len = (uint16_t)strlen(rec->text);
	event_clean_text(rec->text, rec->len);

	if (!me || event_append_all(v, me, &new))
		return;
	if (v->backlog && v->backlog->n < EVENT_BACKLOG)
		v->backlog->recs[v->backlog->n++] = *rec;
}

int event_read(const struct view *v, uint64_t seq, struct event_rec *ret,
	       uint64_t *ret_oldest)
{
	/* Acquire: pairs with the release in event_append(). */
	uint64_t head = load_acquire(&v->sb->event_head);
	union event_slot *slot = event_at(v, seq);
	union event_slot copy;
	struct event_rec *rec = &copy.rec;

	if (seq >= head)
		return -ENOENT;
	if (head - seq > EVENTS)
		goto overwritten;
	if (load_acquire(&slot->rec.seq) != seq)
		goto overwritten;
	for (size_t i = 0; i < EVENT_WORDS; i++)
		copy.words[i] = load_acquire(&slot->words[i]);
	if (load_relaxed(&slot->rec.seq) != seq)
		goto overwritten;

	rec->seq = seq;
	if (rec->len > sizeof(rec->text))
		rec->len = sizeof(rec->text);
	rec->len = (uint16_t)strnlen(rec->text, rec->len);
	memset(rec->text + rec->len, 0, sizeof(rec->text) - rec->len);
	event_clean_text(rec->text, rec->len);
	if (rec->kind >= N_EVENT_KINDS)
		rec->kind = EVENT_NONE;
	*ret = *rec;
	return 0;

overwritten:
	/* Return a number above @seq in any case, so that the caller gets on
	 * even if a member scribbled on the head.  A writer may be storing into
	 * the oldest slot now, so begin one later. */
	*ret_oldest = seq + 1;
	if (head > EVENTS && head - EVENTS + 1 > *ret_oldest)
		*ret_oldest = head - EVENTS + 1;
	return -EOVERFLOW;
}

const char *event_kind_name(uint32_t kind)
{
	return kind_names[kind < N_EVENT_KINDS ? kind : EVENT_NONE];
}
