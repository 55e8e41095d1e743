/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Freeing without an arena: the address tells where a block belongs. */
#include "tests/unit/heap_member.h"

#include <pthread.h>

#include <fusion/error.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap_check.h"

static struct fusion_arena *one, *two;
static const size_t sizes[] = {16, 100, 2000, 30000, 100000, 300000};

#define N_SIZES (sizeof(sizes) / sizeof(*sizes))

static int set_up(void **state)
{
	(void)state;
	one = image_enter(image_create(64ull << 20, 0));
	two = image_enter_at(IMAGE_BASE_2,
			     image_create_at(IMAGE_BASE_2, 64ull << 20, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(heap_check(&one->view, print_fault, NULL), 0);
	assert_int_equal(heap_check(&two->view, print_fault, NULL), 0);
	image_leave(one);
	image_leave(two);
	return 0;
}

static uint64_t blocks_of(struct fusion_arena *a)
{
	struct fusion_heap_stat stat;

	assert_int_equal(fusion_heap_stat(a, &stat, sizeof(stat)), 0);
	return stat.blocks;
}

/* The compiler is not to warn of what is wrong here. */
static int free_unseen(void *p)
{
	void *volatile block = p;

	return fusion_free(block);
}

static void block_is_freed_in_the_arena_that_has_it(void **state)
{
	void *p[N_SIZES], *q[N_SIZES];

	(void)state;
	for (unsigned i = 0; i < N_SIZES; i++) {
		p[i] = fusion_malloc(one, sizes[i]);
		q[i] = fusion_malloc(two, sizes[i]);
		assert_true(fusion_usable_size(p[i]) >= sizes[i]);
		assert_true(fusion_usable_size(q[i]) >= sizes[i]);
	}
	assert_int_equal(blocks_of(one), N_SIZES);
	assert_int_equal(blocks_of(two), N_SIZES);
	/* The thread has used arena two last. */
	for (unsigned i = 0; i < N_SIZES; i++)
		assert_int_equal(free_unseen(p[i]), 0);
	assert_int_equal(blocks_of(one), 0);
	assert_int_equal(blocks_of(two), N_SIZES);
	for (unsigned i = 0; i < N_SIZES; i++) {
		assert_int_equal(fusion_usable_size(p[i]), 0);
		assert_int_equal(free_unseen(p[i]), -EINVAL);
		assert_int_equal(fusion_free(q[i]), 0);
	}
	assert_int_equal(blocks_of(two), 0);
}

static void realloc_takes_no_block_of_another_arena(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_SIZES; i++) {
		char *p = fusion_malloc(one, sizes[i]), *q;

		memset(p, 1, sizes[i]);
		/* Whichever arena the thread has used last. */
		for (int used = 0; used < 2; used++) {
			fusion_free(fusion_malloc(used ? one : two, 8));
			errno = 0;
			assert_null(fusion_realloc(two, p, 5000));
			assert_int_equal(errno, EINVAL);
			assert_non_null(strstr(fusion_strerror(-EINVAL),
					       "in another arena"));
		}
		assert_true(fusion_usable_size(p) >= sizes[i]);
		q = fusion_realloc(one, p, 150000);
		assert_non_null(q);
		assert_int_equal(*q, 1);
		assert_int_equal(fusion_free(q), 0);
	}
	assert_int_equal(blocks_of(one) + blocks_of(two), 0);
}

static void slot_tells_the_arena(void **state)
{
	void **slot = fusion_calloc(two, 2, sizeof(*slot)), *outside = NULL;
	void *p = fusion_malloc(one, 100);

	(void)state;
	assert_int_equal(fusion_malloc_to(one, 100, slot), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "not lie in arena"));
	for (unsigned i = 0; i < N_SIZES; i++) {
		assert_int_equal(fusion_malloc_to(two, sizes[i], slot), 0);
		/* The thread has used the other arena last. */
		fusion_free(fusion_malloc(one, 8));
		assert_int_equal(fusion_free_from(slot), 0);
		assert_null(*slot);
		assert_int_equal(fusion_free_from(slot), 0);
	}
	*slot = p;
	assert_int_equal(fusion_free_from(slot), -EINVAL);
	assert_ptr_equal(*slot, p);
	assert_int_equal(fusion_free_from((void **)((char *)slot + 4)),
			 -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "align"));
	assert_int_equal(fusion_free_from(&outside), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "no slot of an"));
	assert_int_equal(fusion_free_from(NULL), -EINVAL);
	assert_int_equal(blocks_of(one), 1);
	assert_int_equal(fusion_free(p), 0);
	assert_int_equal(fusion_free(slot), 0);
}

static void strangers_are_refused_with_a_sentence(void **state)
{
	char outside[16], *p = fusion_malloc(one, 100);
	void *const strangers[] = {outside,
				   (void *)state,
				   (void *)1,
				   (void *)UINTPTR_MAX,
				   (void *)(1ull << 47),
				   (char *)IMAGE_BASE - 1,
				   (char *)IMAGE_BASE + (64u << 20)};

	(void)state;
	for (unsigned i = 0; i < sizeof(strangers) / sizeof(*strangers); i++) {
		assert_int_equal(free_unseen(strangers[i]), -EINVAL);
		assert_non_null(strstr(fusion_strerror(-EINVAL),
				       "no block of an arena that this "
				       "process is in"));
		assert_int_equal(fusion_usable_size(strangers[i]), 0);
	}
	assert_int_equal(fusion_usable_size(NULL), 0);
	assert_int_equal(fusion_free(NULL), 0);
	assert_int_equal(free_unseen(p + 16), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "no block begins"));
	assert_int_equal(free_unseen(p), 0);
	assert_int_equal(free_unseen(p), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "free already"));
	p = fusion_malloc(one, 1u << 20);
	assert_int_equal(free_unseen(p), 0);
	assert_int_equal(free_unseen(p), -EINVAL);
}

static void *work_and_wait(void *arg)
{
	pthread_barrier_t *b = arg;
	void *p = fusion_malloc(two, 100);

	assert_int_equal(free_unseen(p), 0);
	pthread_barrier_wait(b); /* now the arena is left */
	pthread_barrier_wait(b);
	assert_int_equal(free_unseen(p), -EINVAL);
	assert_int_equal(fusion_free_from((void **)p), -EINVAL);
	assert_int_equal(fusion_usable_size(p), 0);
	return NULL;
}

static void arena_that_was_left_has_no_blocks(void **state)
{
	pthread_barrier_t b;
	pthread_t t;
	void *p;

	(void)state;
	pthread_barrier_init(&b, NULL, 2);
	assert_int_equal(pthread_create(&t, NULL, work_and_wait, &b), 0);
	p = fusion_malloc(two, 100);
	assert_non_null(p);
	pthread_barrier_wait(&b);
	image_leave(two);
	pthread_barrier_wait(&b);
	pthread_join(t, NULL);
	assert_int_equal(free_unseen(p), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "no block of an"));
	assert_int_equal(fusion_usable_size(p), 0);
	assert_int_equal(fusion_free_from((void **)p), -EINVAL);
	two = image_enter_at(IMAGE_BASE_2,
			     image_create_at(IMAGE_BASE_2, 64ull << 20, 0));
	/* The same address: another block. */
	assert_ptr_equal(fusion_malloc(two, 100), p);
	assert_int_equal(fusion_free(p), 0);
	pthread_barrier_destroy(&b);
}

static void *free_first(void *block)
{
	return (void *)(intptr_t)fusion_free(block);
}

static intptr_t free_in_a_thread(void *block)
{
	void *r = NULL;
	pthread_t t;

	assert_int_equal(pthread_create(&t, NULL, free_first, block), 0);
	pthread_join(t, &r);
	return (intptr_t)r;
}

static void *free_and_tell(void *block)
{
	assert_int_equal(fusion_free(block), -EMFILE);
	assert_non_null(strstr(fusion_strerror(-EMFILE), "no record is left"));
	return NULL;
}

/* Also while this thread has used the other arena last. */
static void thread_that_frees_first_gets_a_record_or_EMFILE(void **state)
{
	struct thread_rec *taken[4096];
	void *p = fusion_malloc(one, 100), *q = fusion_malloc(one, 400000);
	unsigned n = 0;
	pthread_t t;

	(void)state;
	assert_int_equal(free_in_a_thread(p), 0);
	while (n < 4096 && thread_claim(&one->view, &taken[n]) == 0)
		n++;
	assert_true(n < 4096);
	assert_int_equal(pthread_create(&t, NULL, free_and_tell, q), 0);
	pthread_join(t, NULL);
	assert_int_equal(blocks_of(one), 1);
	while (n)
		thread_release(&one->view, taken[--n]);
	assert_int_equal(free_in_a_thread(q), 0);
	assert_int_equal(blocks_of(one), 0);
}

static void abort_in_child(void *p)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		fusion_heap_abort_on_error(true);
		free_unseen(p);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void wrong_free_aborts_on_request(void **state)
{
	char outside, *p = fusion_malloc(one, 100);

	(void)state;
	abort_in_child(&outside);
	abort_in_child(p + 16);
	assert_int_equal(fusion_free(p), 0);
}

static void alignment_that_is_none_is_explained(void **state)
{
	volatile size_t wrong = 48;

	(void)state;
	errno = 0;
	assert_null(fusion_aligned_alloc(one, wrong, 10));
	assert_int_equal(errno, EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "to 48 bytes"));
}

static void stat_fills_the_struct_that_the_program_has(void **state)
{
	struct {
		struct fusion_heap_stat stat;
		uint64_t later, after;
	} s;
	void *p = fusion_malloc(one, 100);

	(void)state;
	memset(&s, 0xff, sizeof(s));
	assert_int_equal(fusion_heap_stat(one, &s.stat, sizeof(uint64_t)), 0);
	assert_int_equal(s.stat.used, view_used(&one->view));
	assert_int_equal(s.stat.limit, UINT64_MAX);
	assert_int_equal(
		fusion_heap_stat(one, &s.stat, offsetof(typeof(s), after)), 0);
	assert_int_equal(s.stat.blocks, 1);
	assert_int_equal(s.stat.bytes, fusion_usable_size(p));
	assert_int_equal(s.later, 0);
	assert_int_equal(s.after, UINT64_MAX);
	memset(&s, 0xff, sizeof(s));
	assert_int_equal(fusion_heap_stat(one, NULL, sizeof(s)), -EINVAL);
	assert_int_equal(fusion_heap_stat(one, &s.stat, 0), -EINVAL);
	assert_int_equal(fusion_heap_stat(NULL, &s.stat, sizeof(s.stat)),
			 -EINVAL);
	assert_int_equal(s.stat.used, UINT64_MAX);
	assert_int_equal(fusion_free(p), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(block_is_freed_in_the_arena_that_has_it),
		T(realloc_takes_no_block_of_another_arena),
		T(slot_tells_the_arena),
		T(strangers_are_refused_with_a_sentence),
		T(arena_that_was_left_has_no_blocks),
		T(thread_that_frees_first_gets_a_record_or_EMFILE),
		T(wrong_free_aborts_on_request),
		T(alignment_that_is_none_is_explained),
		T(stat_fills_the_struct_that_the_program_has),
	};

	return cmocka_run_group_tests_name("heap_free", tests, NULL, NULL);
}
