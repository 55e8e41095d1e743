/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/search.h"

#include <errno.h>

#include "fusionfs/world/arena.h"
#include "fusionfs/world/guard.h"

static int copy_guarded(struct arena *a, void *arg)
{
	struct search *s = arg;

	return s->ops->copy(&a->view, s);
}

static int find_guarded(struct arena *a, void *arg)
{
	struct search *s = arg;
	int r = s->ops->find(&a->view, s);

	return r < 0 ? r : s->ops->copy(&a->view, s);
}

static int next_guarded(struct arena *a, void *arg)
{
	struct search *s = arg;
	uint32_t end = s->ops->end(&a->view, s);

	for (; s->at < end; s->at++)
		if (s->ops->copy(&a->view, s) == 0)
			return 0;
	return -ENOENT;
}

int search_find(struct arena *a, struct search *s)
{
	return guarded(a, find_guarded, s);
}

int search_next(struct arena *a, struct search *s)
{
	return guarded(a, next_guarded, s);
}

uint32_t search_keep_hint(const struct arena *a, const struct search *s)
{
	*hint_of(a->life, s->ops->hint, s->id) = s->at;
	return s->id;
}

int search_id(struct arena *a, struct search *s, uint32_t id)
{
	int r;

	s->at = *hint_of(a->life, s->ops->hint, id);
	r = guarded(a, copy_guarded, s);
	if (r == -ENOENT || (r == 0 && s->id != id)) {
		s->id = id;
		r = search_find(a, s);
	}
	if (r == 0 && s->id != id)
		r = -ENOENT;
	if (r == 0)
		search_keep_hint(a, s);
	return r;
}
