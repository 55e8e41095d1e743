/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Properties: each cell of the table, and each way to lose one. */
#include "tests/unit/heap_member.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"

#define THREADS 4
#define ROUNDS 5000
#define PROCESSES 4
#define PROCESS_ROUNDS 25000 /* 10^5 in all */
#define NOBODY 65534

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
	return handle_entry(p);
}

static enum fusion_property_status status(void)
{
	struct fusion_property_stat s;

	assert_int_equal(fusion_property_stat(property, &s, sizeof(s)), 0);
	return s.status;
}

/* From now on no window ends a wait. */
static void patient(void)
{
	store_relaxed(&rec_of(property)->lease_window_ns, INT64_MAX / 4);
	store_relaxed(&rec_of(property)->purchase_window_ns, INT64_MAX / 4);
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
	return (void *)(intptr_t)fusion_property_lease_timed(property, 1000000,
							     0);
}

static void test_table_of_mine(void **state)
{
	struct fusion_property_stat s;

	(void)state;
	assert_int_equal(fusion_property_cede(property), -EPERM);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_purchase(property), -EDEADLK);
	assert_int_equal(fusion_property_stat(property, &s, sizeof(s)), 0);
	assert_int_equal(s.status, FUSION_PROPERTY_LEASED);
	assert_int_equal(s.id, fusion_property_id(property));
	assert_int_equal(s.owner, arena->id);
	assert_int_equal(s.levels, 2);
	assert_true(s.mine);
	assert_int_equal(fusion_property_stat(property, &s, 0), -EINVAL);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_LEASED);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(fusion_property_cede(property), -EPERM);

	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(fusion_property_lease(property), -EDEADLK);
	assert_int_equal(fusion_property_hold_up(property, 0, 0), -EDEADLK);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_PURCHASED);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(fusion_property_hold_up(property, 0, 0), 0);
}

static void test_bad_arguments(void **state)
{
	struct fusion_property_options o = {.size = sizeof(o) - 8};
	struct fusion_property_stat s;
	struct fusion_property *p, *none = (struct fusion_property *)&counter;

	(void)state;
	assert_int_equal(fusion_property_create(arena, "x", &o, &p), -EINVAL);
	o.size = sizeof(o);
	o.lease_window_ns = -2;
	assert_int_equal(fusion_property_create(arena, "x", &o, &p), -EINVAL);
	o.lease_window_ns = 0;
	o.purchase_window_ns = INT64_MIN;
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
	assert_int_equal(fusion_property_hold_up(none, 0, 0), -EINVAL);
	assert_int_equal(fusion_property_stat(none, &s, sizeof(s)), -EINVAL);
	assert_int_equal(fusion_property_stat(property, NULL, sizeof(s)),
			 -EINVAL);
	assert_int_equal(fusion_property_destroy(none), -EINVAL);
	assert_int_equal(fusion_property_lease_timed(property, -2, 0), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "time-out"));
	assert_int_equal(fusion_property_purchase_timed(property, INT64_MIN, 0),
			 -EINVAL);
	assert_int_equal(fusion_property_hold_up(property, -2, 0), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "time-out"));
	assert_int_equal(fusion_property_hold_up(property, INT64_MAX, 0), 0);
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
	patient();
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

static void options_grow_by_one_rule(void **state)
{
	struct {
		struct fusion_property_options o;
		uint64_t later;
	} next = {.o = FUSION_PROPERTY_OPTIONS_INIT};
	struct fusion_property *p = NULL;

	(void)state;
	assert_int_equal(next.o.size, sizeof(next.o));
	next.o.size = sizeof(next);
	assert_int_equal(fusion_property_create(arena, "b", &next.o, &p), 0);
	assert_int_equal(rec_of(p)->purchase_window_ns, 1000000000);
	next.later = 1;
	p = NULL;
	assert_int_equal(fusion_property_create(arena, "c", &next.o, &p),
			 -E2BIG);
	assert_int_equal(fusion_property_open(arena, "c", &next.o, &p), -E2BIG);
	assert_null(p);
}

static void open_finds_or_creates(void **state)
{
	const struct fusion_property_options o = {.size = sizeof(o),
						  .lease_window_ns = 7};
	struct fusion_property *p = NULL, *q = NULL;
	fusion_id_t id;

	(void)state;
	assert_int_equal(fusion_property_open(arena, "screen", &o, &p), 0);
	assert_ptr_equal(p, property);
	assert_int_equal(rec_of(p)->lease_window_ns, 20000000);
	assert_int_equal(fusion_property_open(arena, "new", &o, &p), 0);
	assert_int_equal(rec_of(p)->lease_window_ns, 7);
	assert_int_equal(fusion_property_open(arena, "new", NULL, &q), 0);
	assert_ptr_equal(p, q);
	q = NULL;
	assert_int_equal(fusion_property_open(arena, NULL, NULL, &q), -EINVAL);
	assert_int_equal(fusion_property_open(arena, ".", NULL, &q), -EINVAL);
	assert_int_equal(fusion_property_open(arena, "x", NULL, NULL), -EINVAL);
	assert_int_equal(fusion_property_open(NULL, "x", NULL, &q), -EINVAL);

	id = fusion_property_id(p);
	assert_int_equal(id, rec_of(p)->e.id);
	assert_int_equal(fusion_property_get(arena, id, &q), 0);
	assert_ptr_equal(p, q);
	assert_int_equal(fusion_property_destroy(p), 0);
	assert_int_equal(fusion_property_id(p), 0);
	assert_int_equal(fusion_property_id(NULL), 0);
	assert_int_equal(fusion_property_get(arena, id, &q), -ENOENT);
	assert_int_equal(fusion_property_destroy(NULL), 0);
	assert_int_equal(fusion_property_get(arena, 0, &q), -EINVAL);
	assert_int_equal(fusion_property_get(arena, id, NULL), -EINVAL);
}

static void *purchase_and_hold(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_property_purchase(property);
}

/* A window without a limit, or longer than the clock, does not overflow. */
static void endless_window_waits(void **state)
{
	const int64_t windows[] = {FUSION_FOREVER, INT64_MAX};
	pthread_t t;

	(void)state;
	for (int i = 0; i < 2; i++) {
		const struct fusion_property_options o = {
			.size = sizeof(o),
			.lease_window_ns = windows[i],
			.purchase_window_ns = windows[i],
		};

		assert_int_equal(fusion_property_destroy(property), 0);
		assert_int_equal(
			fusion_property_create(arena, "screen", &o, &property),
			0);
		assert_int_equal(fusion_property_purchase(property), 0);
		assert_int_equal(elsewhere(lease_timed), -ETIMEDOUT);
		start(&t, purchase_and_hold, NULL);
		await_waiter();
		assert_int_equal(fusion_property_cede(property), 0);
		assert_int_equal(join(t), 0);
		assert_int_equal(fusion_property_purchase(property), 0);
		assert_int_equal(fusion_property_cede(property), 0);
	}
}

static void *destroy(void *arg)
{
	(void)arg;
	return (void *)(intptr_t)fusion_property_destroy(property);
}

static void test_destroy(void **state)
{
	struct fusion_property_stat s;
	struct fusion_property *again;
	pthread_t t;

	(void)state;
	assert_int_equal(fusion_property_lease(property), 0);
	start(&t, lease, NULL);
	await_waiter();
	assert_int_equal(elsewhere(destroy), 0);
	assert_int_equal(join(t), -EIDRM);
	assert_int_equal(fusion_property_destroy(property), -EIDRM);
	assert_int_equal(fusion_property_lease(property), -EIDRM);
	assert_int_equal(fusion_property_stat(property, &s, sizeof(s)), -EIDRM);
	assert_int_equal(fusion_property_create(arena, "screen", NULL, &again),
			 0);
	assert_ptr_equal(handle_entry(again), handle_entry(property));
	assert_int_equal(fusion_property_cede(property), -EIDRM);
	assert_int_equal(fusion_property_cede(again), -EPERM);
	property = again;
	assert_int_equal(elsewhere(purchase), 0);
}

/* Nothing is left of it with its owner, who destroys it himself. */
static void test_destroy_own(void **state)
{
	(void)state;
	for (int i = 0; i <= FUSION_PROPERTIES_OWNED; i++) {
		assert_int_equal(fusion_property_purchase(property), 0);
		assert_int_equal(fusion_property_destroy(property), 0);
		assert_int_equal(fusion_property_cede(property), -EIDRM);
		assert_int_equal(fusion_property_create(arena, "screen", NULL,
							&property),
				 0);
	}
}

static void test_destroyed_and_taken_again(void **state)
{
	(void)state;
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(elsewhere(destroy), 0);
	assert_int_equal(
		fusion_property_create(arena, "screen", NULL, &property), 0);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(fusion_property_cede(property), -EPERM);
}

static void test_limits(void **state)
{
	struct fusion_property *p[FUSION_PROPERTIES_OWNED + 1];

	(void)state;
	for (int i = 0; i <= FUSION_PROPERTIES_OWNED; i++)
		assert_int_equal(
			fusion_property_create(arena, NULL, NULL, &p[i]), 0);
	for (int i = 0; i < FUSION_PROPERTIES_OWNED; i++)
		assert_int_equal(fusion_property_lease(p[i]), 0);
	assert_int_equal(fusion_property_lease(p[FUSION_PROPERTIES_OWNED]),
			 -ENOLCK);
	/* One more level is nothing more to own. */
	assert_int_equal(fusion_property_lease(p[0]), 0);
	assert_int_equal(fusion_property_cede(p[0]), 0);
	for (int i = 0; i < FUSION_PROPERTIES_OWNED; i++)
		assert_int_equal(fusion_property_cede(p[i]), 0);

	assert_int_equal(fusion_property_lease(property), 0);
	add_relaxed(&rec_of(property)->word,
		    (PROPERTY_LEVELS_MAX - 1) * PROPERTY_LEVEL);
	assert_int_equal(fusion_property_lease(property), -EOVERFLOW);
	assert_int_equal(status(), FUSION_PROPERTY_LEASED);
	add_relaxed(&rec_of(property)->word,
		    -(PROPERTY_LEVELS_MAX - 1) * PROPERTY_LEVEL);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
}

/* --- Other processes -------------------------------------------------------
 */

static void find(struct fusion_arena *a)
{
	arena = a;
	if (fusion_property_lookup(a, "screen", &property) < 0)
		_exit(99);
}

/* A member of the arena that ends with what @fn returns. */
static pid_t spawn(int (*fn)(void *), void *arg)
{
	char path[40];
	pid_t pid = fork();
	int fd;

	if (pid)
		return pid;
	/* A description of its own: a life lock is one's description's. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", arena->view.fd);
	fd = open(path, O_RDWR | O_CLOEXEC);
	image_forget(arena);
	find(image_enter(fd));
	_exit(fn(arg));
}

static int reap(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void kill_and_reap(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
}

static int hang(void)
{
	while (pause() < 0)
		;
	return 0;
}

static int lease_and_hang(void *arg)
{
	(void)arg;
	return fusion_property_lease(property) ||
	       fusion_property_lease(property) || hang();
}

static int purchase_and_hang(void *arg)
{
	(void)arg;
	return fusion_property_purchase(property) || hang();
}

static int lease_and_leave(void *arg)
{
	(void)arg;
	if (fusion_property_lease(property) < 0)
		return 1;
	image_leave(arena);
	return 0;
}

static void await_status(enum fusion_property_status s)
{
	while (status() != s)
		sched_yield();
}

/* Nobody but who wants it finds out. */
static void test_killed(void **state)
{
	pid_t pid;

	(void)state;
	pid = spawn(lease_and_hang, NULL);
	await_status(FUSION_PROPERTY_LEASED);
	kill_and_reap(pid);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);

	pid = spawn(purchase_and_hang, NULL);
	await_status(FUSION_PROPERTY_PURCHASED);
	kill_and_reap(pid);
	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(rec_of(property)->recovered, 2);
}

/* A dead owner is no reason to send anybody away, however impatient. */
static void test_killed_is_not_busy(void **state)
{
	pid_t pid;

	(void)state;
	pid = spawn(lease_and_hang, NULL);
	await_status(FUSION_PROPERTY_LEASED);
	assert_int_equal(fusion_property_lease_timed(property, 0, 0),
			 -ETIMEDOUT);
	kill_and_reap(pid);
	assert_int_equal(fusion_property_lease_timed(property, 0, 0), 0);
	assert_int_equal(fusion_property_cede(property), 0);

	pid = spawn(purchase_and_hang, NULL);
	await_status(FUSION_PROPERTY_PURCHASED);
	assert_int_equal(fusion_property_lease(property), -EBUSY);
	kill_and_reap(pid);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
}

static void killed_under_waiters(int (*owner)(void *))
{
	pthread_t t[THREADS];
	pid_t pid = spawn(owner, NULL);

	await_status(owner == lease_and_hang ? FUSION_PROPERTY_LEASED
					     : FUSION_PROPERTY_PURCHASED);
	for (int i = 0; i < THREADS; i++)
		start(&t[i], i % 2 ? purchase : lease, NULL);
	await_waiter();
	kill_and_reap(pid);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(join(t[i]), 0);
}

static void test_killed_under_waiters(void **state)
{
	(void)state;
	patient();
	killed_under_waiters(lease_and_hang);
	killed_under_waiters(purchase_and_hang);
}

static void test_waiter_killed(void **state)
{
	pid_t pid;

	(void)state;
	patient();
	assert_int_equal(fusion_property_lease(property), 0);
	pid = spawn(purchase_and_hang, NULL);
	await_waiter();
	kill_and_reap(pid);
	assert_int_equal(fusion_property_cede(property), 0);
	assert_int_equal(elsewhere(lease), 0);
	assert_int_equal(life_sweep(&arena->view), 1);
}

static void test_leaves(void **state)
{
	pid_t pid;

	(void)state;
	pid = spawn(lease_and_leave, NULL);
	assert_int_equal(reap(pid), 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(rec_of(property)->recovered, 1);
}

struct guarded {
	uint32_t ready; /* atomic */
	uint64_t counter;
	pid_t inside;
};

static int work(void *arg)
{
	struct guarded *g = arg;
	bool buy = add_relaxed(&g->ready, 1) % 2;

	while (load_relaxed(&g->ready) < PROCESSES)
		sched_yield();
	for (int i = 0; i < PROCESS_ROUNDS; i++, buy = !buy) {
		int r;

		do
			r = buy ? fusion_property_purchase(property)
				: fusion_property_lease(property);
		while (r == -EBUSY);
		if (r < 0 || g->inside)
			return 1;
		g->inside = getpid();
		g->counter++;
		if (g->inside != getpid())
			return 2;
		g->inside = 0;
		if (fusion_property_cede(property) < 0)
			return 3;
	}
	return 0;
}

static void test_exclusion_of_processes(void **state)
{
	struct guarded *g = fusion_calloc(arena, 1, sizeof(*g));
	pid_t pid[PROCESSES];

	(void)state;
	assert_non_null(g);
	for (int i = 0; i < PROCESSES; i++)
		pid[i] = spawn(work, g);
	for (int i = 0; i < PROCESSES; i++)
		assert_int_equal(reap(pid[i]), 0);
	assert_int_equal(g->counter, PROCESSES * PROCESS_ROUNDS);
	assert_int_equal(fusion_free(g), 0);
	life_sweep(&arena->view);
}

static void test_state_of_another(void **state)
{
	struct fusion_property_stat s;
	pid_t pid;

	(void)state;
	pid = spawn(lease_and_hang, NULL);
	do
		assert_int_equal(fusion_property_stat(property, &s, sizeof(s)),
				 0);
	while (s.levels < 2);
	assert_int_equal(s.status, FUSION_PROPERTY_LEASED);
	assert_int_not_equal(s.owner, arena->id);
	assert_int_not_equal(s.owner, 0);
	assert_false(s.mine);
	assert_true(s.age_ns >= 0);
	/* A lease is nothing to hold up. */
	assert_int_equal(fusion_property_hold_up(property, FUSION_FOREVER, 0),
			 0);
	assert_int_equal(status(), FUSION_PROPERTY_LEASED);
	kill_and_reap(pid);
	assert_int_equal(life_sweep(&arena->view), 1);
}

/* --- Hold-up ---------------------------------------------------------------
 */

static void test_hold_up(void **state)
{
	pid_t pid = spawn(purchase_and_hang, NULL);

	(void)state;
	await_status(FUSION_PROPERTY_PURCHASED);
	assert_int_equal(elsewhere(lease), -EBUSY);
	assert_int_equal(fusion_property_hold_up(property, FUSION_FOREVER, 0),
			 0);
	assert_int_equal(status(), FUSION_PROPERTY_AVAILABLE);
	assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
	assert_int_equal(fusion_property_lease(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
}

/* Another user, whom the kernel would let look at and kill anybody. */
static int hold_up_as_nobody(void *arg)
{
	const uint32_t caps = 1u << CAP_KILL | 1u << CAP_SYS_PTRACE;
	struct __user_cap_header_struct head = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = {
		{.effective = caps, .permitted = caps},
	};

	(void)arg;
	if (prctl(PR_SET_KEEPCAPS, 1) < 0 || setuid(NOBODY) < 0 ||
	    syscall(SYS_capset, &head, data) < 0)
		return 98;
	return -fusion_property_hold_up(property, 0, 0);
}

static int purchase_as_nobody(void *arg)
{
	(void)arg;
	if (setuid(NOBODY) < 0)
		return 98;
	view_member(&arena->view, arena->view.slot)->uid = NOBODY;
	return purchase_and_hang(NULL);
}

static int hold_up_once(void)
{
	int status = reap(spawn(hold_up_as_nobody, NULL));

	assert_true(WIFEXITED(status));
	life_sweep(&arena->view);
	return -WEXITSTATUS(status);
}

static void test_who_may_hold_up(void **state)
{
	pid_t pid;

	(void)state;
	if (geteuid() != 0)
		return; /* see main() */
	pid = spawn(purchase_and_hang, NULL);
	await_status(FUSION_PROPERTY_PURCHASED);
	assert_int_equal(hold_up_once(), -EPERM);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(status(), FUSION_PROPERTY_PURCHASED);
	kill_and_reap(pid);
	life_sweep(&arena->view);
	/* The purchaser's own user. */
	pid = spawn(purchase_as_nobody, NULL);
	await_status(FUSION_PROPERTY_PURCHASED);
	assert_int_equal(hold_up_once(), 0);
	assert_int_equal(WTERMSIG(reap(pid)), SIGKILL);
	life_sweep(&arena->view);
}

/* What the daemon does for a shell, whose process is @pid. */
static struct thread_rec *purchase_for(struct view *daemon, pid_t pid)
{
	struct thread_rec *rec;

	*daemon = arena->view;
	daemon->slot = 0;
	view_member(daemon, 0)->pidns = process_pidns();
	assert_int_equal(thread_claim(daemon, &rec), 0);
	store_relaxed(&rec->tid, (uint32_t)pid);
	assert_int_equal(
		property_try(daemon, rec, rec_of(property), PROPERTY_PURCHASE),
		0);
	return rec;
}

/* Which process a shell's is, only the daemon knows: what the record says may
 * have been written by anybody. */
static void test_hold_up_of_a_shell(void **state)
{
	struct thread_rec *rec;
	struct view daemon;
	pid_t pid = fork();

	(void)state;
	if (!pid)
		_exit(hang());
	rec = purchase_for(&daemon, pid);
	assert_int_equal(fusion_property_hold_up(property, 0, 0), 0);
	assert_int_equal(fusion_property_hold_up(property, 1, 0), -ETIMEDOUT);
	assert_int_equal(status(), FUSION_PROPERTY_PURCHASED);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	reap(pid);
	assert_int_equal(property_cede(&daemon, rec, rec_of(property)), 0);
	assert_int_equal(fusion_property_hold_up(property, 1, 0), 0);
	thread_release(&daemon, rec);
	view_member(&daemon, 0)->pidns = 0;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
	struct CMUnitTest all[] = {
		TEST(test_table_of_mine),
		TEST(options_grow_by_one_rule),
		TEST(open_finds_or_creates),
		TEST(endless_window_waits),
		TEST(test_bad_arguments),
		TEST(test_leased_by_another),
		TEST(test_purchased_by_another),
		TEST(test_thread_ends),
		TEST(test_exclusion),
		TEST(test_destroy),
		TEST(test_destroy_own),
		TEST(test_destroyed_and_taken_again),
		TEST(test_limits),
		TEST(test_killed),
		TEST(test_killed_is_not_busy),
		TEST(test_killed_under_waiters),
		TEST(test_waiter_killed),
		TEST(test_leaves),
		TEST(test_exclusion_of_processes),
		TEST(test_state_of_another),
		TEST(test_hold_up),
		TEST(test_who_may_hold_up),
		TEST(test_hold_up_of_a_shell),
	};

	/* skip() says "not ok # SKIP", which meson takes for a failure. */
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].test_func == test_who_may_hold_up && geteuid() != 0)
			all[i].name = "test_who_may_hold_up # SKIP only root "
				      "can be somebody else";
	return cmocka_run_group_tests_name("property", all, NULL, NULL);
}
