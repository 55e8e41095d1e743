/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects, in two arenas whose names begin with $BENCH_ARENA: one has a
 * thousand of them, the other $BENCH_OBJECTS
 *
 * Rows:
 *
 *   few, many       lookup by id, of any of them
 *   get             the same among many, with a reference, and that given back
 *   absent          lookup among many, of one that is not there
 *   make            create and destroy one, among many
 */
#include <fusion/fusion.h>

#include "worker.h"

#define FEW 1000

struct crowd {
	struct fusion_object_pool *pool;
	uint64_t n, random;
	fusion_id_t *ids;
};

static struct crowd few, many;

static fusion_id_t any(struct crowd *c)
{
	c->random ^= c->random << 13;
	c->random ^= c->random >> 7;
	c->random ^= c->random << 17;
	return c->ids[c->random % c->n];
}

static int look_up(struct crowd *c, uint64_t n, double *ret_ns)
{
	double start = cpu_ns();
	struct fusion_object *o;
	int r = 0;

	for (uint64_t i = 0; !r && i < n; i++)
		r = fusion_object_lookup(c->pool, any(c), &o);
	*ret_ns = (cpu_ns() - start) / (double)n;
	return r;
}

static int run_few(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return look_up(&few, n, ret_ns);
}

static int run_many(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return look_up(&many, n, ret_ns);
}

static int run_absent(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();
	struct fusion_object *o;
	int r = -ENOENT;

	(void)arg;
	for (uint64_t i = 0; r == -ENOENT && i < n; i++)
		r = fusion_object_lookup(many.pool, UINT32_MAX - (uint32_t)i,
					 &o);
	*ret_ns = (cpu_ns() - start) / (double)n;
	return r == -ENOENT ? 0 : r;
}

static int run_get(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();
	struct fusion_object *o;
	int r = 0;

	(void)arg;
	for (uint64_t i = 0; !r && i < n; i++) {
		r = fusion_object_get(many.pool, any(&many), &o);
		if (!r)
			r = fusion_object_unref(o);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return r;
}

static int run_make(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();
	struct fusion_object *o;
	int r = 0;

	(void)arg;
	for (uint64_t i = 0; !r && i < n; i++) {
		r = fusion_object_create(many.pool, &o);
		if (!r)
			r = fusion_object_destroy(o);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return r;
}

static void gather(struct crowd *c, const char *arena_name, uint64_t n)
{
	struct fusion_arena_options options = {.size = sizeof(options)};
	struct fusion_arena *arena;
	struct fusion_object *o;
	int r = fusion_arena_enter(arena_name, &options, &arena);

	if (!r)
		r = fusion_object_pool_create(
			arena, "crowd",
			&(struct fusion_object_pool_options){
				.size = sizeof(
					struct fusion_object_pool_options),
				.object_size = 16},
			&c->pool);
	c->ids = calloc(n, sizeof(*c->ids));
	c->n = n;
	c->random = 88172645463325252ull;
	for (uint64_t i = 0; !r && c->ids && i < n; i++) {
		r = fusion_object_create(c->pool, &o);
		if (!r)
			c->ids[i] = fusion_object_id(o);
	}
	if (r || !c->ids)
		worker_fail(arena_name, r);
}

int main(void)
{
	static const struct worker_row rows[] = {
		{"few", run_few},   {"many", run_many},	    {"get", run_get},
		{"make", run_make}, {"absent", run_absent}, {0},
	};
	const char *name = getenv("BENCH_ARENA"), *n = getenv("BENCH_OBJECTS");
	char path[300];

	worker_pin(0);
	snprintf(path, sizeof(path), "%s-few", name ? name : "bench-object");
	gather(&few, path, FEW);
	snprintf(path, sizeof(path), "%s-many", name ? name : "bench-object");
	gather(&many, path, n ? strtoull(n, NULL, 10) : 1000000);
	return worker_serve(rows);
}
