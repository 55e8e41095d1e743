/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/turns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A user, until nobody is behind its clock. */
struct line {
	struct line *next;
	uid_t uid;
	uint64_t clock; /* ns that it has had, since all began */
	struct turn *first, **end;
};

static struct line *lines;
static uint64_t now; /* the clock of the line that was served last */
static size_t bytes;

/* One who has nothing here and no more than others is as good as unknown. */
static void forget_idle(void)
{
	struct line **at = &lines, *l;

	while ((l = *at)) {
		if (l->first || l->clock > now) {
			at = &l->next;
			continue;
		}
		*at = l->next;
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

static struct turn *copy(uid_t uid, uint64_t unique, const void *data,
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

static void drop(struct turn *t)
{
	bytes -= sizeof(*t) + t->size;
	free(t);
}

static void insert(struct line *l, struct turn **at, struct turn *t)
{
	t->next = *at;
	*at = t;
	if (l->end == at)
		l->end = &t->next;
}

int turns_add(uid_t uid, uint64_t unique, const void *data, size_t size)
{
	struct line *l = line_of(uid);
	struct turn *t = l ? copy(uid, unique, data, size) : NULL;

	if (!t)
		return -ENOMEM;
	if (!l->first && l->clock < now)
		l->clock = now;
	insert(l, l->end, t);
	return 0;
}

int turns_add_behind(uint64_t about, const void *data, size_t size)
{
	for (struct line *l = lines; l; l = l->next)
		for (struct turn *t = l->first; t; t = t->next) {
			struct turn *new;

			if (t->unique != about)
				continue;
			new = copy(l->uid, 0, data, size);
			if (!new)
				return -ENOMEM;
			insert(l, &t->next, new);
			return 0;
		}
	return -ENOENT;
}

static struct line *least(void)
{
	struct line *found = NULL;

	for (struct line *l = lines; l; l = l->next)
		if (l->first && (!found || l->clock < found->clock))
			found = l;
	return found;
}

struct turn *turns_next(void)
{
	struct line *l = least();
	struct turn *t;

	if (!l)
		return NULL;
	t = l->first;
	l->first = t->next;
	if (!l->first)
		l->end = &l->first;
	now = l->clock;
	return t;
}

void turns_charge(uid_t uid, uint64_t ns)
{
	struct line *l = line_of(uid);

	if (l)
		l->clock = (l->clock > now ? l->clock : now) + ns;
}

void turns_done(struct turn *t, uint64_t ns)
{
	turns_charge(t->uid, ns);
	drop(t);
	forget_idle();
}

size_t turns_bytes(void)
{
	return bytes;
}

bool turns_wait(void)
{
	return least() != NULL;
}

void turns_end(void)
{
	struct turn *t;

	while ((t = turns_next()))
		drop(t);
	now = UINT64_MAX;
	forget_idle();
	now = 0;
}
