/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pools/NAME: status, and a file for each object
 *
 * The items of an object are a chain of blocks, under a lock of the members.
 * The daemon does not take the lock: it copies each block once and checks it,
 * and the walk is bounded.  An item that changes meanwhile may be missed, or
 * shown twice.
 */
#include "fusionfs/files/object_pools.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fusionfs/files/refs.h"
#include "fusionfs/world/record.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_item.h"

#define ITEMS_SHOWN 1024u

/* --- Which objects ---------------------------------------------------------
 */

struct object_search {
	struct record_search s;
	uint32_t pool, pool_id;
};

/* Copy an object of the pool.  The look before the copy is cheap. */
static int copy_object(struct view *v, struct search *s)
{
	struct object_search *f = (struct object_search *)s;
	const struct object *o = &f->s.o.object;
	int r;

	if (!object_is_of(object_at(v, s->at), f->pool, f->pool_id))
		return -ENOENT;
	r = record_search_copy(v, s);
	if (r == 0 &&
	    (!object_is_of(o, f->pool, f->pool_id) || o->state == OBJECT_NEW))
		r = -ENOENT;
	return r;
}

static const struct search_ops object_ops = {
	.hint = HINT_RECORD,
	.end = record_search_end,
	.copy = copy_object,
	.find = record_search_find,
};

static int begin_object_search(const struct node *dir,
			       struct object_search *ret)
{
	union record pool;
	int r = record_get(dir, &pool);

	if (r == 0)
		*ret = (struct object_search){
			.s = {.search.ops = &object_ops, .kind = KIND_OBJECT},
			.pool = record_index(dir),
			.pool_id = pool.e.id,
		};
	return r;
}

static int find_object(const struct node *dir, const char *name,
		       struct node *ret)
{
	struct object_search f;
	int r = begin_object_search(dir, &f);

	return r < 0 ? r : record_find_item(dir, &f.s, name, ret);
}

static int next_object(const struct node *dir, uint64_t *at, char name[256],
		       struct node *ret)
{
	struct object_search f;
	int r = begin_object_search(dir, &f);

	return r < 0 ? r : record_next_item(dir, &f.s, at, name, ret);
}

const struct items_ops object_pool_items = {
	.find = find_object,
	.next = next_object,
	.check = record_check,
};

/* --- pools/NAME/status -----------------------------------------------------
 */

static void add_object_states(struct text *t, const struct view *v,
			      uint32_t pool, uint32_t id)
{
	uint32_t n[OBJECT_DEINIT + 1] = {0}, hi = table_hi(v, KIND_OBJECT);

	for (uint32_t i = 0; i < hi; i++) {
		const struct object *o = object_at(v, i);
		/* Acquire: pairs with the release in object_made(); below, with
		 * that of table.c when it adds an entry. */
		uint32_t state = load_acquire(&o->state);

		if (load_acquire(&o->e.state) == ENTRY_USED &&
		    object_is_of(o, pool, id) && state <= OBJECT_DEINIT)
			n[state]++;
	}
	text_add(t, "objects %u\ninit %u\nactive %u\ndeinit %u\n",
		 n[OBJECT_INIT] + n[OBJECT_ACTIVE] + n[OBJECT_DEINIT],
		 n[OBJECT_INIT], n[OBJECT_ACTIVE], n[OBJECT_DEINIT]);
}

static void add_object_pool_duty(struct text *t, const struct view *v,
				 uint64_t who)
{
	if (who && member_at(v, REF_WHO_SLOT(who), REF_WHO_ID(who)))
		text_add(t, "duty member %u\n", REF_WHO_ID(who));
	else
		text_add(t, "duty none\n");
}

static void add_creation(struct text *t, const struct entry *e)
{
	text_add(t, "creator %u\ncreated ", e->creator);
	text_add_time(t, e->created_ns);
	text_add(t, "\n");
}

int object_pool_status_show(const struct node *n, struct text *t)
{
	const struct object_pool *p;
	union record o;
	int r = record_get(n, &o);

	if (r < 0)
		return r;
	p = &o.pool;
	text_add(t, "id %u\n", p->e.id);
	add_object_states(t, &n->arena->view, record_index(n), p->e.id);
	text_add(t, "made %" PRIu64 "\ndestroyed %" PRIu64 "\n", p->made,
		 p->destroyed);
	text_add(t, "object-size %" PRIu64 "\nmessage-size %" PRIu64 "\n",
		 p->object_size, p->message_size);
	add_object_pool_duty(t, &n->arena->view, p->duty);
	text_add(t, "dying %u\n", !!p->dying);
	add_creation(t, &p->e);
	return 0;
}

/* --- pools/NAME/#ID --------------------------------------------------------
 */

/* Add @value so that it stays on one line; with @is_word so that it stays one
 * word. */
static void add_escaped(struct text *t, const char *value, size_t len,
			bool is_word)
{
	for (size_t i = 0; i < len && value[i]; i++) {
		unsigned char c = (unsigned char)value[i];

		if (c == '\\')
			text_add(t, "\\\\");
		else if (c == '\n')
			text_add(t, "\\n");
		else if (iscntrl(c) || (is_word && c == ' '))
			text_add(t, "\\x%02x", c);
		else
			text_add(t, "%c", c);
	}
}

static void add_escaped_line(struct text *t, const char *value, size_t len)
{
	add_escaped(t, value, len, false);
	text_add(t, "\n");
}

static void add_item_key(struct text *t, const char *type,
			 const struct object_item *i)
{
	text_add(t, "%s ", type);
	add_escaped(t, i->key, sizeof(i->key), true);
	text_add(t, " ");
}

/* Add an item that is copied, with @room bytes of its value. */
static void add_item(struct text *t, const struct object_item *i, size_t room)
{
	size_t len = i->len <= room ? i->len : 0;

	switch (i->kind) {
	case ITEM_STRING:
		add_item_key(t, "string", i);
		add_escaped_line(t, i->value, len);
		break;
	case ITEM_INTEGER:
		add_item_key(t, "integer", i);
		text_add(t, "%" PRId64 "\n", (int64_t)i->word);
		break;
	case ITEM_POINTER:
		add_item_key(t, "pointer", i);
		text_add(t, "0x%" PRIx64 "\n", i->word);
		break;
	case ITEM_OWNER:
		text_add(t, "owner %" PRIu64 "\n", i->word);
		break;
	case ITEM_ACCESS:
		text_add(t, "access ");
		add_escaped_line(t, i->value, len);
		break;
	case ITEM_DESCRIPTION:
		text_add(t, "description ");
		add_escaped_line(t, i->value, len);
		break;
	default:
		break;
	}
}

static void add_items(struct text *t, const struct view *v, uint64_t first)
{
	/* One file is made at a time: not on the stack. */
	static _Alignas(struct object_item) char
		room[sizeof(struct object_item) + ITEM_VALUE_MAX];
	struct object_item *copy = (struct object_item *)room;
	const struct object_item *item = object_item_at(v, first);
	size_t value;

	for (uint32_t n = 0; item && n < ITEMS_SHOWN; n++) {
		value = object_item_room(v, item);
		memcpy(room, item, sizeof(*item) + value);
		add_item(t, copy, value);
		item = object_item_at(v, copy->next);
	}
}

static const char *object_state_name(const struct object *o)
{
	static const char *const names[] = {
		[OBJECT_NEW] = "new",
		[OBJECT_INIT] = "init",
		[OBJECT_ACTIVE] = "active",
		[OBJECT_DEINIT] = "deinit",
	};

	return o->state <= OBJECT_DEINIT ? names[o->state] : "-";
}

static void add_object_reactor(struct text *t, const struct view *v,
			       const struct object *o)
{
	const struct reactor *re = object_reactor(v, o);

	if (re)
		text_add(t, "reactor #%u\n", load_relaxed(&re->e.id));
	else
		text_add(t, "reactor none\n");
}

int object_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	struct object *live;
	union record o;
	struct ref *ref;
	int r = record_get(n, &o);

	if (r < 0)
		return r;
	live = object_at(v, record_index(n));
	text_add(t, "id %u\nstate %s\n", o.e.id, object_state_name(&o.object));
	ref = object_ref(v, live);
	if (ref)
		ref_counts_show(v, ref_index(v, ref), t);
	text_add(t, "size %" PRIu64 "\n", o.object.size);
	add_object_reactor(t, v, live);
	add_creation(t, &o.e);
	add_items(t, v, o.object.items);
	return 0;
}
