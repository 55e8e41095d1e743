/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/container.h"

#include <stdio.h>
#include <string.h>

#include "libfusion/containers/hash.h"
#include "libfusion/containers/list.h"
#include "libfusion/containers/vector.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/slab.h"
#include "tests/crash/container_pair.h"
#include "tests/crash/next_user.h"

#define BLOCK_BYTES 2048 /* looked at, of a table or row */
#define NODES 64

struct fusion_key container_key(uint32_t keys, uint32_t i)
{
	static char name[32];

	if (keys == FUSION_KEY_INT)
		return fusion_key_int(i * 7919ull);
	snprintf(name, sizeof(name), "the key number %u", i);
	return keys == FUSION_KEY_STRING ? fusion_key_string(name)
					 : fusion_key_bytes(name, 18);
}

struct fusion_value container_value(struct fusion_arena *arena, uint32_t owns,
				    uint64_t word)
{
	uint64_t *block;

	if (!owns)
		return fusion_value_word(word);
	block = fusion_malloc(arena, sizeof(*block));
	if (!block)
		die("no memory for a value");
	*block = word;
	return fusion_value_pointer(block);
}

int container_put(struct fusion_arena *arena, const struct ledger_container *c,
		  uint32_t i, uint64_t word)
{
	struct fusion_key key = container_key(c->keys, i);

	if (c->owns == OWNS_BYTES)
		return fusion_hash_put_bytes(c->handle, key, &word,
					     sizeof(word));
	return fusion_hash_replace(c->handle, key,
				   container_value(arena, c->owns, word), NULL);
}

bool container_owns(const struct ledger_container *c)
{
	return c->owns == OWNS_BYTES || (c->owns && c->kind == CONTAINER_HASH);
}

int container_insert(struct fusion_arena *arena,
		     const struct ledger_container *c, struct fusion_list *list,
		     uint64_t word, struct fusion_list_node **ret)
{
	if (c->owns == OWNS_BYTES)
		return fusion_list_insert_bytes(list, NULL, &word, sizeof(word),
						ret);
	return fusion_list_insert_back(
		list, container_value(arena, c->owns, word), ret);
}

/* --- Its memory ------------------------------------------------------------
 */

struct ranges {
	const struct stage *stage;
	struct container_range *list;
	unsigned n;
};

/* Half made pointers lead nowhere. */
static bool add(struct ranges *r, const void *p, size_t size)
{
	if (r->n == CONTAINER_RANGES || !p ||
	    !view_contains(&r->stage->view, p) || (uintptr_t)p % 8)
		return false;
	r->list[r->n++] = (struct container_range){p, size};
	return true;
}

static void add_twin(struct ranges *r, const struct twin *t)
{
	add(r, t->block[0], BLOCK_BYTES);
	add(r, t->block[1], BLOCK_BYTES);
}

static void add_nodes(struct ranges *r, const struct fusion_list *l)
{
	const struct fusion_list_node *x = l->ring.next;

	if (!add(r, l, sizeof(*l)))
		return;
	add(r, l->node, sizeof(*x));
	while (r->n < NODES && x != &l->ring && add(r, x, sizeof(*x)))
		x = x->next;
}

static void add_container(struct ranges *r, const struct ledger_container *c)
{
	switch (c->kind) {
	case CONTAINER_HASH:
		add(r, c->handle, sizeof(struct fusion_hash));
		add_twin(r, &((struct fusion_hash *)c->handle)->table);
		break;
	case CONTAINER_VECTOR:
		add(r, c->handle, sizeof(struct fusion_vector));
		add_twin(r, &((struct fusion_vector *)c->handle)->row);
		break;
	default:
		add_nodes(r, c->handle);
		if (c->other)
			add_nodes(r, c->other);
	}
}

unsigned container_ranges(const struct stage *s, struct container_range *ret)
{
	struct ranges r = {s, ret, 0};

	if (s->ledger->container.handle)
		add_container(&r, &s->ledger->container);
	if (s->ledger->second.handle)
		add_container(&r, &s->ledger->second);
	return r.n;
}

/* --- Its next user ---------------------------------------------------------
 */

static uint64_t word_of(const struct ledger_container *c,
			struct fusion_value value)
{
	return c->owns ? *(uint64_t *)fusion_value_get_pointer(value)
		       : value.word;
}

/* A copy is what the value points to. */
static void read_copy(const struct user *u, uint32_t i, uint64_t want)
{
	uint64_t word = 0;
	size_t length = 0;

	complain_of(fusion_hash_get_bytes(u->c->handle,
					  container_key(u->c->keys, i), &word,
					  sizeof(word), &length),
		    "get bytes");
	if (word != want || length != sizeof(word))
		complain("key %u: %zu other bytes", i, length);
}

static void read_hash(const struct user *u, struct ledger_content *ret)
{
	struct fusion_hash *h = u->c->handle;
	struct fusion_value value;
	uint64_t n = 0, count = 0;

	ret->n = LEDGER_VALUES;
	for (uint32_t i = 0; i < LEDGER_VALUES; i++) {
		int r = fusion_hash_value(h, container_key(u->c->keys, i),
					  &value);

		if (r != -ENOENT)
			complain_of(r, "lookup");
		ret->value[i] = r == 0 ? word_of(u->c, value) : 0;
		if (r == 0 && u->c->owns == OWNS_BYTES)
			read_copy(u, i, ret->value[i]);
		n += r == 0;
	}
	complain_of(fusion_hash_count(h, &count), "count");
	if (count != n)
		complain("%llu entries, and its count is %llu",
			 (unsigned long long)n, (unsigned long long)count);
}

static void walk_hash(const struct user *u, const struct ledger_content *want)
{
	struct fusion_hash_iter it;
	int64_t n = 0, all = 0;
	int r;

	complain_of(fusion_hash_iter_begin(&it, u->c->handle), "begin");
	while ((r = fusion_hash_next(&it, NULL, NULL)) == 1)
		n++;
	complain_of(r, "next");
	for (uint32_t i = 0; i < LEDGER_VALUES; i++)
		all += want->value[i] != 0;
	if (n != all)
		complain("a walk meets %lld entries of %lld", (long long)n,
			 (long long)all);
}

static void read_vector(const struct user *u, struct ledger_content *ret)
{
	struct fusion_vector *v = u->c->handle;
	struct fusion_value value;
	uint64_t n = 0;

	complain_of(fusion_vector_count(v, &n), "count");
	if (n > LEDGER_VALUES)
		complain("its count is %llu", (unsigned long long)n);
	ret->n = (uint32_t)n;
	for (uint32_t i = 0; i < ret->n; i++) {
		complain_of(fusion_vector_at(v, i, &value), "at");
		ret->value[i] = word_of(u->c, value);
	}
}

/* @want[first] is the first value. */
static void walk_back(const struct user *u, struct fusion_list *l,
		      const struct ledger_content *want, uint32_t first)
{
	struct fusion_list_node *x = NULL;
	struct fusion_value value;

	for (uint32_t i = want->n; i-- > first;) {
		if (fusion_list_prev(l, x, &x) != 1)
			complain("backward it is shorter");
		complain_of(fusion_list_value(l, x, &value), "value");
		if (word_of(u->c, value) != want->value[i])
			complain("backward it is another list");
	}
	if (fusion_list_prev(l, x, &x) != 0)
		complain("backward it is longer");
}

/* A copy is what the value points to. */
static void read_node(struct fusion_list *l, struct fusion_list_node *x,
		      uint64_t want)
{
	uint64_t word = 0;
	size_t length = 0;

	complain_of(fusion_list_get_bytes(l, x, &word, sizeof(word), &length),
		    "get bytes");
	if (word != want || length != sizeof(word))
		complain("a node: %zu other bytes", length);
}

static void read_list(const struct user *u, struct fusion_list *l,
		      struct ledger_content *ret)
{
	struct fusion_list_node *x = NULL;
	struct fusion_value value;
	uint32_t first = ret->n;
	uint64_t count = 0;
	int r;

	while ((r = fusion_list_next(l, x, &x)) == 1) {
		if (ret->n == LEDGER_VALUES)
			complain("it has no end");
		complain_of(fusion_list_value(l, x, &value), "value");
		if (u->c->owns == OWNS_BYTES)
			read_node(l, x, word_of(u->c, value));
		ret->value[ret->n++] = word_of(u->c, value);
	}
	complain_of(r, "next");
	complain_of(fusion_list_count(l, &count), "count");
	if (count != ret->n - first)
		complain("%u values, and its count is %llu", ret->n - first,
			 (unsigned long long)count);
	walk_back(u, l, ret, first);
}

void user_read(const struct user *u, struct ledger_content *ret)
{
	*ret = (struct ledger_content){0};
	if (u->c->kind == CONTAINER_HASH) {
		read_hash(u, ret);
		walk_hash(u, ret);
	} else if (u->c->kind == CONTAINER_VECTOR) {
		read_vector(u, ret);
	} else {
		read_list(u, u->c->handle, ret);
	}
	if (u->c->other) {
		ret->value[ret->n++] = LEDGER_NEXT_LIST;
		read_list(u, u->c->other, ret);
	}
}

bool content_is_same(const struct ledger_content *a,
		     const struct ledger_content *b)
{
	return a->n == b->n &&
	       !memcmp(a->value, b->value, a->n * sizeof(a->value[0]));
}

void user_expect(const struct user *u, const struct ledger_content *want)
{
	struct ledger_content got;

	user_read(u, &got);
	if (!content_is_same(&got, want))
		complain("after the next change it is another");
}

/* --- What it does ----------------------------------------------------------
 */

/* A value that goes in.  Its block is the program's, unless the container owns
 * it. */
static struct fusion_value make_value(struct user *u, uint64_t word)
{
	u->others += u->c->owns && !container_owns(u->c);
	return container_value(u->arena, u->c->owns, word);
}

static void use_hash(struct user *u, struct ledger_content *now)
{
	const struct ledger_container *c = u->c;
	struct fusion_hash *h = c->handle;

	for (uint32_t i = 0; i < LEDGER_VALUES; i += 5) {
		int r = container_put(u->arena, c, i, 1000 + i);

		complain_of(r, "replace");
		if (r != !!now->value[i])
			complain("replace says %d", r);
		now->value[i] = 1000 + i;
	}
	user_expect(u, now);
	for (uint32_t i = 0; i < LEDGER_VALUES; i += 10) {
		complain_of(
			fusion_hash_remove(h, container_key(c->keys, i), NULL),
			"remove");
		now->value[i] = 0;
	}
}

static void use_vector(struct user *u, struct ledger_content *now)
{
	struct fusion_vector *v = u->c->handle;
	uint32_t at = now->n / 2;

	complain_of(fusion_vector_insert(v, at, make_value(u, 999)), "insert");
	memmove(now->value + at + 1, now->value + at,
		(now->n++ - at) * sizeof(now->value[0]));
	now->value[at] = 999;
	user_expect(u, now);
	complain_of(fusion_vector_add(v, make_value(u, 998)), "add");
	now->value[now->n++] = 998;
}

static void use_list(struct user *u, struct ledger_content *now)
{
	const struct ledger_container *c = u->c;
	struct fusion_list *l = c->handle, *last = c->other ? c->other : l;
	struct fusion_list_node *x;

	u->others += c->owns && !container_owns(c);
	complain_of(container_insert(u->arena, c, last, 999, &x), "back");
	now->value[now->n++] = 999;
	user_expect(u, now);
	if (now->value[0] == LEDGER_NEXT_LIST)
		return;
	if (fusion_list_next(l, NULL, &x) != 1)
		complain("it has no first node");
	complain_of(fusion_list_remove(l, x, NULL), "remove");
	memmove(now->value, now->value + 1, --now->n * sizeof(now->value[0]));
}

void user_use(struct user *u, struct ledger_content *now)
{
	if (u->c->kind == CONTAINER_HASH)
		use_hash(u, now);
	else if (u->c->kind == CONTAINER_VECTOR)
		use_vector(u, now);
	else
		use_list(u, now);
	user_expect(u, now);
}

uint64_t container_blocks(const struct ledger_container *c,
			  const struct ledger_content *now)
{
	uint64_t n = 1;

	/* A second list is a block, as LEDGER_NEXT_LIST is a value. */
	if (c->kind == CONTAINER_LIST)
		return n + now->n * (1ull + container_owns(c));
	n++;
	if (c->kind == CONTAINER_VECTOR)
		return n;
	for (uint32_t i = 0; i < LEDGER_VALUES; i++)
		if (now->value[i])
			n += !!c->owns + (c->keys != FUSION_KEY_INT);
	return n;
}

void user_ask_blocks(const struct user *u, uint64_t own)
{
	uint64_t n = blocks_of_all(u->arena);

	if (n != u->others + own)
		complain("%llu blocks, it has %llu and others %llu",
			 (unsigned long long)n, (unsigned long long)own,
			 (unsigned long long)u->others);
}

int container_destroy(const struct ledger_container *c)
{
	if (c->other)
		complain_of(fusion_list_destroy(c->other), "destroy");
	if (c->kind == CONTAINER_HASH)
		return fusion_hash_destroy(c->handle);
	if (c->kind == CONTAINER_VECTOR)
		return fusion_vector_destroy(c->handle);
	return fusion_list_destroy(c->handle);
}

/* Killed while it was being destroyed.  true: there is none any more. */
static bool is_ended(const struct user *u)
{
	const struct container *c = u->c->handle;

	if (!heap_is_allocated(&u->arena->view, c))
		return true;
	if (c->state == CONTAINER_ALIVE)
		return false;
	complain_of(container_destroy(u->c), "finishing to destroy");
	return true;
}

static void find(const struct user *u, struct ledger_content *ret)
{
	const struct ledger_container *c = u->c;

	user_read(u, ret);
	if (c->change != CLAIM_PRESENT && content_is_same(ret, &c->before))
		ret->spare = c->before.spare;
	else if (c->change != CLAIM_ABSENT && !c->ends &&
		 content_is_same(ret, &c->after))
		ret->spare = c->after.spare;
	else
		complain("it is neither as before nor as after");
}

static void use(const struct stage *s, struct fusion_arena *a)
{
	const struct ledger_container *c = &s->ledger->container;
	struct user user = {c, a, blocks_of_others(s)}, *u = &user;
	struct ledger_content now;

	if (c->ends && c->change != CLAIM_ABSENT && is_ended(u)) {
		user_ask_blocks(u, 0);
		return;
	}
	find(u, &now);
	u->others += now.spare;
	user_use(u, &now);
	user_ask_blocks(u, container_blocks(c, &now));
	complain_of(container_destroy(c), "destroy");
	user_ask_blocks(u, 0);
}

void container_ask(const struct stage *s, void (*bad)(void *, const char *),
		   void *ctx)
{
	if (s->ledger->container.handle)
		next_user(s,
			  s->ledger->second.handle ? container_use_pair : use,
			  bad, ctx);
}
