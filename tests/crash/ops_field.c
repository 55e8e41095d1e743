/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields, events, thread records and core locks. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <fusion/field.h>

#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/names/field.h"
#include "tests/crash/ops.h"

static void add(struct cast *c, const char *name)
{
	struct ledger_field *f = ledger_field(c->ledger, name);

	f->addr = (uint64_t)(uintptr_t)stage_field_addr(c->stage, name);
	ledger_claim(&f->claim, CLAIM_CHANGING);
	if (field_add(&c->arena->view, c->rec, name, f->addr, 8, "word",
		      c->arena->id) < 0)
		die("cannot add field %s", name);
	ledger_claim(&f->claim, CLAIM_PRESENT);
}

static void drop(struct cast *c, const char *name)
{
	struct ledger_field *f = ledger_field(c->ledger, name);

	ledger_claim(&f->claim, CLAIM_CHANGING);
	if (field_remove(&c->arena->view, c->rec, name) < 0)
		die("cannot remove field %s", name);
	ledger_claim(&f->claim, CLAIM_ABSENT);
}

/* Until the next add takes an entry behind the mark. */
static void use_up_free(struct cast *c)
{
	char name[32];

	for (unsigned i = 0; c->arena->view.sb->tables[KIND_FIELD].free; i++) {
		snprintf(name, sizeof(name), "fill%u", i);
		add(c, name);
	}
}

/* Until the next entry is the first of a page. */
static void fill_page(struct cast *c)
{
	struct view *v = &c->arena->view;
	char name[32];

	use_up_free(c);
	for (unsigned i = 0;; i++) {
		uint64_t off = view_off(
			v, view_field(v, v->sb->tables[KIND_FIELD].hi));

		if (off / 4096 != (off + sizeof(struct field_rec)) / 4096)
			break;
		snprintf(name, sizeof(name), "page%u", i);
		add(c, name);
	}
}

static void one_to_free(struct cast *c)
{
	add(c, "first");
	drop(c, "first");
}

static void two_to_free(struct cast *c)
{
	add(c, "first");
	add(c, "second");
	drop(c, "first");
	drop(c, "second");
}

/* The free list is empty, and its last record is the one that is removed. */
static void reused(struct cast *c)
{
	one_to_free(c);
	use_up_free(c);
	add(c, "first");
	drop(c, "first");
	add(c, "first");
}

static unsigned bucket(const struct view *v, const char *name)
{
	uint32_t h = 2166136261u;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 16777619u;
	return h % v->geo.tables[KIND_FIELD].n_buckets;
}

/* Three in one chain, "c0" last in it. */
static char chained[3][32];

static void make_chain(struct cast *c)
{
	unsigned n = 0;

	for (unsigned i = 0; n < 3; i++) {
		snprintf(chained[n], sizeof(chained[n]), "chain%u", i);
		if (bucket(&c->arena->view, chained[n]) == 7)
			add(c, chained[n++]);
	}
}

static void run_add(struct cast *c)
{
	add(c, "new");
}

static void run_add_again(struct cast *c)
{
	if (field_add(&c->arena->view, c->rec, chained[1], 16, 0, NULL, 1) !=
	    -EEXIST)
		die("added twice");
}

static void run_get(struct cast *c)
{
	struct field_rec f;

	if (field_get(&c->arena->view, c->rec, chained[0], &f) < 0)
		die("field is not there");
}

static void run_remove_reused(struct cast *c)
{
	drop(c, "first");
}

/* Behind the two that are free. */
static void chain_and_free(struct cast *c)
{
	make_chain(c);
	two_to_free(c);
}

static void run_remove_first(struct cast *c)
{
	drop(c, chained[2]);
}

static void run_remove_middle(struct cast *c)
{
	drop(c, chained[1]);
}

static void run_remove_last(struct cast *c)
{
	drop(c, chained[0]);
}

static void run_remove_add(struct cast *c)
{
	drop(c, chained[1]);
	add(c, "instead");
	drop(c, "instead");
	add(c, chained[1]);
}

static void run_event(struct cast *c)
{
	event_log(&c->arena->view, c->rec, EVENT_CREATED, c->arena->id,
		  "field %s", "a-name-that-fills-the-line-to-its-very-end");
}

static void fill_events(struct cast *c)
{
	while (c->arena->view.sb->event_head < EVENTS + 3)
		run_event(c);
}

static void run_claim_thread(struct cast *c)
{
	struct thread_rec *t;

	for (unsigned i = 0; i < 3; i++)
		if (thread_claim(&c->arena->view, &t) < 0)
			die("no thread record");
	thread_release(&c->arena->view, t);
}

static void run_locks(struct cast *c)
{
	struct view *v = &c->arena->view;

	core_lock(v, c->rec, &v->sb->tables[KIND_FIELD].lock);
	core_lock(v, c->rec, &v->sb->event_lock);
	core_unlock(v, c->rec, &v->sb->tables[KIND_FIELD].lock);
	core_unlock(v, c->rec, &v->sb->event_lock);
}

/* The ledger has to have the address before the field is there. */
static int claim_data(void *data, void *ctx)
{
	struct ledger_field *f = ctx;

	f->addr = (uint64_t)(uintptr_t)data;
	ledger_claim(&f->claim, CLAIM_CHANGING);
	return 0;
}

typedef int (*make_fn)(struct fusion_arena *, const char *,
		       const struct fusion_field_options *, void **);

static void make(struct cast *c, make_fn fn)
{
	struct ledger_field *f = ledger_field(c->ledger, "new");
	const struct fusion_field_options options = {
		.size = sizeof(options),
		.data_size = 40,
		.initialize = claim_data,
		.ctx = f,
	};
	void *data;

	if (fn(c->arena, "new", &options, &data) < 0)
		die("cannot make a field");
	ledger_claim(&f->claim, CLAIM_PRESENT);
	ledger_keep(&c->ledger->live, data);
}

static void run_create(struct cast *c)
{
	make(c, fusion_field_create);
}

static void run_open(struct cast *c)
{
	make(c, fusion_field_open);
}

/* clang-format off */
const struct op field_ops[] = {
	{ "field-add-fresh",	 PART_MEMBER, use_up_free, run_add, 0 },
	{ "field-add-page",	 PART_MEMBER, fill_page,   run_add, 0 },
	{ "field-add-reuse",	 PART_MEMBER, one_to_free, run_add, 0 },
	{ "field-add-taken",	 PART_MEMBER, make_chain,  run_add_again, 0 },
	{ "field-get",		 PART_MEMBER, make_chain,  run_get, 0 },
	{ "field-remove-first",	 PART_MEMBER, make_chain,  run_remove_first, 0 },
	{ "field-remove-middle", PART_MEMBER, make_chain,  run_remove_middle, 0 },
	{ "field-remove-last",	 PART_MEMBER, make_chain,  run_remove_last, 0 },
	{ "field-remove-reused", PART_MEMBER, reused,	   run_remove_reused, 0 },
	{ "field-remove-queue",	 PART_MEMBER, chain_and_free, run_remove_middle, 0 },
	{ "field-add-queue",	 PART_MEMBER, two_to_free, run_add, 0 },
	{ "field-remove-add",	 PART_MEMBER, make_chain,  run_remove_add, 0 },
	{ "field-create",	 PART_MEMBER, one_to_free, run_create, 1 },
	{ "field-open",		 PART_MEMBER, make_chain,  run_open, 1 },
	{ "event-append",	 PART_MEMBER, NULL,	   run_event, 0 },
	{ "event-overwrite",	 PART_MEMBER, fill_events, run_event, 0 },
	{ "thread-claim",	 PART_NEWCOMER, NULL,	   run_claim_thread, 0 },
	{ "lock-two",		 PART_MEMBER, NULL,	   run_locks, 0 },
};
/* clang-format on */

const unsigned n_field_ops = N_OPS(field_ops);
