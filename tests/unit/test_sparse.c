/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Programs that lock their memory: an arena takes what is allocated in it
 *
 * Each test is a child of its own, as the locks are of the whole process.
 */
#include "tests/unit/heap_member.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/sparse.h"
#include "libfusion/refs/ref_rows.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

#define SPAN (256ull << 20)
#define LIMIT (64ull << 20)
#define CANNOT 77 /* status of a child that may not lock */

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN true
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN false
#endif

static void run_child(int (*fn)(int))
{
	int fd = image_create(SPAN, LIMIT), status;
	pid_t pid = fork();

	if (!pid)
		_exit(fn(fd));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == CANNOT) {
		print_message("# skipped: this user may not lock memory\n");
		skip();
	}
	assert_int_equal(WEXITSTATUS(status), 0);
}

static uint64_t used(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : UINT64_MAX;
}

/* It is used: blocks come and go, a reference has its private table. */
static int use(struct fusion_arena *a)
{
	void *p = fusion_malloc(a, 1 << 20);
	struct fusion_ref *ref;

	if (!p || fusion_ref_create(a, NULL, NULL, &ref) < 0 ||
	    fusion_ref_up(ref) < 0)
		return 10;
	memset(p, 1, 1 << 20);
	return fusion_free(p) < 0 ? 11 : 0;
}

/* Pages of the private table that are there; it has 8192 entries a page. */
static size_t resident(const struct fusion_arena *a)
{
	size_t n = a->view.geo.tables[KIND_REF].max * sizeof(uint32_t) /
		   SPARSE_PAGE;
	unsigned char *there = calloc(n, 1);
	size_t sum = 0;

	if (mincore(a->ref_rows, n * SPARSE_PAGE, there) < 0)
		return SIZE_MAX;
	for (size_t i = 0; i < n; i++)
		sum += there[i] & 1;
	free(there);
	return sum;
}

static int check(const struct fusion_arena *a, int fd)
{
	if (used(fd) > LIMIT / 4)
		return 20;
	return resident(a) > 2 ? 21 : 0;
}

static int lock_then_enter(int fd, int flags)
{
	struct fusion_arena *a;
	int r;

	if (mlockall(flags) < 0)
		return CANNOT;
	a = image_enter(fd);
	r = use(a);
	return r ? r : check(a, fd);
}

static int enter_then_lock(int fd, int flags)
{
	struct fusion_arena *a = image_enter(fd);
	int r = use(a);

	if (mlockall(flags) < 0)
		return CANNOT;
	if (!r)
		r = check(a, fd);
	return r ? r : use(a);
}

static int future(int fd)
{
	return lock_then_enter(fd, MCL_CURRENT | MCL_FUTURE);
}

static int future_on_fault(int fd)
{
	return lock_then_enter(fd, MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}

static int current(int fd)
{
	return enter_then_lock(fd, MCL_CURRENT | MCL_FUTURE);
}

/* An ordinary user with little to lock. */
static int limited(int fd)
{
	struct rlimit l = {8 << 20, 8 << 20};

	if (setrlimit(RLIMIT_MEMLOCK, &l) < 0 ||
	    (geteuid() == 0 && setuid(65534) < 0))
		return CANNOT;
	return lock_then_enter(fd, MCL_FUTURE);
}

/* Again and again, also at an address where it was before. */
static int re_entered(int fd)
{
	struct fusion_arena *a;
	int r = 0;

	if (mlockall(MCL_CURRENT | MCL_FUTURE) < 0)
		return CANNOT;
	for (int i = 0; i < 3 && !r; i++) {
		a = image_enter(dup(fd));
		r = use(a);
		if (!r)
			r = check(a, fd);
		ref_rows_free(a);
		image_leave(a);
	}
	return r;
}

static void memory_that_is_locked_in_future_is_not_filled(void **state)
{
	(void)state;
	if (UNDER_ASAN)
		return; /* it has no mlockall() */
	run_child(future);
	run_child(future_on_fault);
}

static void a_small_limit_of_locked_memory_is_enough(void **state)
{
	(void)state;
	if (UNDER_ASAN)
		return; /* it has no mlockall() */
	run_child(limited);
}

static void an_arena_that_is_entered_again_is_not_filled(void **state)
{
	(void)state;
	if (UNDER_ASAN)
		return; /* it has no mlockall() */
	run_child(re_entered);
}

static bool has_guards(int fd)
{
	void *p = mmap(NULL, SPARSE_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       fd, 0);
	bool has = madvise(p, SPARSE_PAGE, MADV_GUARD_INSTALL) == 0;

	munmap(p, SPARSE_PAGE);
	return has;
}

static void memory_that_is_locked_now_is_not_filled(void **state)
{
	int fd = image_create(SPAN, LIMIT);
	bool guards = has_guards(fd);

	(void)state;
	close(fd);
	if (UNDER_ASAN)
		return;
	if (!guards) {
		print_message("# skipped: a kernel without guards in files\n");
		skip();
	}
	run_child(current);
}

static void what_is_mapped_already_is_not_mapped_over(void **state)
{
	char *there = mmap(NULL, 2 * SPARSE_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *p = NULL;

	(void)state;
	/* In the second page of it, and in the first. */
	there[SPARSE_PAGE] = 7;
	munmap(there, SPARSE_PAGE);
	assert_int_equal(sparse_map(there, 4 * SPARSE_PAGE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, &p),
			 -EEXIST);
	assert_int_equal(sparse_map(there + SPARSE_PAGE, SPARSE_PAGE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, &p),
			 -EEXIST);
	assert_null(p);
	assert_int_equal(there[SPARSE_PAGE], 7);
	munmap(there + SPARSE_PAGE, SPARSE_PAGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_mapped_already_is_not_mapped_over),
		cmocka_unit_test(memory_that_is_locked_in_future_is_not_filled),
		cmocka_unit_test(a_small_limit_of_locked_memory_is_enough),
		cmocka_unit_test(an_arena_that_is_entered_again_is_not_filled),
		cmocka_unit_test(memory_that_is_locked_now_is_not_filled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
