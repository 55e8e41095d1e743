/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests of hash, vector and list share. */
#ifndef TESTS_CONTAINER_MEMBER_H
#define TESTS_CONTAINER_MEMBER_H

#include "libfusion/core/recovery/check.h"
#include "tests/nameless_container.h"
#include "tests/unit/heap_member.h"

#include <pthread.h>
#include <sched.h>

#include <fusion/fusion.h>

static struct fusion_arena *arena;
static uint64_t blocks_before;

static inline uint64_t blocks(void)
{
	struct fusion_heap_stat stats;

	assert_int_equal(fusion_heap_stat(arena, &stats, sizeof(stats)), 0);
	return stats.blocks;
}

static inline int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(256ull << 20, 0));
	blocks_before = blocks();
	return 0;
}

/* Whatever was done, nothing is left. */
static inline int tear_down(void **state)
{
	(void)state;
	assert_int_equal(blocks(), blocks_before);
	assert_int_equal(
		view_hi(&arena->view.sb->tables[KIND_SKIRMISH].n, UINT32_MAX),
		0);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static inline uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static inline struct fusion_value word(uint64_t w)
{
	return fusion_value_word(w);
}

/* How many entries or values it has, or the error. */
static inline int64_t hash_size(struct fusion_hash *h)
{
	uint64_t n = 0;
	int r = fusion_hash_count(h, &n);

	return r < 0 ? r : (int64_t)n;
}

static inline int64_t vector_size(struct fusion_vector *v)
{
	uint64_t n = 0;
	int r = fusion_vector_count(v, &n);

	return r < 0 ? r : (int64_t)n;
}

static inline int64_t list_size(struct fusion_list *l)
{
	uint64_t n = 0;
	int r = fusion_list_count(l, &n);

	return r < 0 ? r : (int64_t)n;
}

/* --- Somebody who is killed ------------------------------------------------
 *
 * It does step 0, 1, 2 ... of a series that is always the same, and counts
 * those that it has done where the others can see.
 */

struct victim {
	pid_t pid;
	uint64_t *done; /* atomic, shared with it */
};

static inline struct victim victim_start(uint64_t from,
					 void (*step)(uint64_t k))
{
	struct victim v = {0};

	v.done = mmap(NULL, sizeof(*v.done), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(v.done != MAP_FAILED);
	*v.done = from;
	v.pid = fork();
	assert_true(v.pid >= 0);
	if (v.pid)
		return v;
	arena = image_enter(image_reopen(arena));
	for (uint64_t k = from;; k++) {
		step(k);
		/* Release: pairs with the acquire in victim_kill(). */
		store_release(v.done, k + 1);
	}
}

/* When it has done step @k: how many it has done. */
static inline uint64_t victim_kill(struct victim *v, uint64_t k)
{
	uint64_t done;
	int status;

	while (load_acquire(v->done) <= k)
		sched_yield();
	kill(v->pid, SIGKILL);
	assert_int_equal(waitpid(v->pid, &status, 0), v->pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	done = load_acquire(v->done);
	munmap(v->done, sizeof(*v->done));
	return done;
}

/* A series, and what to hold against what it did. */
struct series {
	/* Step @k in the model, and if @real in the container, too. */
	void (*step)(uint64_t k, bool real);
	void (*step_real)(uint64_t k);
	bool (*is_model)(void); /* do the two agree? */
	void (*expect)(void);	/* they must, looked at in every way */
	void (*expect_blocks)(void);
};

/* A hundred deaths: each leaves it as before or as after a step, the next step
 * works, and no block is lost. */
static inline void kill_anywhere(const struct series *s)
{
	uint64_t from = 0, done, seed = 5;

	for (unsigned i = 0; i < 100; i++) {
		struct victim v = victim_start(from, s->step_real);

		done = victim_kill(&v, from + next_random(&seed) % 300);
		if (i % 2)
			life_sweep(&arena->view);
		for (; from < done; from++)
			s->step(from, false);
		if (!s->is_model())
			s->step(from++, false);
		s->expect();
		s->step(from++, true);
		s->expect();
		life_sweep(&arena->view);
		s->expect_blocks();
	}
}

#endif
