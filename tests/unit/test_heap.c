/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The heap through its public calls, on an arena without a mount. */
#include "libfusion/core/heap/heap_check.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/recovery/check.h"
#include "tests/unit/heap_member.h"

#include <pthread.h>

static struct fusion_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(1ull << 30, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(heap_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static void class_of_each_size_holds_it_and_wastes_a_fifth_at_most(void **state)
{
	(void)state;
	for (uint32_t size = 1; size <= MEDIUM_MAX; size++) {
		unsigned k = slab_class_of(size);

		assert_true(k < HEAP_CLASSES);
		assert_true(slab_class_size(k) >= size);
		assert_true(!k || slab_class_size(k - 1) < size);
	}
	assert_int_equal(slab_class_size(HEAP_CLASSES - 1), MEDIUM_MAX);
}

static void malloc_of_every_class_boundary_gives_its_own_bytes(void **state)
{
	static const int near[] = {-1, 0, 1};
	char *blocks[HEAP_CLASSES * 3];
	size_t sizes[HEAP_CLASSES * 3];
	unsigned n = 0;

	(void)state;
	for (unsigned k = 0; k < HEAP_CLASSES; k++) {
		for (unsigned i = 0; i < 3; i++) {
			size_t size = slab_class_size(k) + (size_t)near[i];

			blocks[n] = fusion_malloc(arena, size);
			assert_non_null(blocks[n]);
			assert_int_equal((uintptr_t)blocks[n] % 16, 0);
			assert_true(fusion_usable_size(blocks[n]) >= size);
			memset(blocks[n], (int)n, size);
			sizes[n++] = size;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		for (size_t j = 0; j < sizes[i]; j += 7)
			assert_int_equal((unsigned char)blocks[i][j], i & 0xff);
		assert_int_equal(fusion_free(blocks[i]), 0);
	}
}

static void malloc_of_nothing_is_unique(void **state)
{
	void *a = fusion_malloc(arena, 0), *b = fusion_malloc(arena, 0);

	(void)state;
	assert_non_null(a);
	assert_non_null(b);
	assert_ptr_not_equal(a, b);
	fusion_free(a);
	fusion_free(b);
	assert_int_equal(fusion_free(NULL), 0);
}

static void calloc_is_zero_and_refuses_overflow(void **state)
{
	char *p = fusion_malloc(arena, 1000), *q;
	volatile size_t huge = SIZE_MAX / 2;

	(void)state;
	memset(p, 0xff, 1000);
	fusion_free(p);
	q = fusion_calloc(arena, 10, 100);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(q[i], 0);
	fusion_free(q);
	errno = 0;
	assert_null(fusion_calloc(arena, huge, 3));
	assert_int_equal(errno, ENOMEM);
	assert_null(fusion_malloc(arena, huge));
	assert_int_equal(errno, ENOMEM);
}

/* The compiler is not to warn of what is wrong here. */
static int free_unseen(void *p)
{
	void *volatile block = p;

	return fusion_free(block);
}

static void wrong_frees_are_refused_and_harm_nothing(void **state)
{
	char *p = fusion_malloc(arena, 100),
	     *run = fusion_malloc(arena, 300000);
	char *medium = fusion_malloc(arena, 100000), outside;

	(void)state;
	assert_int_equal(free_unseen(p + 16), -EINVAL);
	assert_int_equal(free_unseen(p + 1), -EINVAL);
	assert_int_equal(free_unseen(run + 65536), -EINVAL);
	assert_int_equal(free_unseen(run + 8), -EINVAL);
	assert_int_equal(free_unseen(medium + 65536), -EINVAL);
	assert_int_equal(free_unseen(&outside), -EINVAL);
	assert_int_equal(free_unseen(arena->view.base), -EINVAL);
	assert_int_equal(free_unseen(arena->view.base + (1 << 29)), -EINVAL);
	assert_null(fusion_realloc(arena, p + 16, 10));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(free_unseen(p), 0);
	assert_int_equal(free_unseen(p), -EINVAL);
	assert_int_equal(free_unseen(run), 0);
	assert_int_equal(free_unseen(run), -EINVAL);
	assert_int_equal(free_unseen(medium), 0);
	assert_int_equal(free_unseen(medium), -EINVAL);
	assert_int_equal(fusion_usable_size(p), 0);
}

static void realloc_keeps_bytes_and_stays_where_it_can(void **state)
{
	char *p = fusion_malloc(arena, 100), *q;
	char *run = fusion_malloc(arena, 200000);

	(void)state;
	strcpy(p, "hello");
	assert_ptr_equal(fusion_realloc(arena, p, 104), p);
	q = fusion_realloc(arena, p, 5000);
	assert_string_equal(q, "hello");
	q = fusion_realloc(arena, q, 150000);
	assert_string_equal(q, "hello");
	q = fusion_realloc(arena, q, 20);
	assert_string_equal(q, "hello");
	fusion_free(q);

	/* Last in the heap: grows into new spans, shrinks in place. */
	fusion_free(run);
	run = fusion_malloc(arena, 8 << 20);
	assert_ptr_equal(fusion_realloc(arena, run, 12 << 20), run);
	assert_int_equal(fusion_usable_size(run), 12 << 20);
	assert_ptr_equal(fusion_realloc(arena, run, 1 << 20), run);
	assert_int_equal(fusion_usable_size(run), 1 << 20);
	fusion_free(run);
}

static void aligned_alloc_aligns(void **state)
{
	(void)state;
	for (size_t align = 1; align <= 4 << 20; align *= 2) {
		for (size_t size = 1; size < 400000; size = size * 7 + 1) {
			void *p = fusion_aligned_alloc(arena, align, size);

			assert_non_null(p);
			assert_int_equal((uintptr_t)p % align, 0);
			assert_true(fusion_usable_size(p) >= size);
			memset(p, 1, size);
			assert_int_equal(fusion_free(p), 0);
		}
	}
	assert_null(fusion_aligned_alloc(arena, 48, 10));
	assert_int_equal(errno, EINVAL);
	assert_null(fusion_aligned_alloc(arena, 0, 10));
}

struct model {
	unsigned char *p;
	size_t size;
	unsigned char fill;
};

static uint64_t rnd_state;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static size_t random_size(void)
{
	switch (rnd() % 10) {
	case 0:
		return rnd() % 600000;
	case 1:
		return rnd() % 130000;
	default:
		return rnd() % 2000;
	}
}

static void check_fill(const struct model *m)
{
	for (size_t i = 0; i < m->size; i += 61)
		assert_int_equal(m->p[i], m->fill);
}

static void random_operations_agree_with_a_model(void **state)
{
	static struct model m[400];

	(void)state;
	rnd_state = 88172645463325252ull;
	for (int i = 0; i < 60000; i++) {
		struct model *x = &m[rnd() % 400];

		if (x->p)
			check_fill(x);
		if (x->p && rnd() % 3 == 0) {
			size_t size = random_size();

			x->p = fusion_realloc(arena, x->p, size);
			assert_non_null(x->p);
			if (size < x->size)
				x->size = size;
			check_fill(x);
			x->size = size;
		} else if (x->p) {
			assert_int_equal(fusion_free(x->p), 0);
			x->p = NULL;
			continue;
		} else {
			x->size = random_size();
			x->p = fusion_malloc(arena, x->size);
			assert_non_null(x->p);
		}
		x->fill = (unsigned char)rnd();
		memset(x->p, x->fill, x->size);
	}
	assert_int_equal(heap_check(&arena->view, print_fault, NULL), 0);
	for (int i = 0; i < 400; i++)
		if (m[i].p)
			fusion_free(m[i].p);
	memset(m, 0, sizeof(m));
}

static void limit_reached_is_ENOMEM_and_frees_help(void **state)
{
	struct fusion_heap_stat stats;
	void *blocks[2000];
	int n = 0;

	(void)state;
	arena->view.sb->limit = view_used(&arena->view) + (4 << 20);
	while (n < 2000 && (blocks[n] = fusion_malloc(arena, 10000))) {
		memset(blocks[n], 1, 10000);
		n++;
	}
	assert_true(n > 100 && n < 1000);
	assert_int_equal(errno, ENOMEM);
	fusion_heap_stat(arena, &stats, sizeof(stats));
	assert_true(stats.used <= stats.limit);
	assert_int_equal(stats.blocks, n);
	for (int i = 0; i < n; i++)
		assert_int_equal(fusion_free(blocks[i]), 0);
	blocks[0] = fusion_malloc(arena, 10000);
	assert_non_null(blocks[0]);
	fusion_free(blocks[0]);
}

static void punching_gives_memory_back(void **state)
{
	uint64_t before, full;
	char *p = fusion_malloc(arena, 32 << 20);

	(void)state;
	memset(p, 1, 32 << 20);
	full = view_used(&arena->view);
	fusion_free(p);
	assert_true(fusion_heap_trim(arena) >= 32 << 20);
	before = view_used(&arena->view);
	assert_true(before + (31 << 20) < full);
	/* Punched spans are good for use again. */
	p = fusion_malloc(arena, 32 << 20);
	assert_non_null(p);
	for (int i = 0; i < 32 << 20; i += 4096)
		assert_int_equal(p[i], 0);
	assert_true(view_used(&arena->view) >= full);
	fusion_free(p);
}

static void *free_all(void *arg)
{
	void **blocks = arg;

	for (int i = 0; i < 1000; i++)
		assert_int_equal(fusion_free(blocks[i]), 0);
	return NULL;
}

static void free_in_another_thread_makes_room_again(void **state)
{
	uint64_t used = 0;
	pthread_t t;

	(void)state;
	for (int round = 0; round < 50; round++) {
		void *blocks[1000];

		for (int i = 0; i < 1000; i++)
			blocks[i] = fusion_malloc(arena, 500);
		assert_int_equal(pthread_create(&t, NULL, free_all, blocks), 0);
		pthread_join(t, NULL);
		if (round == 20)
			used = view_used(&arena->view);
	}
	assert_int_equal(view_used(&arena->view), used);
}

/* Reads pointers from a pipe, checks and frees what is there. */
static void consume(int fd, int in)
{
	struct fusion_arena *a;
	unsigned char *p;

	image_forget(arena);
	a = image_enter(fd);
	while (read(in, &p, sizeof(p)) == (ssize_t)sizeof(p)) {
		size_t size = fusion_usable_size(p);

		if (!size || p[0] != (size & 0xff) ||
		    p[size - 1] != (size & 0xff) || fusion_free(p) != 0)
			_exit(1);
	}
	image_leave(a);
	_exit(0);
}

static void blocks_freed_by_another_process_come_back(void **state)
{
	struct fusion_heap_stat before, after;
	uint64_t used = 0;
	int in[2], status;
	pid_t pid;

	(void)state;
	fusion_heap_stat(arena, &before, sizeof(before));
	assert_int_equal(pipe(in), 0);
	pid = fork();
	if (!pid) {
		close(in[1]);
		consume(arena->view.fd, in[0]);
	}
	close(in[0]);
	rnd_state = 1;
	for (int i = 0; i < 200000; i++) {
		unsigned char *p = fusion_malloc(arena, rnd() % 3000);
		size_t size = fusion_usable_size(p);

		memset(p, (int)size, size);
		assert_int_equal(write(in[1], &p, sizeof(p)), sizeof(p));
		if (i == 50000)
			used = view_used(&arena->view);
	}
	close(in[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	fusion_heap_stat(arena, &after, sizeof(after));
	assert_int_equal(after.blocks, before.blocks);
	/* The pipe holds 8192 of them; the heap is no larger for four times
	 * as many. */
	assert_true(view_used(&arena->view) < used + (32 << 20));
}

static void many_blocks_of_one_size_come_and_go(void **state)
{
	enum { N = 300000 };
	void **blocks = malloc(N * sizeof(*blocks));
	uint64_t full;

	(void)state;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			blocks[i] = fusion_malloc(arena, 100);
			assert_non_null(blocks[i]);
		}
		full = view_used(&arena->view);
		/* Every other one first: no slab is empty until the end. */
		for (int i = 0; i < N; i += 2)
			assert_int_equal(fusion_free(blocks[i]), 0);
		for (int i = 1; i < N; i += 2)
			assert_int_equal(fusion_free(blocks[i]), 0);
		assert_true(fusion_heap_trim(arena) > 0);
		assert_true(view_used(&arena->view) + (30 << 20) < full);
	}
	free(blocks);
}

static void *allocate_for_life_and_end(void *arg)
{
	for (int i = 0; i < 10; i++)
		assert_non_null(fusion_malloc_member(arena, 500));
	return arg;
}

static void slabs_for_life_go_from_thread_to_thread(void **state)
{
	struct heap_usage u;
	pthread_t t;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(pthread_create(&t, NULL,
						allocate_for_life_and_end,
						NULL),
				 0);
		pthread_join(t, NULL);
	}
	heap_usage(&arena->view, &u);
	assert_true(u.spans_slab <= 6);
	assert_int_equal(u.blocks, 500);
}

static void fill_and_be_killed(struct fusion_arena *a)
{
	void **list = fusion_calloc(a, 4000, sizeof(*list));

	for (int i = 0; i < 4000; i++)
		list[i] = fusion_malloc(a, 1000);
	fusion_arena_set_root(a, list);
}

/* Orphans whose blocks are all free are not lost to other sizes. */
static void empty_orphans_make_room_at_the_limit(void **state)
{
	void **list;

	(void)state;
	run_and_kill(arena, fill_and_be_killed);
	assert_int_equal(life_sweep(&arena->view), 1);
	list = fusion_arena_root(arena);
	for (int i = 0; i < 4000; i++)
		assert_int_equal(fusion_free(list[i]), 0);
	fusion_arena_set_root(arena, NULL);
	assert_int_equal(fusion_free(list), 0);
	arena->view.sb->limit = view_used(&arena->view);
	list = fusion_malloc(arena, 3 << 20);
	assert_non_null(list);
	memset(list, 1, 3 << 20);
	assert_int_equal(fusion_free(list), 0);
}

static void runs_of_all_lengths_find_the_holes_between(void **state)
{
	static void *runs[300];
	uint32_t n[300];
	uint64_t hi;

	(void)state;
	rnd_state = 7;
	for (int i = 0; i < 300; i++) {
		n[i] = (uint32_t)(rnd() % 20) + 3;
		runs[i] = fusion_malloc(arena, (size_t)n[i] << 16);
		assert_non_null(runs[i]);
	}
	hi = heap_super(&arena->view)->span_hi;
	for (int round = 0; round < 3000; round++) {
		int i = (int)(rnd() % 300);

		assert_int_equal(fusion_free(runs[i]), 0);
		/* No longer than what was there: there is a hole for it. */
		n[i] = (uint32_t)(rnd() % (n[i] - 2)) + 3;
		runs[i] = fusion_malloc(arena, (size_t)n[i] << 16);
		assert_non_null(runs[i]);
	}
	assert_int_equal(heap_super(&arena->view)->span_hi, hi);
	for (int i = 0; i < 300; i++)
		assert_int_equal(fusion_free(runs[i]), 0);
	runs[0] = fusion_malloc(arena, (hi - arena->view.geo.first_span - 16)
					       << 16);
	assert_non_null(runs[0]);
	assert_int_equal(heap_super(&arena->view)->span_hi, hi);
	assert_int_equal(fusion_free(runs[0]), 0);
}

static void *allocate_and_end(void *arg)
{
	void **out = arg;

	for (int i = 0; i < 100; i++)
		out[i] = fusion_malloc(arena, 64);
	return NULL;
}

static void slabs_of_an_ended_thread_are_adopted(void **state)
{
	struct heap_usage u;
	void *blocks[100];
	pthread_t t;

	(void)state;
	pthread_create(&t, NULL, allocate_and_end, blocks);
	pthread_join(t, NULL);
	heap_usage(&arena->view, &u);
	assert_int_equal(u.spans_orphan, 1);
	for (int i = 0; i < 100; i++)
		assert_true(heap_is_allocated(&arena->view, blocks[i]));
	assert_non_null(fusion_malloc(arena, 64));
	heap_usage(&arena->view, &u);
	assert_int_equal(u.spans_orphan, 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(fusion_free(blocks[i]), 0);
}

/* The bound that the search for the longer run leaves is the hole's length. */
static void hole_that_is_too_short_is_found_for_a_run_that_fits(void **state)
{
	char *hole = fusion_malloc(arena, 3 << 16);
	uint64_t at = view_off(&arena->view, hole);

	(void)state;
	for (size_t n = 64; n; n /= 2)
		while (fusion_malloc(arena, n << 16))
			;
	assert_int_equal(fusion_free(hole), 0);
	assert_null(fusion_malloc(arena, 5 << 16));
	assert_null(fusion_malloc(arena, 4 << 16));
	hole = fusion_malloc(arena, 3 << 16);
	assert_ptr_equal(hole, view_at(&arena->view, at));
	assert_int_equal(fusion_free(hole), 0);
	assert_null(fusion_malloc(arena, 4 << 16));
	hole = fusion_malloc(arena, 2 << 16);
	assert_ptr_equal(hole, view_at(&arena->view, at));
}

static void slot_has_the_block_or_nobody(void **state)
{
	void **slot = fusion_malloc(arena, 8), *outside;

	(void)state;
	*slot = NULL;
	assert_int_equal(fusion_malloc_to(arena, 100, &outside), -EINVAL);
	assert_int_equal(
		fusion_malloc_to(arena, 100, (void **)((char *)slot + 1)),
		-EINVAL);
	outside = slot;
	assert_int_equal(fusion_free_from(&outside), -EINVAL);
	assert_int_equal(fusion_free_from((void **)((char *)slot + 1)),
			 -EINVAL);
	assert_ptr_equal(outside, slot);
	for (size_t size = 10; size < 1000000; size *= 3) {
		assert_int_equal(fusion_malloc_to(arena, size, slot), 0);
		assert_true(heap_is_allocated(&arena->view, *slot));
		assert_int_equal(fusion_free_from(slot), 0);
		assert_null(*slot);
	}
	assert_int_equal(fusion_free_from(slot), 0);
	assert_int_equal(fusion_malloc_to(arena, 100ull << 30, slot), -ENOMEM);
	fusion_free(slot);
}

static void allocate_for_life(struct fusion_arena *a)
{
	for (int i = 0; i < 100; i++)
		if (!fusion_malloc_member(a, (size_t)i * 3000) ||
		    !fusion_malloc_member(a, 40))
			_exit(1);
	if (!fusion_malloc(a, 100))
		_exit(1);
}

static void blocks_for_a_members_life_end_with_it(void **state)
{
	struct fusion_heap_stat before, after;

	(void)state;
	fusion_heap_stat(arena, &before, sizeof(before));
	run_and_kill(arena, allocate_for_life);
	fusion_heap_stat(arena, &after, sizeof(after));
	assert_int_equal(after.blocks, before.blocks + 201);
	assert_int_equal(life_sweep(&arena->view), 1);
	fusion_heap_stat(arena, &after, sizeof(after));
	assert_int_equal(after.blocks, before.blocks + 1);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
}

static void spans_of_16_MiB_and_64_GiB_work(void **state)
{
	static const uint64_t spans[] = {SPAN_MIN, SPAN_MAX};

	(void)state;
	for (int i = 0; i < 2; i++) {
		void *p, *q;

		image_leave(arena);
		arena = image_enter(image_create(spans[i], 0));
		p = fusion_malloc(arena, 100);
		q = fusion_malloc(arena, 5 << 20);
		assert_non_null(p);
		assert_non_null(q);
		memset(q, 1, 5 << 20);
		assert_null(fusion_malloc(arena, spans[i]));
		assert_int_equal(fusion_free(q), 0);
		assert_int_equal(fusion_free(p), 0);
		assert_int_equal(heap_check(&arena->view, print_fault, NULL),
				 0);
	}
	image_leave(arena);
	arena = image_enter(image_create(1ull << 30, 0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void no_arena_is_EINVAL_also_after_one_was_left(void **state)
{
	struct fusion_arena *a = image_enter(image_create(64ull << 20, 0));

	(void)state;
	fusion_free(fusion_malloc(a, 88));
	image_leave(a);
	errno = 0;
	assert_null(fusion_malloc(NULL, 88));
	assert_int_equal(errno, EINVAL);
	assert_null(fusion_malloc(NULL, 1u << 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_arena_is_EINVAL_also_after_one_was_left),
		T(class_of_each_size_holds_it_and_wastes_a_fifth_at_most),
		T(malloc_of_every_class_boundary_gives_its_own_bytes),
		T(malloc_of_nothing_is_unique),
		T(calloc_is_zero_and_refuses_overflow),
		T(wrong_frees_are_refused_and_harm_nothing),
		T(realloc_keeps_bytes_and_stays_where_it_can),
		T(aligned_alloc_aligns),
		T(random_operations_agree_with_a_model),
		T(limit_reached_is_ENOMEM_and_frees_help),
		T(punching_gives_memory_back),
		T(free_in_another_thread_makes_room_again),
		T(blocks_freed_by_another_process_come_back),
		T(many_blocks_of_one_size_come_and_go),
		T(slabs_for_life_go_from_thread_to_thread),
		T(empty_orphans_make_room_at_the_limit),
		T(runs_of_all_lengths_find_the_holes_between),
		T(slabs_of_an_ended_thread_are_adopted),
		T(hole_that_is_too_short_is_found_for_a_run_that_fits),
		T(slot_has_the_block_or_nobody),
		T(blocks_for_a_members_life_end_with_it),
		T(spans_of_16_MiB_and_64_GiB_work),
	};

	return cmocka_run_group_tests_name("heap", tests, NULL, NULL);
}
