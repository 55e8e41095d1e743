/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The heap in a program that was built with AddressSanitizer, whatever
 * libfusion was built with: what is wrong is reported, what another process
 * does with a block is not.
 */
#include "tests/unit/heap_member.h"

#include <pthread.h>

static struct fusion_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(1ull << 28, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_leave(arena);
	return 0;
}

/* What ASan says about @fn, run in a child that enters the arena anew. */
static void report_of(void (*fn)(struct fusion_arena *), char *text,
		      size_t size)
{
	int fd = arena->view.fd, out[2], status;
	size_t n = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (!pid) {
		dup2(out[1], STDERR_FILENO);
		image_forget(arena);
		fn(image_enter(fd));
		_exit(0);
	}
	close(out[1]);
	while (n < size - 1 && (got = read(out[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(n > 0 || (WIFEXITED(status) && !WEXITSTATUS(status)));
	assert_int_equal(life_sweep(&arena->view), 1);
}

/* The compiler warns of each use of a block that it sees freed. */
static void free_unseen(volatile char *p)
{
	void *volatile block = (void *)p;

	fusion_free(block);
}

static void use_after_free(struct fusion_arena *a)
{
	volatile char *p = fusion_malloc(a, 100);

	p[10] = 1;
	free_unseen(p);
	p[10] = 2;
}

static void use_beyond(struct fusion_arena *a)
{
	volatile size_t size = 112;
	volatile char *p = fusion_malloc(a, size);

	p[size] = 1;
}

static void use_of_medium_after_free(struct fusion_arena *a)
{
	volatile char *p = fusion_malloc(a, 100000);

	p[90000] = 1;
	free_unseen(p);
	p[90000] = 2;
}

static void free_twice(struct fusion_arena *a)
{
	void *p = fusion_malloc(a, 100);

	free_unseen(p);
	if (fusion_free(p) != -EINVAL)
		abort();
}

static void use_after_free_is_reported(void **state)
{
	char text[4096];

	(void)state;
	report_of(use_after_free, text, sizeof(text));
	assert_non_null(strstr(text, "AddressSanitizer: use-after-poison"));
	report_of(use_of_medium_after_free, text, sizeof(text));
	assert_non_null(strstr(text, "AddressSanitizer: use-after-poison"));
}

static void use_beyond_the_end_is_reported(void **state)
{
	char text[4096];

	(void)state;
	report_of(use_beyond, text, sizeof(text));
	assert_non_null(strstr(text, "AddressSanitizer: use-after-poison"));
}

static void double_free_is_an_error_and_no_report(void **state)
{
	char text[4096];

	(void)state;
	report_of(free_twice, text, sizeof(text));
	assert_string_equal(text, "");
}

static void *allocate_free_and_end(void *arg)
{
	void **kept = arg;

	for (int i = 0; i < 200; i++) {
		char *p = fusion_malloc(arena, 64);

		memset(p, 1, 64);
		if (i == 100)
			*kept = p;
		else
			fusion_free(p);
	}
	return NULL;
}

/* Fills a slab that was ours and says where by a pipe that it writes into. */
static void take_over(int fd, int out)
{
	struct fusion_arena *a;

	image_forget(arena);
	a = image_enter(fd);
	for (int i = 0; i < 500; i++) {
		char *p = fusion_malloc(a, 64);

		memset(p, 2, 64);
		if (write(out, &p, sizeof(p)) != (ssize_t)sizeof(p))
			_exit(1);
	}
	_exit(0);
}

/* Blocks that we have freed, in a slab that another process adopted. */
static void blocks_that_another_process_has_now_are_no_error(void **state)
{
	int out[2], status, n = 0;
	char *p, *kept = NULL;
	pthread_t t;
	pid_t pid;

	(void)state;
	assert_int_equal(pthread_create(&t, NULL, allocate_free_and_end, &kept),
			 0);
	pthread_join(t, NULL);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (!pid)
		take_over(arena->view.fd, out[1]);
	close(out[1]);
	while (read(out[0], &p, sizeof(p)) == (ssize_t)sizeof(p)) {
		assert_int_equal(p[0] + p[63], 4);
		n += (uintptr_t)p >> 16 == (uintptr_t)kept >> 16;
	}
	close(out[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_true(n > 100); /* it did adopt the slab */
}

static void trimmed_memory_is_anybodys(void **state)
{
	void *blocks[500];
	char *run;

	(void)state;
	for (int i = 0; i < 500; i++)
		blocks[i] = fusion_malloc(arena, 8000);
	for (int i = 0; i < 500; i++)
		fusion_free(blocks[i]);
	assert_true(fusion_heap_trim(arena) > 0);
	run = fusion_malloc(arena, 4 << 20);
	memset(run, 1, 4 << 20);
	assert_int_equal(fusion_free(run), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(use_after_free_is_reported),
		T(use_beyond_the_end_is_reported),
		T(double_free_is_an_error_and_no_report),
		T(blocks_that_another_process_has_now_are_no_error),
		T(trimmed_memory_is_anybodys),
	};

	return cmocka_run_group_tests_name("heap_asan", tests, NULL, NULL);
}
