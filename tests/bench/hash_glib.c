/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GLib's containers, in private memory; `locked`: each call with a GMutex. */
#include <glib.h>

#define BENCH_THREADS
#include "hash_load.h"

static GHashTable *ints, *strings;
static GPtrArray *vector;
static GQueue *list;
static GMutex mutex;
static bool locked;

#define LOCKED(what)                            \
	do {                                    \
		if (locked)                     \
			g_mutex_lock(&mutex);   \
		what;                           \
		if (locked)                     \
			g_mutex_unlock(&mutex); \
	} while (0)

#define WORD(value) ((void *)(uintptr_t)(value))

static void int_insert(uint64_t key, uint64_t value)
{
	LOCKED(g_hash_table_insert(ints, WORD(key), WORD(value)));
}

static bool int_find(uint64_t key)
{
	bool found;

	LOCKED(found = g_hash_table_lookup(ints, WORD(key)) != NULL);
	return found;
}

static void int_replace(uint64_t key, uint64_t value)
{
	int_insert(key, value);
}

static void int_remove(uint64_t key)
{
	LOCKED(g_hash_table_remove(ints, WORD(key)));
}

static uint64_t count_ints(void)
{
	GHashTableIter it;
	void *key, *value;
	uint64_t n = 0;

	g_hash_table_iter_init(&it, ints);
	while (g_hash_table_iter_next(&it, &key, &value))
		n++;
	return n;
}

static uint64_t int_walk(void)
{
	uint64_t n;

	LOCKED(n = count_ints());
	return n;
}

static void int_reset(void)
{
	g_hash_table_remove_all(ints);
}

static void string_insert(const char *key, uint64_t value)
{
	LOCKED(g_hash_table_insert(strings, g_strdup(key), WORD(value)));
}

static bool string_find(const char *key)
{
	bool found;

	LOCKED(found = g_hash_table_lookup(strings, key) != NULL);
	return found;
}

static void string_remove(const char *key)
{
	LOCKED(g_hash_table_remove(strings, key));
}

static void vector_add(uint64_t value)
{
	LOCKED(g_ptr_array_add(vector, WORD(value)));
}

static uint64_t vector_at(uint64_t i)
{
	uint64_t value;

	LOCKED(value = (uintptr_t)g_ptr_array_index(vector, i));
	return value;
}

static uint64_t sum_vector(void)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < vector->len; i++)
		sum += (uintptr_t)g_ptr_array_index(vector, i);
	return sum;
}

static uint64_t vector_walk(void)
{
	uint64_t sum;

	LOCKED(sum = sum_vector());
	return sum;
}

static void vector_reset(void)
{
	g_ptr_array_free(vector, true);
	vector = g_ptr_array_new();
}

static void list_add(uint64_t value)
{
	LOCKED(g_queue_push_tail(list, WORD(value)));
}

static void list_remove_first(void)
{
	LOCKED(g_queue_pop_head(list));
}

static uint64_t sum_list(void)
{
	uint64_t sum = 0;

	for (GList *l = list->head; l; l = l->next)
		sum += (uintptr_t)l->data;
	return sum;
}

static uint64_t list_walk(void)
{
	uint64_t sum;

	LOCKED(sum = sum_list());
	return sum;
}

int main(int argc, char **argv)
{
	locked = argc > 1 && !strcmp(argv[1], "locked");
	ints = g_hash_table_new(NULL, NULL);
	strings = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	vector = g_ptr_array_new();
	list = g_queue_new();
	return hash_serve();
}
