/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * References, in the arena that $BENCH_ARENA names, and what they are measured
 * by: atomic additions to a word that other processes map, too
 *
 * Rows, ns per up and down, or per addition of 1 and of -1:
 *
 *   held      this member has a count already
 *   zero      0 -> 1 -> 0 each time, a fall
 *   global    0 -> 1 -> 0, of the global count
 *   family    0 -> 1 -> 0, of one that another inherits from
 *   atomic    the additions
 */
#include <stdlib.h>
#include <sys/mman.h>

#include <fusion/fusion.h>

#include "worker.h"

static struct fusion_arena *arena;
static struct fusion_ref *held, *idle, *parent;
static uint64_t *word;

static int run_ref(struct fusion_ref *ref, uint64_t n, double *ret_ns)
{
	double start = cpu_ns();

	for (uint64_t i = 0; i < n; i++) {
		fusion_ref_up(ref);
		fusion_ref_down(ref);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return 0;
}

static int run_held(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return run_ref(held, n, ret_ns);
}

static int run_zero(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return run_ref(idle, n, ret_ns);
}

static int run_family(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return run_ref(parent, n, ret_ns);
}

static int run_global(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		fusion_ref_up_global(idle);
		fusion_ref_down_global(idle);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return 0;
}

static int run_atomic(uint64_t n, const char *arg, double *ret_ns)
{
	double start = cpu_ns();

	(void)arg;
	for (uint64_t i = 0; i < n; i++) {
		__atomic_add_fetch(word, 1, __ATOMIC_RELAXED);
		__atomic_add_fetch(word, -1, __ATOMIC_RELEASE);
	}
	*ret_ns = (cpu_ns() - start) / (double)n;
	return 0;
}

static int make(struct fusion_arena *a, void *ctx)
{
	struct fusion_ref *heir;
	int r = fusion_ref_create(a, "held", NULL, &held);

	(void)ctx;
	if (!r)
		r = fusion_ref_up(held);
	if (!r)
		r = fusion_ref_create(a, "idle", NULL, &idle);
	if (!r)
		r = fusion_ref_create(a, "parent", NULL, &parent);
	if (!r)
		r = fusion_ref_create(a, "heir", NULL, &heir);
	return r ? r : fusion_ref_inherit(heir, parent);
}

int main(void)
{
	static const struct worker_row rows[] = {
		{"held", run_held},	{"zero", run_zero},
		{"global", run_global}, {"family", run_family},
		{"atomic", run_atomic}, {0},
	};
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = make,
	};
	const char *name = getenv("BENCH_ARENA");
	int r;

	word = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (word == MAP_FAILED)
		worker_fail("mmap", errno);
	r = fusion_arena_enter(name ? name : "bench-ref", &options, &arena);
	if (r < 0)
		worker_fail("enter", r);
	worker_pin(0);
	return worker_serve(rows);
}
