/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/fuse.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/event.h"

/*
 * Where a reader is.  Its offsets are the kernel's; a place is counted in bytes
 * of all lines that there ever were, as the file's size is.  Read from the
 * start, an old log begins where its oldest line is now, so offset and place
 * differ by as much until the reader seeks to somewhere else.
 */
struct watcher {
	struct watcher *next;
	struct arena *arena; /* NULL: it is gone */
	uint64_t epoch;	     /* of the life that next_seq counts in */
	uint64_t next_seq;
	uint64_t skip;		/* bytes of lines to come that are not wanted */
	uint64_t from, from_at; /* offset and place of the last seek */
	uint64_t off;		/* offset of what is sent next */
	struct text text;	/* lines on their way out, from `sent` on */
	size_t sent;
	struct fuse_pollhandle *ph;
};

/* Events looked at in one go: all that there can be, and those that came
 * meanwhile.  A hostile head must not keep us here. */
#define SCAN_MAX (4 * (int)EVENTS)

struct cursor {
	uint64_t seq;
	struct event_rec e;
	uint64_t oldest;
};

static int read_one(struct arena *a, void *arg)
{
	struct cursor *c = arg;

	return event_read(&a->view, c->seq, &c->e, &c->oldest);
}

static int set_watched(struct arena *a, void *unused)
{
	(void)unused;
	store_relaxed(&a->view.sb->event_watchers, a->watchers != NULL);
	/* The drawing is at arena_poke() in libfusion/arena.c. */
	full_fence();
	return 0;
}

static int read_epoch(struct arena *a, void *arg)
{
	*(uint64_t *)arg = a->view.sb->epoch;
	return 0;
}

struct watcher *events_open(struct arena *a)
{
	struct watcher *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->arena = a;
	w->next = a->watchers;
	a->watchers = w;
	guarded(a, read_epoch, &w->epoch);
	guarded(a, set_watched, NULL);
	return w;
}

static void drop_poll(struct watcher *w)
{
	if (w->ph)
		fuse_pollhandle_destroy(w->ph);
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
		guarded(w->arena, set_watched, NULL);
	}
	drop_poll(w);
	text_finish(&w->text);
	free(w);
}

/* A new life of the arena counts its events from 0. */
static void follow_life(struct watcher *w)
{
	uint64_t epoch;

	if (guarded(w->arena, read_epoch, &epoch) < 0 || epoch == w->epoch)
		return;
	w->epoch = epoch;
	w->next_seq = 0;
	guarded(w->arena, set_watched, NULL);
}

static int next_event(struct watcher *w, struct event_rec *ret)
{
	struct cursor c;
	int r;

	if (!w->arena)
		return -ENOENT;
	follow_life(w);
	c.seq = w->next_seq;
	r = guarded(w->arena, read_one, &c);
	if (r == -EOVERFLOW) {
		/* Lost lines are passed over; a hostile head ends it. */
		w->next_seq = c.oldest;
		c.seq = c.oldest;
		r = guarded(w->arena, read_one, &c);
		if (r == -EOVERFLOW)
			r = -ENOENT;
	}
	if (r == 0)
		*ret = c.e;
	return r;
}

static void add_line(struct text *t, const struct event_rec *e)
{
	text_add_time(t, e->time_ns);
	text_add(t, " %s", event_kind_name(e->kind));
	if (e->member)
		text_add(t, " member %u", e->member);
	if (e->len)
		text_add(t, " %.*s", (int)e->len, e->text);
	text_add(t, "\n");
}

/* Count the lines that nobody has counted yet. */
static int count_lines(struct arena *a, void *arg)
{
	struct text *t = arg;
	struct cursor c;
	int r;

	if (a->log.epoch != a->view.sb->epoch) {
		a->log.epoch = a->view.sb->epoch;
		a->log.counted = 0;
	}
	for (int i = 0; i < SCAN_MAX; i++) {
		r = event_read(&a->view, a->log.counted, &c.e, &c.oldest);
		if (r == -ENOENT)
			break;
		if (r == -EOVERFLOW) {
			a->log.counted = c.oldest;
			continue;
		}
		t->len = 0;
		add_line(t, &c.e);
		a->log.bytes += t->len;
		a->log.counted++;
	}
	return 0;
}

uint64_t events_size(struct arena *a)
{
	struct text t = {0};

	guarded(a, count_lines, &t);
	text_finish(&t);
	return a->log.bytes;
}

/* The first line that is still there, and how many bytes those from it on
 * have.  After count_lines(). */
struct kept {
	struct text text;
	uint64_t oldest, bytes;
};

static int find_kept(struct arena *a, void *arg)
{
	struct kept *k = arg;
	struct cursor c;

	c.seq = 0;
	for (int i = 0; i < SCAN_MAX && c.seq < a->log.counted; i++) {
		int r = event_read(&a->view, c.seq, &c.e, &c.oldest);

		if (r == -ENOENT)
			break;
		if (r == 0) {
			k->text.len = 0;
			add_line(&k->text, &c.e);
			k->bytes += k->text.len;
			c.seq++;
		} else {
			/* All before are gone, too. */
			k->oldest = c.seq = c.oldest;
			k->bytes = 0;
		}
	}
	return 0;
}

static void seek(struct watcher *w, uint64_t off)
{
	uint64_t size = events_size(w->arena), begin, place = off;
	struct kept k = {.oldest = 0};

	/* Back in what was read since the last seek? */
	if (off >= w->from && off < w->off)
		place = w->from_at + (off - w->from);
	guarded(w->arena, find_kept, &k);
	text_finish(&k.text);
	begin = size > k.bytes ? size - k.bytes : 0;
	if (place < begin)
		place = begin;
	w->next_seq = k.oldest;
	w->skip = place - begin;
	w->from = w->off = off;
	w->from_at = place;
	w->text.len = w->sent = 0;
}

/* Drop from the lines made what is not wanted. */
static void skip(struct watcher *w)
{
	size_t n = w->text.len - w->sent;

	if (n > w->skip)
		n = (size_t)w->skip;
	w->sent += n;
	w->skip -= n;
	if (w->sent == w->text.len)
		w->text.len = w->sent = 0;
}

int events_read(struct watcher *w, uint64_t off, size_t size, const char **ret)
{
	struct event_rec e;
	size_t n;

	if (w->arena) {
		follow_life(w);
		if (off != w->off || !off)
			seek(w, off);
		/* Before lines are made, so that nobody has read more than
		 * the size says. */
		events_size(w->arena);
	}
	skip(w);
	while (w->text.len - w->sent < size && next_event(w, &e) == 0) {
		w->next_seq++;
		add_line(&w->text, &e);
		if (w->text.failed)
			return -ENOMEM;
		skip(w);
	}
	n = w->text.len - w->sent;
	if (n > size)
		n = size;
	*ret = n ? w->text.p + w->sent : NULL;
	w->sent += n;
	w->off += n;
	return (int)n;
}

bool events_poll(struct watcher *w, struct fuse_pollhandle *ph)
{
	struct event_rec e;

	if (ph) {
		drop_poll(w);
		w->ph = ph;
	}
	return w->sent < w->text.len || !w->arena || next_event(w, &e) == 0;
}

void events_changed(struct arena *a)
{
	for (struct watcher *w = a->watchers; w; w = w->next) {
		if (!w->ph || !events_poll(w, NULL))
			continue;
		fuse_lowlevel_notify_poll(w->ph);
		drop_poll(w);
	}
}

static int newest(struct arena *a, void *arg)
{
	struct cursor *c = arg;
	uint64_t head = load_acquire(&a->view.sb->event_head);

	if (!head)
		return -ENOENT;
	return event_read(&a->view, head - 1, &c->e, &c->oldest);
}

uint64_t events_time(struct arena *a)
{
	struct cursor c;

	return guarded(a, newest, &c) == 0 ? c.e.time_ns : 0;
}

void events_forget(struct arena *a)
{
	while (a->watchers) {
		struct watcher *w = a->watchers;

		a->watchers = w->next;
		w->arena = NULL;
		if (w->ph) {
			fuse_lowlevel_notify_poll(w->ph);
			drop_poll(w);
		}
	}
}
