/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties: each cell of the table, and each way to lose one. */
#include "tests/unit/heap_member.h"

#include <pthread.h>
#include <sched.h>

#include <fusion/fusion.h>

#include "libfusion/core/property.h"
#include "libfusion/core/recover.h"

#define THREADS 4
#define ROUNDS 5000

static struct fusion_arena *arena;
static struct fusion_property *property;
static uint64_t counter; /* guarded by property */

static int set_up(void **state)
{
	/* Windows that nobody waits out here but who means to. */
	const struct fusion_property_options o = {
		.size = sizeof(o),
		.lease_window_ns = 20000000,
		.purchase_window_ns = 30000000,
	};

	(void)state;
	arena = image_enter(image_create(64ull << 20, 0));
	counter = 0;
	return fusion_property_create(arena, "screen", &o, &property);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static struct property *rec_of(struct fusion_property *p)
{
	return (struct property *)p;
}

static enum fusion_property_status status(void)
{
	struct fusion_property_state s;

	assert_int_equal(fusion_property_state(property, &s), 0);
	return s.status;
}

/* Until somebody has said that it waits. */
static void await_waiter(void)
{
	while (!(load_acquire(&rec_of(property)->word) & PROPERTY_WAIT))
		sched_yield();
}

static void start(pthread_t *t, void *(*fn)(void *), void *arg)
{
	assert_int_equal(pthread_create(t, NULL, fn, arg), 0);
}

static intptr_t join(pthread_t t)
{
	void *r;

	assert_int_equal(pthread_join(t, &r), 0);
	return (intptr_t)r;
}

/* In another thread. */
static intptr_t elsewhere(void *(*fn)(void *))
{
	pthread_t t;

	start(&t, fn, NULL);
	return join(t);
}

static void *lease(void *arg)
{
	int r = fusion_property_lease(property);

	(void)arg;
	if (r == 0)
		r = fusion_property_cede(property);
	return (void *)(intptr_t)r;
}

static void *purchase(void *arg)
{
	int r = fusion_property_purchase(property);

	(void)arg;
	if (r == 0)
		r = fusion_property_cede(property);
	return (void *)(intptr_t)r;
}

static void *cede(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_property_cede(property);
}

static void *keep_lease(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_property_lease(property);
}

static void *keep_purchase(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_property_purchase(property);
}

static void *lease_timed(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_property_lease_timed(property, 1000000);
}

static void test_table_of_mine(void **state)
{
	struct fusion_property_state s;

	(void)state;
	assert_int_equal(fusion_property_cede(property), -EPERM);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_purchase(property), -EDEADLK);
	assert_int_equal(fusion_property_state(property, &s), 0);
	assert_int_equal(s.status, FUSION_PROPERTY_LEASED);
	assert_int_equal(s.owner, arena->id);
	assert_int_equal(s.levels, 2);
	assert_true(s.mine);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_LEASED);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(fusion_property_cede(property), -EPERM);

	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(fusion_property_lease(property), -EDEADLK);
	assert_int_equal(fusion_property_hold_up(property, 0), -EDEADLK);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_PURCHASED);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(fusion_property_hold_up(property, 0), 0);
}

static void test_bad_arguments(void **state)
{
	struct fusion_property_options o = {.size = sizeof(o) + 1};
	struct fusion_property_state s;
	struct fusion_property *p, *none = (struct fusion_property *)&counter;

	(void)state;
	assert_int_equal(fusion_property_create(arena, "x", &o, &p), -EINVAL);
	o.size = sizeof(o);
	o.lease_window_ns = -1;
	assert_int_equal(fusion_property_create(arena, "x", &o, &p), -EINVAL);
	assert_int_equal(fusion_property_create(arena, "screen", NULL, &p),
			 -EEXIST);
	assert_int_equal(fusion_property_create(arena, "x", NULL, NULL),
			 -EINVAL);
	assert_int_equal(fusion_property_lookup(arena, "x", &p), -ENOENT);
	assert_int_equal(fusion_property_lookup(arena, "screen", &p), 0);
	assert_ptr_equal(p, property);
	assert_int_equal(fusion_property_lease(none), -EINVAL);
	assert_int_equal(fusion_property_purchase(NULL), -EINVAL);
	assert_int_equal(fusion_property_cede(none), -EINVAL);
	assert_int_equal(fusion_property_hold_up(none, 0), -EINVAL);
	assert_int_equal(fusion_property_state(none, &s), -EINVAL);
	assert_int_equal(fusion_property_state(property, NULL), -EINVAL);
	assert_int_equal(fusion_property_destroy(none), -EINVAL);
	assert_int_equal(fusion_property_lease_timed(property, -2), -EINVAL);
	assert_int_equal(fusion_property_create(arena, NULL, NULL, &p), 0);
	assert_int_equal(rec_of(p)->lease_window_ns, 100000000);
	assert_int_equal(rec_of(p)->purchase_window_ns, 1000000000);
}

static void test_leased_by_another(void **state)
{
	pthread_t a, b;

	(void)state;
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(elsewhere(cede), -EPERM);
	assert_int_equal(elsewhere(lease_timed), -ETIMEDOUT);
	/* No window ends this wait. */
	start(&a, lease, NULL);
	start(&b, purchase, NULL);
	await_waiter();
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(join(a), 0);
	assert_int_equal(join(b), 0);
}

/* Row 13 of the checklist: busy in both paths. */
static void test_purchased_by_another(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(elsewhere(cede), -EPERM);
	/* Waits the window out ... */
	assert_int_equal(elsewhere(purchase), -EBUSY);
	/* ... which has passed for these when they come. */
	assert_int_equal(elsewhere(purchase), -EBUSY);
	assert_int_equal(elsewhere(lease), -EBUSY);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(elsewhere(lease), 0);

	/* Given back within the window. */
	assert_int_equal(fusion_property_purchase(property), 0);
	store_relaxed(&rec_of(property)->purchase_window_ns, INT64_MAX / 4);
	start(&t, purchase, NULL);
	await_waiter();
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(join(t), 0);
}

static void test_thread_ends(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(elsewhere(keep_lease), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(elsewhere(keep_purchase), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(rec_of(property)->recovered, 2);
	start(&t, keep_lease, NULL);
	assert_int_equal(elsewhere(purchase), 0);
	assert_int_equal(join(t), 0);
}

static void *count_up(void *arg)
{
	bool buy = arg;

	for (int i = 0; i < ROUNDS; i++) {
		int r;

		do
			r = buy ? fusion_property_purchase(property)
				: fusion_property_lease(property);
		while (r == -EBUSY);
		if (r < 0)
			return (void *)(intptr_t)r;
		counter++;
		r = fusion_property_cede(property);
		if (r < 0)
			return (void *)(intptr_t)r;
	}
	return NULL;
}

static void test_exclusion(void **state)
{
	pthread_t t[THREADS];

	(void)state;
	for (uintptr_t i = 0; i < THREADS; i++)
		start(&t[i], count_up, (void *)(i % 2));
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
	assert_int_equal(counter, THREADS * ROUNDS);
	assert_int_equal(rec_of(property)->leased, THREADS * ROUNDS / 2);
	assert_int_equal(rec_of(property)->purchased, THREADS * ROUNDS / 2);
}

static void test_destroy(void **state)
{
	struct fusion_property_state s;
	struct fusion_property *again;
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_property_lease(property), 0);
	start(&t, lease, NULL);
	await_waiter();
	assert_int_equal(fusion_property_destroy(property), 0);
	assert_int_equal(join(t), -EIDRM);
	assert_int_equal(fusion_property_destroy(property), -EIDRM);
	assert_int_equal(fusion_property_lease(property), -EIDRM);
	assert_int_equal(fusion_property_state(property, &s), -EIDRM);
	assert_int_equal(fusion_property_create(arena, "screen", NULL, &again),
			 0);
	assert_ptr_equal(again, property);
	assert_int_equal(fusion_property_cede(property), -EIDRM);
	assert_int_equal(fusion_property_cede(property), -EPERM);
	assert_int_equal(elsewhere(purchase), 0);
}

static void lease_there(struct fusion_arena *a)
{
	struct fusion_property *p;

	fusion_property_lookup(a, "screen", &p);
	fusion_property_lease(p);
	fusion_property_lease(p);
}

static void purchase_there(struct fusion_arena *a)
{
	struct fusion_property *p;

	fusion_property_lookup(a, "screen", &p);
	fusion_property_purchase(p);
}

static void test_killed(void **state)
{
	(void)state;
	/* Nobody but who waits finds out. */
	run_and_kill(arena, lease_there);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
	store_relaxed(&rec_of(property)->purchase_window_ns, INT64_MAX / 4);
	run_and_kill(arena, purchase_there);
	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(rec_of(property)->recovered, 2);
}

static void test_hold_up(void **state)
{
	int fd = arena->view.fd, status;
	pid_t pid = fork();

	(void)state;
	if (!pid) {
		view_unmap(&arena->view);
		tls_after_fork_child();
		purchase_there(image_enter(fd));
		for (;;)
			pause();
	}
	while (!(load_acquire(&rec_of(property)->word) & PROPERTY_PURCHASED))
		sched_yield();
	assert_int_equal(elsewhere(lease), -EBUSY);
	assert_int_equal(fusion_property_hold_up(property, 0), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(fusion_property_hold_up(property, FUSION_FOREVER), 0);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest all[] = {
		TEST(test_table_of_mine),     TEST(test_bad_arguments),
		TEST(test_leased_by_another), TEST(test_purchased_by_another),
		TEST(test_thread_ends),	      TEST(test_exclusion),
		TEST(test_destroy),	      TEST(test_killed),
		TEST(test_hold_up),
	};

	return cmocka_run_group_tests_name("property", all, NULL, NULL);
}
