/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/event.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/atomic.h"
#include "libfusion/core/futex.h"
#include "libfusion/core/lock.h"

static struct event_rec *record(const struct view *v, uint64_t seq)
{
	return (struct event_rec *)view_at(v, v->geo.off_events) + seq % EVENTS;
}

/* Guarded by event_lock.  Commit: event_head.  Killed before it the record is
 * overwritten by the next line; its seq says that it is not what was there. */
static void append(struct view *v, const struct event_rec *new)
{
	uint64_t head = load_relaxed(&v->sb->event_head);
	struct event_rec *e = record(v, head);

	store_relaxed(&e->seq, UINT64_MAX);
	/* A reader that still copies the old line must see it go. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	e->time_ns = new->time_ns;
	e->len = new->len;
	e->kind = new->kind;
	e->member = new->member;
	memcpy(e->text, new->text, sizeof(e->text));
	store_release(&e->seq, head);
	/* Release: pairs with the acquire in event_read(). */
	store_release(&v->sb->event_head, head + 1);
	store_release(&v->sb->event_word, (uint32_t)(head + 1));
}

void event_log(struct view *v, struct thread_rec *me, enum event_kind kind,
	       uint32_t member, const char *fmt, ...)
{
	struct event_rec new = {
		.time_ns = (uint64_t)clock_realtime_ns(),
		.kind = (uint16_t)kind,
		.member = member,
	};
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(new.text, sizeof(new.text), fmt, ap);
	va_end(ap);
	if (len < 0 || !me)
		return;
	new.len = len < (int)sizeof(new.text) ? (uint16_t)len
					      : sizeof(new.text) - 1;
	if (core_lock(v, me, &v->sb->event_lock) < 0)
		return;
	append(v, &new);
	core_unlock(v, me, &v->sb->event_lock);
	futex_wake(&v->sb->event_word, INT_MAX);
}

int event_read(const struct view *v, uint64_t seq, struct event_rec *ret,
	       uint64_t *ret_oldest)
{
	/* Acquire: pairs with the release in append(). */
	uint64_t head = load_acquire(&v->sb->event_head);
	struct event_rec *e = record(v, seq);

	if (seq >= head)
		return -ENOENT;
	if (head - seq > EVENTS) {
		*ret_oldest = head - EVENTS;
		return -EOVERFLOW;
	}
	memcpy(ret, e, sizeof(*ret));
	/* A sequence lock: pairs with the fence in append(). */
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	if (load_relaxed(&e->seq) != seq || ret->seq != seq ||
	    ret->len >= sizeof(ret->text)) {
		*ret_oldest = seq + 1;
		return -EOVERFLOW;
	}
	ret->text[ret->len] = 0;
	for (unsigned i = 0; i < ret->len; i++)
		if (ret->text[i] < 0x20 || ret->text[i] == 0x7f)
			ret->text[i] = '?';
	return 0;
}

const char *event_kind_name(uint32_t kind)
{
	static const char *const names[N_EVENT_KINDS] = {
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

	return kind < N_EVENT_KINDS ? names[kind] : "unknown";
}
