/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pools/NAME: status, and a file for each object
 *
 * The items of an object are a chain of blocks under a lock that is its
 * members': each is copied once and checked, and the walk is bounded.  What
 * changes meanwhile may be missed, or said twice.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fusionfs/files/objects.h"
#include "fusionfs/files/show.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_item.h"

#define ITEMS_SHOWN 1024u

/* --- Which objects ---------------------------------------------------------
 */

struct find {
	const char *name;
	uint32_t pool, pool_id;
	uint32_t index;
	struct object o;
};

static int find_in(const struct node *dir, struct find *ret)
{
	union record pool;
	int r = object_get(dir, &pool);

	if (r == 0) {
		ret->pool = object_index(dir);
		ret->pool_id = pool.e.id;
	}
	return r;
}

/* Copied, and of that pool. */
static int copy_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	int r = table_copy(&a->view, KIND_OBJECT, f->index, &f->o);

	if (r == 0 && (!object_is_of(&f->o, f->pool, f->pool_id) ||
		       f->o.state == OBJECT_NEW))
		r = -ENOENT;
	return r;
}

static int find_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	int r = table_lookup(&a->view, KIND_OBJECT, f->name, &f->index);

	return r < 0 ? r : copy_guarded(a, f);
}

static int find_member(const struct node *dir, const char *name,
		       struct node *ret)
{
	struct find f = {.name = name};
	int r = find_in(dir, &f);

	if (r == 0)
		r = guarded(dir->arena, find_guarded, &f);
	if (r == 0)
		ret->item = object_item(dir, f.index, f.o.e.id);
	return r;
}

/* The next one at or after f->index. */
static int next_guarded(struct arena *a, void *arg)
{
	struct find *f = arg;
	uint32_t hi = table_hi(&a->view, KIND_OBJECT);

	for (; f->index < hi; f->index++)
		if (object_is_of(object_at(&a->view, f->index), f->pool,
				 f->pool_id) &&
		    copy_guarded(a, f) == 0)
			return 0;
	return -ENOENT;
}

static int next_member(const struct node *dir, uint64_t *at, char name[256],
		       struct node *ret)
{
	struct find f = {.index = (uint32_t)*at};
	int r = find_in(dir, &f);

	if (r == 0)
		r = guarded(dir->arena, next_guarded, &f);
	if (r < 0)
		return r;
	strcpy(name, f.o.e.name);
	ret->item = object_item(dir, f.index, f.o.e.id);
	*at = (uint64_t)f.index + 1;
	return 0;
}

const struct items_ops pool_items = {
	.find = find_member,
	.next = next_member,
	.check = object_items_check,
};

/* --- pools/NAME/status -----------------------------------------------------
 */

static void add_states(struct text *t, const struct view *v, uint32_t pool,
		       uint32_t id)
{
	uint32_t n[OBJECT_DEINIT + 1] = {0}, hi = table_hi(v, KIND_OBJECT);

	for (uint32_t i = 0; i < hi; i++) {
		const struct object *o = object_at(v, i);
		uint32_t state = load_acquire(&o->state);

		if (load_acquire(&o->e.state) == ENTRY_USED &&
		    object_is_of(o, pool, id) && state <= OBJECT_DEINIT)
			n[state]++;
	}
	text_add(t, "objects %u\ninit %u\nactive %u\ndeinit %u\n",
		 n[OBJECT_INIT] + n[OBJECT_ACTIVE] + n[OBJECT_DEINIT],
		 n[OBJECT_INIT], n[OBJECT_ACTIVE], n[OBJECT_DEINIT]);
}

static void add_duty(struct text *t, const struct view *v, uint64_t who)
{
	if (who && member_at(v, REF_WHO_SLOT(who), REF_WHO_ID(who)))
		text_add(t, "duty member %u\n", REF_WHO_ID(who));
	else
		text_add(t, "duty none\n");
}

static void add_made(struct text *t, const struct entry *e)
{
	text_add(t, "creator %u\ncreated ", e->creator);
	text_add_time(t, e->created_ns);
	text_add(t, "\n");
}

int pool_status_show(const struct node *n, struct text *t)
{
	const struct object_pool *p;
	union record o;
	int r = object_get(n, &o);

	if (r < 0)
		return r;
	p = &o.pool;
	text_add(t, "id %u\n", p->e.id);
	add_states(t, &n->arena->view, object_index(n), p->e.id);
	text_add(t, "made %" PRIu64 "\ndestroyed %" PRIu64 "\n", p->made,
		 p->destroyed);
	text_add(t, "object-size %" PRIu64 "\nmessage-size %" PRIu64 "\n",
		 p->object_size, p->message_size);
	add_duty(t, &n->arena->view, p->duty);
	text_add(t, "dying %u\n", !!p->dying);
	add_made(t, &p->e);
	return 0;
}

/* --- pools/NAME/#ID --------------------------------------------------------
 */

/* On one line, whatever is in it; a space that is to be part of a word, too. */
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

static void add_line(struct text *t, const char *value, size_t len)
{
	add_escaped(t, value, len, false);
	text_add(t, "\n");
}

static void add_key(struct text *t, const char *type,
		    const struct object_item *i)
{
	text_add(t, "%s ", type);
	add_escaped(t, i->key, sizeof(i->key), true);
	text_add(t, " ");
}

/* Of one that is copied, with @room bytes of its value. */
static void add_item(struct text *t, const struct object_item *i, size_t room)
{
	size_t len = i->len <= room ? i->len : 0;

	switch (i->kind) {
	case ITEM_STRING:
		add_key(t, "string", i);
		add_line(t, i->value, len);
		break;
	case ITEM_INTEGER:
		add_key(t, "integer", i);
		text_add(t, "%" PRId64 "\n", (int64_t)i->word);
		break;
	case ITEM_POINTER:
		add_key(t, "pointer", i);
		text_add(t, "0x%" PRIx64 "\n", i->word);
		break;
	case ITEM_OWNER:
		text_add(t, "owner %" PRIu64 "\n", i->word);
		break;
	case ITEM_ACCESS:
		text_add(t, "access ");
		add_line(t, i->value, len);
		break;
	case ITEM_DESCRIPTION:
		text_add(t, "description ");
		add_line(t, i->value, len);
		break;
	default:
		break;
	}
}

static void add_items(struct text *t, const struct view *v, uint64_t first)
{
	/* One file at a time: kept off the stack. */
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

static const char *state_of(const struct object *o)
{
	static const char *const names[] = {
		[OBJECT_NEW] = "new",
		[OBJECT_INIT] = "init",
		[OBJECT_ACTIVE] = "active",
		[OBJECT_DEINIT] = "deinit",
	};

	return o->state <= OBJECT_DEINIT ? names[o->state] : "-";
}

static void add_reactor(struct text *t, const struct view *v,
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
	int r = object_get(n, &o);

	if (r < 0)
		return r;
	live = object_at(v, object_index(n));
	text_add(t, "id %u\nstate %s\n", o.e.id, state_of(&o.object));
	ref = object_ref(v, live);
	if (ref)
		ref_counts_show(v, ref_index(v, ref), t);
	text_add(t, "size %" PRIu64 "\n", o.object.size);
	add_reactor(t, v, live);
	add_made(t, &o.e);
	add_items(t, v, o.object.items);
	return 0;
}
