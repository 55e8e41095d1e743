/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of the containers, for C and C++; ENTRIES are in them all the time
 *
 *   int-hit, string-hit      a lookup of what is there, at random
 *   int-miss                 of what is not
 *   int-replace              a new value
 *   int-churn, string-churn  one more, and it goes
 *   walk                     over all, for each entry
 *   vector-at                an element at random
 *   vector-add               one more at the end, of ENTRIES
 *   list-churn               one more at the end, the first goes
 *
 * Who includes it defines the functions that are called here.
 */
#ifndef BENCH_HASH_LOAD_H
#define BENCH_HASH_LOAD_H

#include "worker.h"

#define ENTRIES 100000u
#define KEY_SIZE 24

static void int_insert(uint64_t key, uint64_t value);
static bool int_find(uint64_t key);
static void int_replace(uint64_t key, uint64_t value);
static void int_remove(uint64_t key);
static uint64_t int_walk(void); /* entries */
static void string_insert(const char *key, uint64_t value);
static bool string_find(const char *key);
static void string_remove(const char *key);
static void vector_add(uint64_t value);
static uint64_t vector_at(uint64_t i);
static void vector_reset(void);
static void list_add(uint64_t value);
static void list_remove_first(void);

static char (*names)[KEY_SIZE];
static uint64_t state = 88172645463325252ull;

/* xorshift64: Marsaglia, Xorshift RNGs, 2003. */
static inline uint64_t random_word(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static inline uint64_t random_entry(void)
{
	return random_word() % ENTRIES;
}

/* Not in a row, as ids and pointers are not. */
static inline uint64_t int_key(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15ull >> 20;
}

#define ROW_OF(name, body)                                                 \
	static int run_##name(uint64_t n, const char *arg, double *ret_ns) \
	{                                                                  \
		double start = cpu_ns();                                   \
                                                                           \
		(void)arg;                                                 \
		for (uint64_t i = 0; i < n; i++) {                         \
			body;                                              \
		}                                                          \
		*ret_ns = (cpu_ns() - start) / (double)n;                  \
		return 0;                                                  \
	}

static inline void want(bool is, bool wanted, const char *what)
{
	if (is != wanted)
		worker_fail(what, EINVAL);
}

ROW_OF(int_hit, want(int_find(int_key(random_entry())), true, "a hit"))
ROW_OF(int_miss,
       want(int_find(int_key(ENTRIES + random_entry())), false, "a miss"))
ROW_OF(int_replace, int_replace(int_key(random_entry()), i + 1))
ROW_OF(int_churn, {
	uint64_t key = int_key(ENTRIES + random_entry());

	int_insert(key, i + 1);
	int_remove(key);
})
ROW_OF(string_hit, want(string_find(names[random_entry()]), true, "a hit"))
ROW_OF(string_churn, {
	const char *key = names[ENTRIES + random_entry()];

	string_insert(key, i + 1);
	string_remove(key);
})
ROW_OF(vector_at, want(vector_at(random_entry()) != 0, true, "an element"))
ROW_OF(list_churn, {
	list_add(i + 1);
	list_remove_first();
})

static int run_walk(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();
	uint64_t all = 0;

	(void)arg;
	do
		all += int_walk();
	while (all < n);
	*ret_ns = (cpu_ns() - start) / (double)all;
	return 0;
}

static int run_vector_add(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		if (i % ENTRIES == 0)
			vector_reset();
		vector_add(i + 1);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	vector_reset();
	for (uint64_t i = 0; i < ENTRIES; i++)
		vector_add(i + 1);
	return 0;
}

static int hash_serve(void)
{
	static const struct worker_row rows[] = {
		{"int-hit", run_int_hit},
		{"int-miss", run_int_miss},
		{"int-replace", run_int_replace},
		{"int-churn", run_int_churn},
		{"string-hit", run_string_hit},
		{"string-churn", run_string_churn},
		{"walk", run_walk},
		{"vector-at", run_vector_at},
		{"vector-add", run_vector_add},
		{"list-churn", run_list_churn},
		{NULL, NULL},
	};

	names = (char(*)[KEY_SIZE])malloc(2ul * ENTRIES * KEY_SIZE);
	if (!names)
		worker_fail("names", ENOMEM);
	for (unsigned i = 0; i < 2 * ENTRIES; i++)
		snprintf(names[i], KEY_SIZE, "surface-%08x", i * 2654435761u);
	for (uint64_t i = 0; i < ENTRIES; i++) {
		int_insert(int_key(i), i + 1);
		string_insert(names[i], i + 1);
		vector_add(i + 1);
		list_add(i + 1);
	}
	worker_pin(0);
	return worker_serve(rows);
}

#endif
