/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ours, in the arena that $BENCH_ARENA names; `locked`: with locks of their
 * own. */
#include <errno.h>
#include <stdlib.h>

#include <fusion/fusion.h>

#include "hash_load.h"
#include "tests/nameless_container.h"

static struct fusion_arena *arena;
static struct fusion_hash *ints, *strings;
static struct fusion_vector *vector;
static struct fusion_list *list;
static uint32_t flags = FUSION_CONTAINER_WORDS;

static void must(int r, const char *what)
{
	if (r < 0)
		worker_fail(what, r);
}

static void int_insert(uint64_t key, uint64_t value)
{
	must(fusion_hash_insert(ints, fusion_key_int(key),
				fusion_value_word(value)),
	     "insert");
}

static bool int_find(uint64_t key)
{
	struct fusion_value value;

	return fusion_hash_value(ints, fusion_key_int(key), &value) == 0;
}

static void int_replace(uint64_t key, uint64_t value)
{
	must(fusion_hash_replace(ints, fusion_key_int(key),
				 fusion_value_word(value), NULL),
	     "replace");
}

static void int_remove(uint64_t key)
{
	must(fusion_hash_remove(ints, fusion_key_int(key), NULL), "remove");
}

static bool has_lock(void)
{
	return flags & FUSION_CONTAINER_LOCK;
}

static uint64_t int_walk(void)
{
	struct fusion_hash_iter it;
	struct fusion_value value;
	struct fusion_key key;
	uint64_t n = 0;

	if (has_lock())
		must(fusion_hash_lock(ints), "lock");
	must(fusion_hash_iter_begin(&it, ints), "begin");
	while (fusion_hash_next(&it, &key, &value) == 1)
		n++;
	if (has_lock())
		must(fusion_hash_unlock(ints), "unlock");
	return n;
}

static void int_reset(void)
{
	if (ints)
		must(fusion_hash_destroy(ints), "destroy");
	must(hash_create(arena, FUSION_KEY_INT, flags, &ints), "hash");
}

static void string_insert(const char *key, uint64_t value)
{
	must(fusion_hash_insert(strings, fusion_key_string(key),
				fusion_value_word(value)),
	     "insert");
}

static bool string_find(const char *key)
{
	struct fusion_value value;

	return fusion_hash_value(strings, fusion_key_string(key), &value) == 0;
}

static void string_remove(const char *key)
{
	must(fusion_hash_remove(strings, fusion_key_string(key), NULL),
	     "remove");
}

static void vector_add(uint64_t value)
{
	must(fusion_vector_add(vector, fusion_value_word(value)), "add");
}

static uint64_t vector_at(uint64_t i)
{
	struct fusion_value value;

	must(fusion_vector_at(vector, i, &value), "at");
	return value.word;
}

static uint64_t vector_walk(void)
{
	uint64_t n = 0;
	struct fusion_value value;
	uint64_t sum = 0;

	must(fusion_vector_count(vector, &n), "count");
	if (has_lock())
		must(fusion_vector_lock(vector), "lock");
	for (uint64_t i = 0; i < n; i++) {
		must(fusion_vector_at(vector, i, &value), "at");
		sum += value.word;
	}
	if (has_lock())
		must(fusion_vector_unlock(vector), "unlock");
	return sum;
}

static void vector_reset(void)
{
	if (vector)
		must(fusion_vector_destroy(vector), "destroy");
	must(vector_create(arena, flags, &vector), "vector");
}

static void list_add(uint64_t value)
{
	struct fusion_list_node *node;

	must(fusion_list_insert_back(list, fusion_value_word(value), &node),
	     "insert");
}

static void list_remove_first(void)
{
	struct fusion_list_node *node;

	if (fusion_list_next(list, NULL, &node) != 1)
		worker_fail("next", -ENOENT);
	must(fusion_list_remove(list, node, NULL), "remove");
}

static uint64_t list_walk(void)
{
	struct fusion_list_node *node = NULL;
	struct fusion_value value;
	uint64_t sum = 0;

	if (has_lock())
		must(fusion_list_lock(list), "lock");
	while (fusion_list_next(list, node, &node) == 1) {
		must(fusion_list_value(list, node, &value), "value");
		sum += value.word;
	}
	if (has_lock())
		must(fusion_list_unlock(list), "unlock");
	return sum;
}

int main(int argc, char **argv)
{
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.flags = FUSION_ENTER_FORK,
	};
	const char *name = getenv("BENCH_ARENA");

	if (argc > 1 && !strcmp(argv[1], "locked"))
		flags |= FUSION_CONTAINER_LOCK;
	must(fusion_arena_enter(name ? name : "bench-hash", &options, &arena),
	     "enter");
	must(hash_create(arena, FUSION_KEY_STRING, flags, &strings), "hash");
	vector_reset();
	must(list_create(arena, flags, &list), "list");
	return hash_serve();
}
