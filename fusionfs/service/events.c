/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/base/attributes.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/event.h"

/* Most events copied at a time: all that there can be, and those that came
 * meanwhile.  The head may be hostile and must not keep us here. */
#define SCAN_MAX (4 * (int)EVENTS)
/* Bytes of text that stay for open files; a trim halves them.  The newest
 * EVENTS lines are always less than half. */
#define KEEP_MAX (256u * 1024u)
/* The longest line: two numbers, two words, 104 bytes. */
#define EVENT_LINE_MAX 192u
_Static_assert(EVENTS *EVENT_LINE_MAX <= KEEP_MAX / 2, "the newest lines fit");

/*
 * Our copy of the lines, so that no byte moves under a reader when the arena
 * overwrites its oldest ones.  A place counts the bytes of all lines that this
 * daemon has copied, over all lives of the arena.
 */
struct event_log {
	uint64_t epoch, next;	/* the event to be copied next, of that life */
	uint64_t first;		/* place where this life begins */
	uint64_t begin, end;	/* places of the ends of `text` */
	uint64_t n_lines;	/* lines copied ever */
	uint64_t lines[EVENTS]; /* places of the newest ones */
	uint64_t told_base;	/* place from which the size that the kernel has
				   counts */
	struct text text;
};

/* An open file: offset 0 is place `base`. */
struct watcher {
	struct watcher *next;
	struct arena *arena; /* NULL: it is gone */
	uint64_t base;
	uint64_t off; /* behind what was read last */
	struct fuse_pollhandle *ph;
};

/* --- Copying ---------------------------------------------------------------
 */

static int tell_watched(struct arena *a, void *unused)
{
	(void)unused;
	store_relaxed(&a->view.sb->event_watchers, a->watchers != NULL);
	return 0;
}

static void add_event_line(struct text *t, const struct event_rec *e)
{
	text_add_time(t, e->time_ns);
	text_add(t, " %s", event_kind_name(e->kind));
	if (e->member)
		text_add(t, " member %u", e->member);
	if (e->len)
		text_add(t, " %.*s", (int)e->len, e->text);
	text_add(t, "\n");
}

/* Return the place of the first line of a file that is opened now. */
static uint64_t newest_lines_place(const struct event_log *log)
{
	uint64_t at = log->n_lines < EVENTS ? log->first
					    : log->lines[log->n_lines % EVENTS];

	if (at < log->first)
		at = log->first;
	return at < log->begin ? log->begin : at;
}

/* Return the place of the first line at or behind @place that is still
 * there. */
static uint64_t first_line_from(const struct event_log *log, uint64_t place)
{
	const char *at, *newline;

	if (place <= log->begin)
		return log->begin;
	if (place >= log->end)
		return log->end;
	at = log->text.p + (place - log->begin) - 1;
	newline = memchr(at, '\n', (size_t)(log->end - place) + 1);
	return newline ? log->begin + (uint64_t)(newline + 1 - log->text.p)
		       : log->end;
}

static void drop_lines_before(struct event_log *log, uint64_t place)
{
	size_t n = (size_t)(place - log->begin);

	memmove(log->text.p, log->text.p + n, log->text.len - n);
	log->text.len -= n;
	log->begin = place;
}

static void trim_log(const struct arena *a)
{
	struct event_log *log = a->log;

	if (!a->watchers && newest_lines_place(log) > log->begin)
		drop_lines_before(log, newest_lines_place(log));
	else if (log->text.len > KEEP_MAX)
		drop_lines_before(
			log, first_line_from(log, log->end - KEEP_MAX / 2));
}

static void begin_log_life(struct arena *a, uint64_t epoch)
{
	a->log->epoch = epoch;
	a->log->next = 0;
	a->log->first = a->log->end;
	tell_watched(a, NULL);
}

/* Copy a line.  Without memory it is lost, as is a line that was not copied in
 * time. */
static void copy_event_line(struct event_log *log, const struct event_rec *e)
{
	size_t len = log->text.len;

	add_event_line(&log->text, e);
	if (log->text.failed) {
		log->text.len = len;
		log->text.failed = 0;
		return;
	}
	log->lines[log->n_lines++ % EVENTS] = log->end;
	log->end += log->text.len - len;
}

static int copy_event_lines(struct arena *a, void *unused)
{
	struct event_log *log = a->log;
	uint64_t epoch = a->view.sb->epoch, oldest;
	struct event_rec e;

	(void)unused;
	if (log->epoch != epoch)
		begin_log_life(a, epoch);
	for (int i = 0; i < SCAN_MAX; i++) {
		int r = event_read(&a->view, log->next, &e, &oldest);

		if (r == -ENOENT)
			break;
		if (r == -EOVERFLOW) {
			log->next = oldest;
			continue;
		}
		copy_event_line(log, &e);
		log->next++;
	}
	return 0;
}

/* Copy the events that have happened so far.  NULL: no memory. */
static struct event_log *look_for_events(struct arena *a)
{
	if (!a->log)
		a->log = calloc(1, sizeof(*a->log));
	if (!a->log)
		return NULL;
	guarded(a, copy_event_lines, NULL);
	trim_log(a);
	return a->log;
}

/* --- Open files ------------------------------------------------------------
 */

struct watcher *events_open(struct arena *a)
{
	struct event_log *log = look_for_events(a);
	struct watcher *w = log ? calloc(1, sizeof(*w)) : NULL;

	if (!w)
		return NULL;
	w->arena = a;
	w->base = newest_lines_place(log);
	w->next = a->watchers;
	a->watchers = w;
	guarded(a, tell_watched, NULL);
	return w;
}

static void drop_watcher_poll(struct watcher *w)
{
	pollhandle_drop(w->ph);
	w->ph = NULL;
}

static void tell_watcher_poll(struct watcher *w)
{
	pollhandle_tell(w->ph);
	w->ph = NULL;
}

void events_close(struct watcher *w)
{
	struct watcher **p;

	if (w->arena) {
		for (p = &w->arena->watchers; *p && *p != w; p = &(*p)->next)
			;
		if (*p)
			*p = w->next;
		guarded(w->arena, tell_watched, NULL);
	}
	drop_watcher_poll(w);
	free(w);
}

/* Let a slow reader go on with the first line that is still there: that line
 * gets the offset at which the reader is. */
static void catch_up_watcher(struct watcher *w, const struct event_log *log)
{
	if (w->base + w->off >= log->begin)
		return;
	w->base = (w->off ? log->begin : newest_lines_place(log)) - w->off;
}

uint64_t events_size(struct arena *a, struct watcher *w)
{
	struct event_log *log = look_for_events(a);

	if (!log)
		return 0;
	if (w)
		catch_up_watcher(w, log);
	log->told_base = w ? w->base : newest_lines_place(log);
	return log->end - log->told_base;
}

bool events_fit_page(const struct watcher *w, uint64_t told)
{
	const struct event_log *log = w->arena ? w->arena->log : NULL;

	return !log || log->told_base == w->base || told >= log->end - w->base;
}

int events_read(struct watcher *w, uint64_t off, size_t size, const char **ret)
{
	struct event_log *log = w->arena ? look_for_events(w->arena) : NULL;
	uint64_t place, left;

	*ret = NULL;
	if (!log)
		return w->arena ? -ENOMEM : 0;
	if (!off)
		w->off = 0;
	if (off == w->off)
		catch_up_watcher(w, log);
	place = w->base + off;
	if (place < log->begin)
		return -ENODATA;
	left = place < log->end ? log->end - place : 0;
	if (left > size)
		left = size;
	if (left)
		*ret = log->text.p + (place - log->begin);
	w->off = off + left;
	return (int)left;
}

bool events_poll(struct watcher *w, struct fuse_pollhandle *ph)
{
	struct event_log *log = w->arena ? look_for_events(w->arena) : NULL;

	if (ph) {
		drop_watcher_poll(w);
		w->ph = ph;
	}
	return !log || w->base + w->off < log->end;
}

void events_changed(struct arena *a)
{
	for (struct watcher *w = a->watchers; w; w = w->next) {
		if (!w->ph || !events_poll(w, NULL))
			continue;
		tell_watcher_poll(w);
	}
}

static int read_newest_event(struct arena *a, void *arg)
{
	struct event_rec *e = arg;
	/* Acquire: pairs with the release in event_append() of event.c. */
	uint64_t head = load_acquire(&a->view.sb->event_head), oldest;

	return head ? event_read(&a->view, head - 1, e, &oldest) : -ENOENT;
}

void events_stat(const struct node *n, struct stat *st)
{
	struct event_rec e;

	if (guarded(n->arena, read_newest_event, &e) == 0 && e.time_ns)
		attributes_set_times(st, e.time_ns);
	attributes_set_size(st, events_size(n->arena, NULL));
}

/* Forget the arena: its open files are at their end for ever. */
static void events_forget(struct arena *a)
{
	while (a->watchers) {
		struct watcher *w = a->watchers;

		a->watchers = w->next;
		w->arena = NULL;
		tell_watcher_poll(w);
	}
	if (a->log)
		text_finish(&a->log->text);
	free(a->log);
	a->log = NULL;
}

const struct arena_service events_service = {
	.announce = events_changed,
	.forget = events_forget,
	.stop = events_forget,
};
