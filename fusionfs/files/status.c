/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The files of an arena itself, and the arenas in the root. */
#include "fusionfs/files/status.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fusionfs/base/parse.h"
#include "fusionfs/service/visitors.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/talk/ring.h"

static const struct superblock *superblock_of(const struct node *n)
{
	return n->arena->view.sb;
}

static const char *arena_state_name(const struct arena *a)
{
	if (a->corrupt)
		return "corrupt";
	if (a->unsettled)
		return "recovering";
	if (a->ended)
		return "empty";
	/* Acquire: pairs with the release in set_arena_state() of life.c. */
	return life_state_name(load_acquire(&a->view.sb->state));
}

int arena_state_show(const struct node *n, struct text *t)
{
	text_add(t, "%s\n", arena_state_name(n->arena));
	return 0;
}

int arena_base_show(const struct node *n, struct text *t)
{
	text_add(t, "0x%" PRIx64 "\n", n->arena->base);
	return 0;
}

int arena_span_show(const struct node *n, struct text *t)
{
	text_add(t, "%" PRIu64 "\n", n->arena->view.geo.span);
	return 0;
}

int arena_used_show(const struct node *n, struct text *t)
{
	text_add(t, "%" PRIu64 "\n", view_used(&n->arena->view));
	return 0;
}

int arena_limit_show(const struct node *n, struct text *t)
{
	text_add(t, "%" PRIu64 "\n", load_relaxed(&superblock_of(n)->limit));
	return 0;
}

/* A beginning of a number is a number, too. */
int arena_limit_check(const char *text)
{
	uint64_t limit;

	return parse_bytes(text, &limit);
}

/* 0 is no limit.  A limit below what is used now only stops growth.  A limit
 * with which no arena can live is refused; memory/status says what is the
 * least. */
int arena_limit_store(const struct node *n, const char *text)
{
	uint64_t limit;

	if (parse_bytes(text, &limit) < 0)
		return -EINVAL;
	return arena_set_limit(n->arena, limit);
}

static int arena_master_id(struct arena *a, void *unused)
{
	/* Acquire: pairs with the release in member_claim(), so that the member
	 * can be found. */
	uint32_t id = load_acquire(&a->view.sb->master);

	(void)unused;
	return member_find(&a->view, id) ? (int)id : -ENOENT;
}

int arena_master_check(const struct node *n)
{
	return guarded(n->arena, arena_master_id, NULL) > 0 ? 0 : -ENOENT;
}

int arena_master_target(const struct node *n, struct text *t)
{
	int id = guarded(n->arena, arena_master_id, NULL);

	if (id <= 0)
		return -ENOENT;
	text_add(t, "members/%d", id);
	return 0;
}

static uint32_t rings_in_use(const struct view *v)
{
	uint32_t hi = ring_hi(v), n = 0;

	for (uint32_t i = 0; i < hi; i++)
		n += load_relaxed(&ring_ctl(v, i)->owner) != 0;
	return n;
}

/* Count the references that are no object's.  The two numbers are not of one
 * moment. */
static uint32_t named_refs(const struct superblock *sb)
{
	uint32_t refs = load_relaxed(&sb->tables[KIND_REF].n);
	uint32_t objects = load_relaxed(&sb->tables[KIND_OBJECT].n);

	return refs > objects ? refs - objects : 0;
}

int arena_status_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	const struct superblock *sb = superblock_of(n);
	uint32_t joining, alive, leaving;
	unsigned holding, waiting;

	visitors_count(n->arena, &holding, &waiting);
	member_count(v, 0, &joining, &alive, &leaving);
	text_add(t, "name %s\nstate %s\n", n->arena->name,
		 arena_state_name(n->arena));
	/* Relaxed would do for a number that is only shown. */
	text_add(t, "master %u\nmembers %u\n", load_acquire(&sb->master),
		 joining + alive + leaving);
	text_add(t, "joining %u\nleaving %u\n", joining, leaving);
	text_add(t, "visitors %u\nvisitors-waiting %u\n", holding, waiting);
	text_add(t, "deaths %" PRIu64 "\n", sb->deaths);
	text_add(t, "base 0x%" PRIx64 "\nspan %" PRIu64 "\n", n->arena->base,
		 v->geo.span);
	text_add(t, "used %" PRIu64 "\nlimit %" PRIu64 "\n", view_used(v),
		 load_relaxed(&sb->limit));
	text_add(t, "fields %u\n", load_relaxed(&sb->tables[KIND_FIELD].n));
	text_add(t, "skirmishes %u\n",
		 load_relaxed(&sb->tables[KIND_SKIRMISH].n));
	text_add(t, "refs %u\nproperties %u\n", named_refs(sb),
		 load_relaxed(&sb->tables[KIND_PROPERTY].n));
	text_add(t, "calls %u\nreactors %u\nrings %u\n",
		 load_relaxed(&sb->tables[KIND_CALL].n),
		 load_relaxed(&sb->tables[KIND_REACTOR].n), rings_in_use(v));
	text_add(t, "pools %u\nobjects %u\n",
		 load_relaxed(&sb->tables[KIND_OBJECT_POOL].n),
		 load_relaxed(&sb->tables[KIND_OBJECT].n));
	text_add(t, "max-members %u\nmax-threads %u\nmax-fields %u\n",
		 v->geo.max_members, v->geo.max_threads - 2, v->geo.max_fields);
	text_add(t, "max-objects %u\nmax-others %u\n",
		 v->geo.tables[KIND_OBJECT].max, v->geo.max_things);
	text_add(t, "transient %d\nformat %u\n",
		 n->arena->store.policy.transient, sb->format);
	text_add(t, "created ");
	text_add_time(t, sb->created_ns);
	text_add(t, "\n");
	return 0;
}

static int find_arena(const struct node *dir, const char *name,
		      struct node *ret)
{
	(void)dir;
	ret->arena = world_find(name);
	return ret->arena ? 0 : -ENOENT;
}

/* Step by serial, so that arenas made or removed meanwhile move no other. */
static int next_arena(const struct node *dir, uint64_t *at, char name[256],
		      struct node *ret)
{
	struct arena *best = NULL;

	(void)dir;
	for (struct arena *a = world.arenas; a; a = a->next)
		if (a->serial > *at && (!best || a->serial < best->serial))
			best = a;
	if (!best)
		return -ENOENT;
	*at = best->serial;
	ret->arena = best;
	strcpy(name, best->name);
	return 0;
}

const struct items_ops root_items = {.find = find_arena, .next = next_arena};
