/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/fuse.h"
#include "libfusion/core/atomic.h"
#include "libfusion/core/event.h"

struct watcher {
	struct watcher *next;
	struct arena *arena; /* NULL: it is gone */
	uint64_t epoch;	     /* of the life that next_seq counts in */
	uint64_t next_seq;
	struct text text; /* lines on their way out, from `sent` on */
	size_t sent;
	struct fuse_pollhandle *ph;
};

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
		text_add(t, " %s", e->text);
	text_add(t, "\n");
}

int events_read(struct watcher *w, size_t size, const char **ret)
{
	struct event_rec e;
	size_t n;

	if (w->sent == w->text.len)
		w->text.len = w->sent = 0;
	while (w->text.len - w->sent < size && next_event(w, &e) == 0) {
		w->next_seq++;
		add_line(&w->text, &e);
	}
	if (w->text.failed)
		return -ENOMEM;
	n = w->text.len - w->sent;
	if (n > size)
		n = size;
	*ret = w->text.p + w->sent;
	w->sent += n;
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
