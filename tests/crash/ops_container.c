/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hashes, vectors and lists
 *
 * What a row prepares is `before`, and what it does makes `after` of it: the
 * helpers below do both to the container and to the ledger.
 */
#include <errno.h>
#include <string.h>

#include "libfusion/containers/hash.h"
#include "libfusion/containers/list.h"
#include "libfusion/containers/vector.h"
#include "tests/crash/container.h"
#include "tests/crash/ops.h"
#include "tests/nameless_container.h"

#define WORDS FUSION_CONTAINER_WORDS

static struct ledger_container *ledger_of(const struct cast *c)
{
	return &c->ledger->container;
}

static void must(int r, const char *what)
{
	if (r < 0)
		die("%s: %s", what, strerror(-r));
}

/* All that was prepared. */
static void prepared(const struct cast *c)
{
	ledger_of(c)->before = ledger_of(c)->after;
}

/* Around what may be half done. */
static void begin(const struct cast *c)
{
	ledger_claim(&ledger_of(c)->change, CLAIM_CHANGING);
}

static void end(const struct cast *c)
{
	ledger_claim(&ledger_of(c)->change, CLAIM_PRESENT);
}

/* --- Hash ------------------------------------------------------------------
 */

static struct fusion_hash *hash_of(const struct cast *c)
{
	return ledger_of(c)->handle;
}

static void make_hash(struct cast *c, uint32_t keys, uint32_t flags)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_hash *h;

	must(hash_create(c->arena, keys, flags, &h), "hash");
	/* The same places each time. */
	h->seed = 1;
	*l = (struct ledger_container){
		.kind = CONTAINER_HASH,
		.keys = keys,
		.owns = flags & FUSION_CONTAINER_BYTES	    ? OWNS_BYTES
			: flags & FUSION_CONTAINER_AUTOFREE ? OWNS_BLOCKS
							    : OWNS_NONE,
		.after = {.n = LEDGER_VALUES},
	};
	l->handle = h;
}

static void put(struct cast *c, uint32_t i, uint64_t word)
{
	struct ledger_container *l = ledger_of(c);

	must(container_put(c->arena, l, i, word), "put");
	l->after.value[i] = word;
}

static void put_some(struct cast *c, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		put(c, i, 100 + i);
	prepared(c);
}

static void an_empty_hash(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, WORDS);
	prepared(c);
}

static void strings(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, WORDS);
	put_some(c, 3);
}

static void byte_keys(struct cast *c)
{
	make_hash(c, FUSION_KEY_BYTES, WORDS);
	put_some(c, 3);
}

static void strings_locked(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, WORDS | FUSION_CONTAINER_LOCK);
	put_some(c, 3);
}

static void ints(struct cast *c)
{
	make_hash(c, FUSION_KEY_INT, WORDS);
	put_some(c, 3);
}

static void owned(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, FUSION_CONTAINER_AUTOFREE);
	put_some(c, 3);
}

static void bytes(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, FUSION_CONTAINER_BYTES);
	put_some(c, 3);
}

static void bytes_locked(struct cast *c)
{
	make_hash(c, FUSION_KEY_INT,
		  FUSION_CONTAINER_BYTES | FUSION_CONTAINER_LOCK);
	put_some(c, 3);
}

static void bytes_full(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, FUSION_CONTAINER_BYTES);
	put_some(c, 7);
}

/* The next one moves it. */
static void a_full_table(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, WORDS);
	put_some(c, 7);
}

/* The same, when one goes. */
static void a_large_table(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, WORDS);
	must(fusion_hash_reserve(hash_of(c), 56), "reserve");
	put_some(c, 8);
}

/* A new key finds a place that was another's. */
static void with_gaps(struct cast *c)
{
	make_hash(c, FUSION_KEY_STRING, WORDS);
	put_some(c, 6);
	for (uint32_t i = 1; i < 6; i++) {
		must(fusion_hash_remove(hash_of(c),
					container_key(FUSION_KEY_STRING, i),
					NULL),
		     "remove");
		ledger_of(c)->after.value[i] = 0;
	}
	prepared(c);
}

static void hash_put(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_value value;

	l->after.value[20] = 7;
	begin(c);
	value.word = 7;
	must(fusion_hash_insert(hash_of(c), container_key(l->keys, 20), value),
	     "insert");
	end(c);
}

/* Its block is the victim's before. */
static void hash_put_owned(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_value value = fusion_value_pointer(c->p[0]);

	begin(c);
	must(fusion_hash_insert(hash_of(c), container_key(l->keys, 20), value),
	     "insert");
	end(c);
}

static void owned_and_one(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);

	owned(c);
	c->p[0] = fusion_value_get_pointer(container_value(c->arena, 1, 7));
	l->before.spare = 1;
	l->after.value[20] = 7;
}

static void owned_and_another(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);

	owned(c);
	c->p[0] = fusion_value_get_pointer(container_value(c->arena, 1, 7));
	l->before.spare = 1;
	l->after.value[1] = 7;
}

static void hash_swap_owned(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_value value = fusion_value_pointer(c->p[0]);

	begin(c);
	must(fusion_hash_replace(hash_of(c), container_key(l->keys, 1), value,
				 NULL),
	     "replace");
	end(c);
}

static void put_bytes(struct cast *c, uint32_t i)
{
	ledger_of(c)->after.value[i] = 7;
	begin(c);
	must(container_put(c->arena, ledger_of(c), i, 7), "put bytes");
	end(c);
}

static void hash_put_bytes(struct cast *c)
{
	put_bytes(c, 20);
}

static void hash_swap_bytes(struct cast *c)
{
	put_bytes(c, 1);
}

static void hash_swap(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_value value = {.word = 8}, old;

	l->after.value[1] = 8;
	begin(c);
	must(fusion_hash_replace(hash_of(c), container_key(l->keys, 1), value,
				 &old),
	     "replace");
	end(c);
}

static void hash_drop(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);

	l->after.value[1] = 0;
	begin(c);
	must(fusion_hash_remove(hash_of(c), container_key(l->keys, 1), NULL),
	     "remove");
	end(c);
}

static void hash_drop_walking(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_hash_iter it;
	struct fusion_value value;

	must(fusion_hash_iter_begin(&it, hash_of(c)), "begin");
	must(fusion_hash_next(&it, NULL, &value), "next");
	l->after.value[value.word - 100] = 0;
	begin(c);
	must(fusion_hash_iter_remove(&it, NULL), "remove");
	end(c);
}

static void hash_reserve(struct cast *c)
{
	begin(c);
	must(fusion_hash_reserve(hash_of(c), 12), "reserve");
	end(c);
}

static void hash_shrink(struct cast *c)
{
	begin(c);
	must(fusion_hash_shrink(hash_of(c)), "shrink");
	end(c);
}

static void hash_end(struct cast *c)
{
	ledger_of(c)->ends = 1;
	begin(c);
	must(fusion_hash_destroy(hash_of(c)), "destroy");
	end(c);
}

/* The same, with a name. */
static void named(struct cast *c)
{
	struct ledger_container *l = ledger_of(c);
	const struct fusion_hash_options options = {
		sizeof(options), FUSION_KEY_STRING,
		WORDS | FUSION_CONTAINER_LOCK};
	struct fusion_hash *h;

	must(fusion_hash_create(c->arena, "name", &options, &h), "hash");
	h->seed = 1;
	*l = (struct ledger_container){
		.kind = CONTAINER_HASH,
		.keys = FUSION_KEY_STRING,
		.after = {.n = LEDGER_VALUES},
	};
	l->handle = h;
	put_some(c, 3);
}

static void hash_new_named(struct cast *c)
{
	struct fusion_hash *h;

	must(fusion_hash_create(c->arena, "new", NULL, &h), "create");
	ledger_keep(&c->ledger->live, h);
}

static void list_open_new(struct cast *c)
{
	struct fusion_list *l;

	must(fusion_list_open(c->arena, "new", NULL, &l), "open");
	ledger_keep(&c->ledger->live, l);
}

/* Nobody knows it but the victim. */
static void hash_new(struct cast *c)
{
	struct fusion_hash *h;

	must(hash_create(c->arena, FUSION_KEY_INT, WORDS, &h), "create");
	ledger_keep(&c->ledger->live, h);
}

/* --- Vector ----------------------------------------------------------------
 */

static struct fusion_vector *vector_of(const struct cast *c)
{
	return ledger_of(c)->handle;
}

static void make_row(struct cast *c, uint32_t n, uint32_t flags)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_vector *v;

	must(vector_create(c->arena, WORDS | flags, &v), "vector");
	*l = (struct ledger_container){.kind = CONTAINER_VECTOR};
	l->handle = v;
	for (uint32_t i = 0; i < n; i++) {
		must(fusion_vector_add(v, fusion_value_word(100 + i)), "add");
		l->after.value[l->after.n++] = 100 + i;
	}
	prepared(c);
}

static void an_empty_row(struct cast *c)
{
	make_row(c, 0, 0);
}

static void a_row(struct cast *c)
{
	make_row(c, 5, 0);
}

static void a_row_locked(struct cast *c)
{
	make_row(c, 5, FUSION_CONTAINER_LOCK);
}

static void a_full_row(struct cast *c)
{
	make_row(c, 12, 0);
}

static void row_with_room(struct cast *c)
{
	make_row(c, 13, 0);
	must(fusion_vector_remove(vector_of(c), 12, NULL), "remove");
	ledger_of(c)->after.n--;
	prepared(c);
}

static void expect_insert(struct cast *c, uint32_t at, uint64_t word)
{
	struct ledger_content *l = &ledger_of(c)->after;

	memmove(l->value + at + 1, l->value + at,
		(l->n++ - at) * sizeof(l->value[0]));
	l->value[at] = word;
}

static void expect_remove(struct cast *c, uint32_t at)
{
	struct ledger_content *l = &ledger_of(c)->after;

	memmove(l->value + at, l->value + at + 1,
		(--l->n - at) * sizeof(l->value[0]));
}

static void insert_at(struct cast *c, uint32_t at)
{
	expect_insert(c, at, 7);
	begin(c);
	must(fusion_vector_insert(vector_of(c), at, fusion_value_word(7)),
	     "insert");
	end(c);
}

static void remove_at(struct cast *c, uint32_t at)
{
	expect_remove(c, at);
	begin(c);
	must(fusion_vector_remove(vector_of(c), at, NULL), "remove");
	end(c);
}

static void row_add(struct cast *c)
{
	insert_at(c, ledger_of(c)->after.n);
}

static void row_insert_first(struct cast *c)
{
	insert_at(c, 0);
}

static void row_insert_second(struct cast *c)
{
	insert_at(c, 1);
}

static void row_remove_first(struct cast *c)
{
	remove_at(c, 0);
}

static void row_remove_second(struct cast *c)
{
	remove_at(c, 1);
}

static void row_remove_last(struct cast *c)
{
	remove_at(c, ledger_of(c)->after.n - 1);
}

static void row_move(struct cast *c)
{
	expect_remove(c, 1);
	expect_insert(c, 3, 101);
	begin(c);
	must(fusion_vector_move(vector_of(c), 1, 3), "move");
	end(c);
}

static void row_set(struct cast *c)
{
	ledger_of(c)->after.value[2] = 7;
	begin(c);
	must(fusion_vector_set(vector_of(c), 2, fusion_value_word(7), NULL),
	     "set");
	end(c);
}

static void row_shrink(struct cast *c)
{
	begin(c);
	must(fusion_vector_shrink(vector_of(c)), "shrink");
	end(c);
}

static void row_end(struct cast *c)
{
	ledger_of(c)->ends = 1;
	begin(c);
	must(fusion_vector_destroy(vector_of(c)), "destroy");
	end(c);
}

/* --- List ------------------------------------------------------------------
 */

static struct fusion_list *list_of(const struct cast *c)
{
	return ledger_of(c)->handle;
}

static void make_list(struct cast *c, uint32_t n, uint32_t flags)
{
	struct ledger_container *l = ledger_of(c);
	struct fusion_list_node *x;
	struct fusion_list *list;

	if (!(flags & FUSION_CONTAINER_BYTES))
		flags |= WORDS;
	must(list_create(c->arena, flags, &list), "list");
	*l = (struct ledger_container){
		.kind = CONTAINER_LIST,
		.owns = flags & FUSION_CONTAINER_BYTES ? OWNS_BYTES : OWNS_NONE,
	};
	l->handle = list;
	for (uint32_t i = 0; i < n; i++) {
		must(container_insert(c->arena, l, list, 100 + i, &x), "back");
		c->p[i] = x;
		l->after.value[l->after.n++] = 100 + i;
	}
	prepared(c);
}

static void an_empty_list(struct cast *c)
{
	make_list(c, 0, 0);
}

static void a_list_of_one(struct cast *c)
{
	make_list(c, 1, 0);
}

static void a_list(struct cast *c)
{
	make_list(c, 3, 0);
}

static void a_list_locked(struct cast *c)
{
	make_list(c, 3, FUSION_CONTAINER_LOCK);
}

static void a_list_of_bytes(struct cast *c)
{
	make_list(c, 3, FUSION_CONTAINER_BYTES);
}

/* A list that was the other one of a move, so that its slot is not empty. */
static void bytes_locked_moved(struct cast *c)
{
	struct fusion_list *other;

	make_list(c, 3, FUSION_CONTAINER_BYTES | FUSION_CONTAINER_LOCK);
	must(list_create(c->arena, FUSION_CONTAINER_BYTES, &other), "other");
	must(fusion_list_move(list_of(c), c->p[1], other, NULL, NULL) - 1,
	     "move");
	must(fusion_list_move(other, c->p[1], list_of(c), c->p[2], NULL) - 1,
	     "move back");
	must(fusion_list_destroy(other), "destroy");
	prepared(c);
}

static void list_back_bytes(struct cast *c)
{
	expect_insert(c, ledger_of(c)->after.n, 7);
	begin(c);
	must(container_insert(c->arena, ledger_of(c), list_of(c), 7, NULL),
	     "bytes");
	end(c);
}

static void list_before_bytes(struct cast *c)
{
	const uint64_t word = 7;

	expect_insert(c, 1, word);
	begin(c);
	must(fusion_list_insert_bytes(list_of(c), c->p[1], &word, sizeof(word),
				      NULL),
	     "bytes");
	end(c);
}

static void list_front(struct cast *c)
{
	expect_insert(c, 0, 7);
	begin(c);
	must(fusion_list_insert_front(list_of(c), fusion_value_word(7), NULL),
	     "front");
	end(c);
}

static void list_back(struct cast *c)
{
	expect_insert(c, ledger_of(c)->after.n, 7);
	begin(c);
	must(fusion_list_insert_back(list_of(c), fusion_value_word(7), NULL),
	     "back");
	end(c);
}

static void list_before(struct cast *c)
{
	expect_insert(c, 1, 7);
	begin(c);
	must(fusion_list_insert_before(list_of(c), c->p[1],
				       fusion_value_word(7), NULL),
	     "before");
	end(c);
}

static void list_drop(struct cast *c, uint32_t i)
{
	expect_remove(c, i);
	begin(c);
	must(fusion_list_remove(list_of(c), c->p[i], NULL), "remove");
	end(c);
}

static void list_drop_first(struct cast *c)
{
	list_drop(c, 0);
}

static void list_drop_second(struct cast *c)
{
	list_drop(c, 1);
}

static void list_set(struct cast *c)
{
	ledger_of(c)->after.value[1] = 7;
	begin(c);
	must(fusion_list_set(list_of(c), c->p[1], fusion_value_word(7), NULL),
	     "set");
	end(c);
}

static void list_end(struct cast *c)
{
	ledger_of(c)->ends = 1;
	begin(c);
	must(fusion_list_destroy(list_of(c)), "destroy");
	end(c);
}

/* --- Two lists -------------------------------------------------------------
 */

/* p[2] has the values 100 and on, p[3] has 200 and on.  The node p[0] of the
 * first can go before the node p[1] of the other. */
static void make_lists(struct cast *c, uint32_t n, uint32_t n_to,
		       uint32_t flags)
{
	struct fusion_list *list[2];
	struct fusion_list_node *x;

	for (uint32_t k = 0; k < 2; k++) {
		must(list_create(c->arena, WORDS | flags, &list[k]), "list");
		for (uint32_t i = 0; i < (k ? n_to : n); i++) {
			must(fusion_list_insert_back(
				     list[k],
				     fusion_value_word(100 + 100 * k + i), &x),
			     "back");
			if (i == 1 || (k ? n_to : n) == 1)
				c->p[k] = x;
		}
		c->p[2 + k] = list[k];
	}
}

static uint32_t fill(uint64_t *value, uint32_t n, uint64_t first)
{
	for (uint32_t i = 0; i < n; i++)
		value[i] = first + i;
	return n;
}

/* The two are in the ledger in this order, or the other way round, in which the
 * next user changes the list that the node comes from last. */
static void know_lists(struct cast *c, uint32_t n, uint32_t n_to, bool to_first)
{
	struct ledger_container *l = ledger_of(c);
	struct ledger_content *v = &l->after;

	*l = (struct ledger_container){.kind = CONTAINER_LIST};
	l->handle = c->p[to_first ? 3 : 2];
	l->other = c->p[to_first ? 2 : 3];
	v->n = to_first ? fill(v->value, n_to, 200) : fill(v->value, n, 100);
	v->value[v->n++] = LEDGER_NEXT_LIST;
	v->n += to_first ? fill(v->value + v->n, n, 100)
			 : fill(v->value + v->n, n_to, 200);
	prepared(c);
}

static void two_lists(struct cast *c)
{
	make_lists(c, 3, 3, 0);
	know_lists(c, 3, 3, false);
}

static void two_lists_other(struct cast *c)
{
	make_lists(c, 3, 3, 0);
	know_lists(c, 3, 3, true);
}

static void two_lists_locked(struct cast *c)
{
	make_lists(c, 3, 3, FUSION_CONTAINER_LOCK);
	know_lists(c, 3, 3, false);
}

static void two_lists_locked_other(struct cast *c)
{
	make_lists(c, 3, 3, FUSION_CONTAINER_LOCK);
	know_lists(c, 3, 3, true);
}

static void one_and_none(struct cast *c)
{
	make_lists(c, 1, 0, FUSION_CONTAINER_LOCK);
	know_lists(c, 1, 0, true);
}

static void move(struct cast *c, void *node, void *before)
{
	begin(c);
	must(fusion_list_move(c->p[2], node, c->p[3], before, NULL), "move");
	end(c);
}

/* 101 goes before 201. */
static void list_move(struct cast *c)
{
	expect_remove(c, 1);
	expect_insert(c, 4, 101);
	move(c, c->p[0], c->p[1]);
}

static void list_move_other(struct cast *c)
{
	expect_remove(c, 5);
	expect_insert(c, 1, 101);
	move(c, c->p[0], c->p[1]);
}

/* The first to the back. */
static void list_move_job(struct cast *c)
{
	expect_remove(c, 0);
	expect_insert(c, ledger_of(c)->after.n, 100);
	move(c, NULL, NULL);
}

static void list_move_only(struct cast *c)
{
	expect_remove(c, 1);
	expect_insert(c, 0, 100);
	move(c, NULL, NULL);
}

/* clang-format off */
const struct op container_ops[] = {
	{ "hash-create",	  PART_MEMBER, NULL,		  hash_new, 1 },
	{ "hash-create-named",	  PART_MEMBER, NULL,		  hash_new_named, 1 },
	{ "list-open-new",	  PART_MEMBER, NULL,		  list_open_new, 1 },
	{ "hash-destroy-named",	  PART_MEMBER, named,		  hash_end, 0 },
	{ "hash-insert-first",	  PART_MEMBER, an_empty_hash,	  hash_put, 0 },
	{ "hash-insert-string",	  PART_MEMBER, strings,		  hash_put, 0 },
	{ "hash-insert-bytes",	  PART_MEMBER, byte_keys,	  hash_put, 0 },
	{ "hash-insert-int",	  PART_MEMBER, ints,		  hash_put, 0 },
	{ "hash-insert-gap",	  PART_MEMBER, with_gaps,	  hash_put, 0 },
	{ "hash-insert-owned",	  PART_MEMBER, owned_and_one,	  hash_put_owned, 0 },
	{ "hash-insert-locked",	  PART_MEMBER, strings_locked,	  hash_put, 0 },
	{ "hash-grow",		  PART_MEMBER, a_full_table,	  hash_put, 0 },
	{ "hash-replace",	  PART_MEMBER, strings,		  hash_swap, 0 },
	{ "hash-replace-owned",	  PART_MEMBER, owned_and_another, hash_swap_owned, 0 },
	{ "hash-put-bytes",	  PART_MEMBER, bytes,		  hash_put_bytes, 0 },
	{ "hash-put-bytes-grow",  PART_MEMBER, bytes_full,	  hash_put_bytes, 0 },
	{ "hash-put-bytes-lock",  PART_MEMBER, bytes_locked,	  hash_put_bytes, 0 },
	{ "hash-swap-bytes",	  PART_MEMBER, bytes,		  hash_swap_bytes, 0 },
	{ "hash-swap-bytes-lock", PART_MEMBER, bytes_locked,	  hash_swap_bytes, 0 },
	{ "hash-remove-bytes",	  PART_MEMBER, bytes,		  hash_drop, 0 },
	{ "hash-remove",	  PART_MEMBER, strings,		  hash_drop, 0 },
	{ "hash-remove-int",	  PART_MEMBER, ints,		  hash_drop, 0 },
	{ "hash-remove-owned",	  PART_MEMBER, owned,		  hash_drop, 0 },
	{ "hash-remove-locked",	  PART_MEMBER, strings_locked,	  hash_drop, 0 },
	{ "hash-remove-walking",  PART_MEMBER, strings,		  hash_drop_walking, 0 },
	{ "hash-shrink",	  PART_MEMBER, a_large_table,	  hash_drop, 0 },
	{ "hash-reserve",	  PART_MEMBER, strings,		  hash_reserve, 0 },
	{ "hash-shrink-asked",	  PART_MEMBER, a_large_table,	  hash_shrink, 0 },
	{ "hash-destroy",	  PART_MEMBER, owned,		  hash_end, 0 },
	{ "hash-destroy-locked",  PART_MEMBER, strings_locked,	  hash_end, 0 },
	{ "vector-add",		  PART_MEMBER, a_row,		  row_add, 0 },
	{ "vector-add-first",	  PART_MEMBER, an_empty_row,	  row_add, 0 },
	{ "vector-add-locked",	  PART_MEMBER, a_row_locked,	  row_add, 0 },
	{ "vector-grow",	  PART_MEMBER, a_full_row,	  row_add, 0 },
	{ "vector-insert-first",  PART_MEMBER, a_row,		  row_insert_first, 0 },
	{ "vector-insert-second", PART_MEMBER, a_row,		  row_insert_second, 0 },
	{ "vector-insert-full",	  PART_MEMBER, a_full_row,	  row_insert_second, 0 },
	{ "vector-remove-first",  PART_MEMBER, a_row,		  row_remove_first, 0 },
	{ "vector-remove-second", PART_MEMBER, a_row,		  row_remove_second, 0 },
	{ "vector-remove-last",	  PART_MEMBER, a_row,		  row_remove_last, 0 },
	{ "vector-move",	  PART_MEMBER, a_row,		  row_move, 0 },
	{ "vector-set",		  PART_MEMBER, a_row,		  row_set, 0 },
	{ "vector-shrink",	  PART_MEMBER, row_with_room,	  row_shrink, 0 },
	{ "vector-destroy",	  PART_MEMBER, a_row_locked,	  row_end, 0 },
	{ "list-insert-only",	  PART_MEMBER, an_empty_list,	  list_front, 0 },
	{ "list-insert-front",	  PART_MEMBER, a_list,		  list_front, 0 },
	{ "list-insert-back",	  PART_MEMBER, a_list,		  list_back, 0 },
	{ "list-insert-before",	  PART_MEMBER, a_list,		  list_before, 0 },
	{ "list-insert-locked",	  PART_MEMBER, a_list_locked,	  list_back, 0 },
	{ "list-remove-only",	  PART_MEMBER, a_list_of_one,	  list_drop_first, 0 },
	{ "list-remove-first",	  PART_MEMBER, a_list,		  list_drop_first, 0 },
	{ "list-remove-second",	  PART_MEMBER, a_list,		  list_drop_second, 0 },
	{ "list-remove-locked",	  PART_MEMBER, a_list_locked,	  list_drop_second, 0 },
	{ "list-insert-bytes",	  PART_MEMBER, a_list_of_bytes,	  list_back_bytes, 0 },
	{ "list-insert-bytes-lock", PART_MEMBER, bytes_locked_moved, list_before_bytes, 0 },
	{ "list-remove-bytes",	  PART_MEMBER, a_list_of_bytes,	  list_drop_second, 0 },
	{ "list-destroy-bytes",	  PART_MEMBER, bytes_locked_moved, list_end, 0 },
	{ "list-set",		  PART_MEMBER, a_list,		  list_set, 0 },
	{ "list-move",		  PART_MEMBER, two_lists,	  list_move, 0 },
	{ "list-move-other",	  PART_MEMBER, two_lists_other,	  list_move_other, 0 },
	{ "list-move-locked",	  PART_MEMBER, two_lists_locked,  list_move, 0 },
	{ "list-move-locked-other", PART_MEMBER, two_lists_locked_other, list_move_other, 0 },
	{ "list-move-job",	  PART_MEMBER, two_lists,	  list_move_job, 0 },
	{ "list-move-only",	  PART_MEMBER, one_and_none,	  list_move_only, 0 },
	{ "list-destroy",	  PART_MEMBER, a_list_locked,	  list_end, 0 },
};
/* clang-format on */

const unsigned n_container_ops = N_OPS(container_ops);
