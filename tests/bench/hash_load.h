/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The load of the containers, for C and C++; ENTRIES are in them all the time,
 * in the hash of integers as many as the argument of the row says
 *
 *   int-hit, string-hit      a lookup of what is there, at random
 *   int-miss                 of what is not
 *   int-replace              a new value
 *   int-churn, string-churn  one more, and it goes
 *   walk                     over all, for each entry
 *   vector-at                an element at random
 *   vector-add               one more at the end, of ENTRIES
 *   vector-walk              all elements by their index, for each
 *   list-churn               one more at the end, the first goes
 *   list-walk                from the first to the last, for each
 *   beside                   int-hit, while another process or thread does
 *                            int-replace all the time, each on a processor of
 *                            its own: by the clock
 *   written                  what the other one took for one of these
 *
 * A walk has the lock, if there is one, from its beginning to its end.  Who
 * includes it defines the functions that are called here, and BENCH_THREADS if
 * the other one is to be a thread.
 */
#ifndef BENCH_HASH_LOAD_H
#define BENCH_HASH_LOAD_H

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker.h"

#define ENTRIES 100000u
#define KEY_SIZE 24

static void int_insert(uint64_t key, uint64_t value);
static bool int_find(uint64_t key);
static void int_replace(uint64_t key, uint64_t value);
static void int_remove(uint64_t key);
static uint64_t int_walk(void); /* entries */
static void int_reset(void);
static void string_insert(const char *key, uint64_t value);
static bool string_find(const char *key);
static void string_remove(const char *key);
static void vector_add(uint64_t value);
static uint64_t vector_at(uint64_t i);
static uint64_t vector_walk(void); /* the sum of all */
static void vector_reset(void);
static void list_add(uint64_t value);
static void list_remove_first(void);
static uint64_t list_walk(void); /* the sum of all */

static uint64_t n_ints;
static char (*names)[KEY_SIZE];
static uint64_t state = 88172645463325252ull;

/* xorshift64: Marsaglia, Xorshift RNGs, 2003. */
static inline uint64_t random_word(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static inline uint64_t random_entry(uint64_t n)
{
	return (random_word() >> 32) * n >> 32;
}

/* Not in a row, as ids and pointers are not. */
static inline uint64_t int_key(uint64_t i)
{
	return i * 0x9e3779b97f4a7c15ull >> 20;
}

static inline void fill_ints(const char *arg)
{
	uint64_t n = arg[0] ? strtoull(arg, NULL, 10) : ENTRIES;

	if (n == n_ints)
		return;
	int_reset();
	for (uint64_t i = 0; i < n; i++)
		int_insert(int_key(i), i + 1);
	n_ints = n;
}

#define ROW_OF(name, body)                                                 \
	static int run_##name(uint64_t n, const char *arg, double *ret_ns) \
	{                                                                  \
		double start;                                              \
                                                                           \
		fill_ints(arg);                                            \
		start = cpu_ns();                                          \
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

ROW_OF(int_hit, want(int_find(int_key(random_entry(n_ints))), true, "a hit"))
ROW_OF(int_miss,
       want(int_find(int_key(n_ints + random_entry(n_ints))), false, "a miss"))
ROW_OF(int_replace, int_replace(int_key(random_entry(n_ints)), i + 1))
ROW_OF(int_churn, {
	uint64_t key = int_key(n_ints + random_entry(n_ints));

	int_insert(key, i + 1);
	int_remove(key);
})
ROW_OF(string_hit,
       want(string_find(names[random_entry(ENTRIES)]), true, "a hit"))
ROW_OF(string_churn, {
	const char *key = names[ENTRIES + random_entry(ENTRIES)];

	string_insert(key, i + 1);
	string_remove(key);
})
ROW_OF(vector_at,
       want(vector_at(random_entry(ENTRIES)) != 0, true, "an element"))
ROW_OF(list_churn, {
	list_add(i + 1);
	list_remove_first();
})

static int run_walk(uint64_t n, const char *arg, double *ret_ns)
{
	uint64_t all = 0;
	double start;

	fill_ints(arg);
	start = cpu_ns();
	do
		all += int_walk();
	while (all < n);
	*ret_ns = (cpu_ns() - start) / (double)all;
	return 0;
}

static double walk_of(uint64_t n, uint64_t (*walk)(void))
{
	double start = cpu_ns();
	uint64_t all = 0;

	do {
		want(walk() != 0, true, "a walk");
		all += ENTRIES;
	} while (all < n);
	return (cpu_ns() - start) / (double)all;
}

static int run_vector_walk(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	*ret_ns = walk_of(n, vector_walk);
	return 0;
}

static int run_list_walk(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	*ret_ns = walk_of(n, list_walk);
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

/* --- Two of them -----------------------------------------------------------
 */

struct other {
	uint32_t ready, stop; /* atomic */
	uint64_t written;
	double ns;
};

static struct other *other; /* shared with it */

static void *write_all_the_time(void *unused)
{
	uint64_t seed = state ^ 0x5555, n = 0;
	double start;

	worker_pin(1);
	__atomic_store_n(&other->ready, 1, __ATOMIC_RELEASE);
	start = wall_ns();
	while (!__atomic_load_n(&other->stop, __ATOMIC_ACQUIRE)) {
		seed ^= seed << 13;
		seed ^= seed >> 7;
		seed ^= seed << 17;
		int_replace(int_key((seed >> 32) * n_ints >> 32), ++n);
	}
	other->ns = wall_ns() - start;
	other->written = n;
	return unused;
}

#ifdef BENCH_THREADS
static pthread_t writer;

static void writer_start(void)
{
	int r = pthread_create(&writer, NULL, write_all_the_time, NULL);

	if (r)
		worker_fail("a thread", r);
}

static void writer_join(void)
{
	pthread_join(writer, NULL);
}
#else
static pid_t writer;

static void writer_start(void)
{
	writer = fork();
	if (writer < 0)
		worker_fail("fork", errno);
	if (writer)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	write_all_the_time(NULL);
	_exit(0);
}

static void writer_join(void)
{
	int status;

	if (waitpid(writer, &status, 0) != writer || status)
		worker_fail("the writer", ECHILD);
}
#endif

static void wait_for_writer(void)
{
	double start = wall_ns();

	while (!__atomic_load_n(&other->ready, __ATOMIC_ACQUIRE)) {
		usleep(100);
		if (wall_ns() - start > 10e9)
			worker_fail("the writer", ETIMEDOUT);
	}
}

static int run_beside(uint64_t n, const char *arg, double *ret_ns)
{
	double start;

	fill_ints(arg);
	memset(other, 0, sizeof(*other));
	worker_first(true);
	writer_start();
	wait_for_writer();
	start = wall_ns();
	for (uint64_t i = 0; i < n; i++)
		want(int_find(int_key(random_entry(n_ints))), true, "a hit");
	*ret_ns = (wall_ns() - start) / (double)n;
	__atomic_store_n(&other->stop, 1, __ATOMIC_RELEASE);
	writer_join();
	worker_first(false);
	return 0;
}

static int run_written(uint64_t n, const char *arg, double *ret_ns)
{
	(void)n;
	(void)arg;
	*ret_ns = other->written ? other->ns / (double)other->written : 0;
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
		{"vector-walk", run_vector_walk},
		{"list-churn", run_list_churn},
		{"list-walk", run_list_walk},
		{"beside", run_beside},
		{"written", run_written},
		{NULL, NULL},
	};

	void *shared = mmap(NULL, sizeof(*other), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		worker_fail("mmap", errno);
	other = (struct other *)shared;
	names = (char(*)[KEY_SIZE])malloc(2ul * ENTRIES * KEY_SIZE);
	if (!names)
		worker_fail("names", ENOMEM);
	for (unsigned i = 0; i < 2 * ENTRIES; i++)
		snprintf(names[i], KEY_SIZE, "surface-%08x", i * 2654435761u);
	for (uint64_t i = 0; i < ENTRIES; i++) {
		string_insert(names[i], i + 1);
		vector_add(i + 1);
		list_add(i + 1);
	}
	worker_pin(0);
	return worker_serve(rows);
}

#endif
