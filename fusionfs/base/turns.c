/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/turns.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The requests of one user.  A line stays while its user has asked lately, or
 * has had more time than others. */
struct line {
	struct line *next;
	uid_t uid;
	uint64_t clock;	    /* processor time that its requests took, ns */
	int64_t served_ns;  /* when it was served last; CLOCK_MONOTONIC */
	int64_t rest_until; /* 0: it does not rest; CLOCK_MONOTONIC */
	struct turn *first, **end;
};

static struct line *lines;
static uint64_t now; /* clock of the lines that have had the least */
static size_t bytes;

static bool is_line_about(const struct line *l, int64_t at)
{
	return l->first || at - l->served_ns < TURN_ABOUT_NS;
}

static void forget_idle_lines(int64_t at)
{
	struct line **p = &lines, *l;

	while ((l = *p)) {
		if (is_line_about(l, at) || l->clock > now) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		free(l);
	}
}

static struct line *line_of(uid_t uid)
{
	struct line *l = lines;

	while (l && l->uid != uid)
		l = l->next;
	if (l)
		return l;
	l = malloc(sizeof(*l));
	if (!l)
		return NULL;
	*l = (struct line){.next = lines, .uid = uid, .clock = now};
	l->end = &l->first;
	lines = l;
	return l;
}

static struct turn *copy_request(uid_t uid, uint64_t unique, const void *data,
				 size_t size)
{
	struct turn *t = malloc(sizeof(*t) + size);

	if (!t)
		return NULL;
	*t = (struct turn){.uid = uid, .unique = unique, .size = size};
	memcpy(t->data, data, size);
	bytes += sizeof(*t) + size;
	return t;
}

static void drop_line(struct turn *t)
{
	bytes -= sizeof(*t) + t->size;
	free(t);
}

static void insert_turn(struct line *l, struct turn **at, struct turn *t)
{
	t->next = *at;
	*at = t;
	if (l->end == at)
		l->end = &t->next;
}

int turns_add(uid_t uid, uint64_t unique, const void *data, size_t size)
{
	struct line *l = line_of(uid);
	struct turn *t = l ? copy_request(uid, unique, data, size) : NULL;

	if (!t)
		return -ENOMEM;
	if (!l->first && l->clock < now)
		l->clock = now;
	insert_turn(l, l->end, t);
	return 0;
}

int turns_add_behind(uint64_t about, const void *data, size_t size)
{
	for (struct line *l = lines; l; l = l->next)
		for (struct turn *t = l->first; t; t = t->next) {
			struct turn *new;

			if (t->unique != about)
				continue;
			new = copy_request(l->uid, 0, data, size);
			if (!new)
				return -ENOMEM;
			insert_turn(l, &t->next, new);
			return 0;
		}
	return -ENOENT;
}

static struct line *least_served_line(int64_t at)
{
	struct line *found = NULL;

	for (struct line *l = lines; l; l = l->next)
		if (l->first && l->rest_until <= at &&
		    (!found || l->clock < found->clock))
			found = l;
	return found;
}

static struct turn *take_first_turn(struct line *l)
{
	struct turn *t = l->first;

	l->first = t->next;
	if (!l->first)
		l->end = &l->first;
	return t;
}

struct turn *turns_next(int64_t at)
{
	struct line *l = least_served_line(at);

	if (!l)
		return NULL;
	/* After a rest its clock may be behind those of lines that were
	 * served. */
	if (l->clock > now)
		now = l->clock;
	return take_first_turn(l);
}

int64_t turns_due(int64_t at)
{
	int64_t first = -1;

	for (struct line *l = lines; l; l = l->next) {
		int64_t due = l->rest_until > at ? l->rest_until - at : 0;

		if (l->first && (first < 0 || due < first))
			first = due;
	}
	return first;
}

static bool others_are_about(const struct line *than, int64_t at)
{
	for (const struct line *l = lines; l; l = l->next)
		if (l != than && is_line_about(l, at))
			return true;
	return false;
}

/* Rest for so long that other users find the daemon free. */
static void rest_line(struct line *l, uint64_t ns, int64_t at)
{
	int64_t pause = TURN_REST_MAX_NS;

	if (ns < TURN_LONG_NS || !others_are_about(l, at))
		return;
	if (ns < TURN_REST_MAX_NS / TURN_REST)
		pause = (int64_t)ns * TURN_REST;
	l->rest_until = at + pause;
}

void turns_done(struct turn *t, uint64_t ns, int64_t at)
{
	struct line *l = line_of(t->uid);

	if (l) {
		l->clock = (l->clock > now ? l->clock : now) + ns;
		l->served_ns = at;
		rest_line(l, ns, at);
	}
	drop_line(t);
	forget_idle_lines(at);
}

size_t turns_bytes(void)
{
	return bytes;
}

void turns_end(void)
{
	struct line *l;

	while ((l = lines)) {
		while (l->first)
			drop_line(take_first_turn(l));
		lines = l->next;
		free(l);
	}
	now = 0;
}
