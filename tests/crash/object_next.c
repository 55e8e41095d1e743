/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/object_next.h"

#include <errno.h>
#include <string.h>

#include "libfusion/core/objects/object_fall.h"
#include "libfusion/core/objects/object_item.h"
#include "libfusion/objects/object_duty.h"
#include "libfusion/objects/object_private.h"
#include "tests/crash/next_user.h"

#define ITEMS 16 /* looked at, of an object */
#define ITEM_BYTES 128

static bool is_used(const struct object *o)
{
	return load_acquire(&o->e.state) == ENTRY_USED;
}

/* --- Its memory ------------------------------------------------------------
 */

static const struct object_item *next_item(const struct view *v, uint64_t addr)
{
	return object_item_at(v, addr);
}

static unsigned item_ranges(const struct view *v, const struct object *o,
			    struct container_range *ret, unsigned room)
{
	const struct object_item *item = next_item(v, o->items);
	unsigned n = 0;

	for (; item && n < room && n < ITEMS; item = next_item(v, item->next))
		ret[n++] = (struct container_range){item, ITEM_BYTES};
	return n;
}

unsigned object_ranges(const struct stage *s, struct container_range *ret,
		       unsigned room)
{
	const struct ledger_objects *l = &s->ledger->objects;
	const struct view *v = &s->view;
	uint32_t max = v->geo.tables[KIND_OBJECT].max;
	unsigned n = 0;

	if (!l->pool || room < 2 + LEDGER_OBJECTS * ITEMS)
		return 0;
	ret[n++] = (struct container_range){l->board, sizeof(*l->board)};
	ret[n++] = (struct container_range){view_at(v, v->geo.off_fallen),
					    geometry_fallen_size(max)};
	for (uint32_t i = 0; i < table_hi(v, KIND_OBJECT); i++)
		if (is_used(object_at(v, i)))
			n += item_ranges(v, object_at(v, i), ret + n, room - n);
	return n;
}

static uint32_t count_items(const struct view *v, const struct object *o)
{
	const struct object_item *item = next_item(v, o->items);
	uint32_t n = 0;

	for (; item && n < 1000; item = next_item(v, item->next))
		n++;
	return n;
}

uint64_t object_blocks(const struct view *v)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < table_hi(v, KIND_OBJECT); i++) {
		const struct object *o = object_at(v, i);

		if (is_used(o))
			n += (o->data != 0) + count_items(v, o);
	}
	return n;
}

uint64_t object_digest(const struct view *v)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < table_hi(v, KIND_OBJECT); i++) {
		const struct object *o = object_at(v, i);

		if (is_used(o))
			sum += (o->e.id * 8ull + o->state) * 1000 +
			       count_items(v, o) * 10 +
			       (object_reactor(v, o) != NULL) * 2 + !!o->claim;
	}
	return sum;
}

/* --- Its next user ---------------------------------------------------------
 */

static struct ledger_board *board;

void object_ends(struct fusion_object *o, bool zombie, void *ctx)
{
	const struct ledger_thing *t = fusion_object_data(o);
	struct ledger_board *b = ctx;

	(void)zombie;
	if (t && t->number < LEDGER_OBJECTS)
		b->ended[t->number]++;
}

static bool is_in(uint64_t n, struct ledger_range r)
{
	return n >= r.least && n <= r.most;
}

/* Is it the one that the ledger means, and not gone? */
static bool is_there(const struct ledger_object *l)
{
	const struct object *o = l->handle ? handle_entry(l->handle) : NULL;
	const struct ledger_thing *t =
		l->handle ? fusion_object_data(l->handle) : NULL;

	return o && is_used(o) && t;
}

/* Killed before it could say which: any that is not known is its. */
static void ask_strangers(const struct view *v, const struct ledger_objects *l)
{
	uint32_t n = 0, known = 0;

	for (uint32_t i = 0; i < table_hi(v, KIND_OBJECT); i++)
		n += is_used(object_at(v, i));
	for (uint32_t i = 0; i < l->n; i++)
		known += is_there(&l->list[i]);
	if (n != known)
		complain("%u objects, %u are known", n, known);
}

static void ask_object(const struct view *v, const struct ledger_object *l,
		       uint32_t number)
{
	struct fusion_object_stat stat;
	uint32_t items;

	if (l->there == CLAIM_ABSENT && is_there(l))
		complain("object %u is there again", number);
	if (l->there == CLAIM_PRESENT && !is_there(l) &&
	    (l->global.least || l->counted))
		complain("object %u is lost", number);
	if (!is_there(l))
		return;
	if (l->there == CLAIM_PRESENT && !l->global.most && !l->counted)
		complain("object %u is counted by nobody and there", number);
	complain_of(fusion_object_stat(l->handle, &stat, sizeof(stat)), "stat");
	if (!is_in(stat.global, l->global))
		complain("object %u has %llu global counts", number,
			 (unsigned long long)stat.global);
	if (stat.local != l->counted)
		complain("object %u has %llu counts of the peer's", number,
			 (unsigned long long)stat.local);
	items = count_items(v, handle_entry(l->handle));
	if (!is_in(items, l->items))
		complain("object %u has %u items", number, items);
}

static void give_back(const struct ledger_object *l)
{
	struct fusion_object_stat stat;

	if (!is_there(l))
		return;
	/* Counts that belong to no place. */
	complain_of(fusion_object_stat(l->handle, &stat, sizeof(stat)), "stat");
	while (stat.global--) {
		board->place[0] = l->handle;
		complain_of(fusion_object_unlink(&board->place[0]),
			    "unlink of what is no place's");
	}
	if (l->counted)
		complain_of(fusion_object_unref(l->handle), "unref");
}

static void ask_end(const struct ledger_object *l, uint32_t number)
{
	uint32_t n = board->ended[number];
	bool any = l->active == CLAIM_CHANGING || l->ended == CLAIM_CHANGING;

	if (n > 1 || (!any && n != (l->active == CLAIM_PRESENT)))
		complain("the destructor of object %u has run %u times", number,
			 n);
}

static bool pool_is_there(const struct object_pool *p)
{
	return load_acquire(&p->e.state) == ENTRY_USED && load_acquire(&p->id);
}

/* The last place names objects by their data. */
static int clear_place(uint32_t i)
{
	return i == LEDGER_PLACES - 1
		       ? fusion_object_unlink_data(&board->place[i])
		       : fusion_object_unlink(&board->place[i]);
}

static void use_pool(const struct stage *s, struct fusion_arena *a)
{
	const struct ledger_objects *l = &s->ledger->objects;
	struct object_pool *p = l->pool;
	int r;

	if (pool_is_there(p)) {
		complain_of(duty_add(a, p, object_ends, board), "register");
		duty_run(a);
	}
	ask_strangers(&a->view, l);
	for (uint32_t i = 0; i < l->n; i++)
		ask_object(&a->view, &l->list[i], i);
	for (uint32_t i = 0; i < LEDGER_PLACES; i++) {
		complain_of(clear_place(i), "unlink");
		if (board->place[i])
			complain("place %u is not cleared", i);
	}
	for (uint32_t i = 0; i < l->n; i++)
		give_back(&l->list[i]);
	duty_run(a);
	for (uint32_t i = 0; i < l->n; i++)
		if (is_there(&l->list[i]))
			complain("object %u does not go", i);
	if (!pool_is_there(p))
		return;
	r = fusion_object_pool_destroy(entry_handle(p, p->e.id));
	complain_of(r, "destroying the pool");
}

static uint32_t in_table(const struct view *v, int kind)
{
	return v->sb->tables[kind].n;
}

static void use(const struct stage *s, struct fusion_arena *a)
{
	const struct ledger_objects *l = &s->ledger->objects;
	const struct object_pool *p = l->pool;
	uint64_t others = blocks_of_others(s);

	board = l->board;
	if (l->there == CLAIM_PRESENT && !pool_is_there(p))
		complain("the pool is lost");
	if (l->there == CLAIM_ABSENT && pool_is_there(p))
		complain("the pool is there");
	use_pool(s, a);
	for (uint32_t i = 0; i < l->n; i++)
		ask_end(&l->list[i], i);
	if (in_table(&a->view, KIND_OBJECT) ||
	    in_table(&a->view, KIND_OBJECT_POOL))
		complain("%u objects and %u pools are left",
			 in_table(&a->view, KIND_OBJECT),
			 in_table(&a->view, KIND_OBJECT_POOL));
	if (in_table(&a->view, KIND_REF) != l->refs ||
	    in_table(&a->view, KIND_REACTOR) != l->reactors)
		complain("%u references and %u reactors are left",
			 in_table(&a->view, KIND_REF) - l->refs,
			 in_table(&a->view, KIND_REACTOR) - l->reactors);
	if (blocks_of_all(a) != others)
		complain("%llu blocks are left",
			 (unsigned long long)(blocks_of_all(a) - others));
	if (object_fallen(&a->view, 0) >= 0)
		complain("a bit is set of nobody");
}

void object_ask(const struct stage *s, void (*bad)(void *, const char *),
		void *ctx)
{
	if (s->ledger->objects.pool)
		next_user(s, use, bad, ctx);
}
