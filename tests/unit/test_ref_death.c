/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reference counters when those who count are killed
 *
 * No daemon: the one who is left finds the dead (member_child.h).
 */
#include "tests/unit/member_child.h"

#include <sched.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_pass.h"
#include "libfusion/core/refs/ref_zero.h"
#include "libfusion/refs/ref_watch.h"
#include "libfusion/talk/dispatch.h"

static struct fusion_arena *arena;
static struct fusion_ref *ref;
static uint32_t fired; /* atomic, futex */

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(16ull << 20, 0));
	fired = 0;
	return fusion_ref_create(arena, "ref", NULL, &ref);
}

static int tear_down(void **state)
{
	(void)state;
	watch_stop(arena);
	dispatch_stop(arena);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static struct fusion_ref_stat stat_of(struct fusion_ref *r)
{
	struct fusion_ref_stat s;

	assert_int_equal(fusion_ref_stat(r, &s, sizeof(s)), 0);
	return s;
}

static void assert_counts(struct fusion_ref *r, uint64_t total, uint64_t falls)
{
	struct fusion_ref_stat s = stat_of(r);

	assert_int_equal(s.total, total);
	assert_int_equal(s.falls, falls);
}

static void on_fall(struct fusion_ref *r, void *ctx)
{
	(void)r;
	add_release((uint32_t *)ctx, 1);
	futex_wake(ctx, 1);
}

static void await(const uint32_t *n, uint32_t want)
{
	uint32_t seen;

	while ((seen = load_acquire(n)) < want)
		futex_wait(n, seen, -1);
	assert_int_equal(seen, want);
}

/* --- Children --------------------------------------------------------------
 */

static void bury(void)
{
	assert_int_equal(life_sweep(&arena->view), 1);
}

static int up(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_up(ref);
}

static int down(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_down(ref);
}

static int up_global(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_up_global(ref);
}

static int catch_one(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_catch(ref);
}

static int zero_trylock(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_zero_trylock(ref);
}

static int zero_unlock(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_unlock(ref);
}

/* --- Counts ----------------------------------------------------------------
 */

static void test_counts_die_with_their_member(void **state)
{
	struct child c = have_child(arena);

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(&c, up), 0);
	assert_int_equal(ask(&c, up_global), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_counts(ref, 4, 0);
	slay(&c);
	bury();
	/* The global one stays. */
	assert_counts(ref, 1, 0);
	assert_int_equal(fusion_ref_down_global(ref), 0);
	assert_counts(ref, 0, 1);
	await(&fired, 1);
}

static void test_a_death_is_a_fall(void **state)
{
	struct child c = have_child(arena), d = have_child(arena);

	(void)state;
	assert_int_equal(ask(&c, up), 0);
	assert_int_equal(ask(&d, up), 0);
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL), 0);
	slay(&c);
	bury();
	assert_counts(ref, 1, 0);
	slay(&d);
	bury();
	assert_counts(ref, 0, 1);
	await(&fired, 1);
	/* And the watch is still there. */
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	await(&fired, 2);
}

/* Nobody says anything: the watcher, and who waits, look by themselves. */
static void test_a_death_is_noticed_without_a_daemon(void **state)
{
	struct child c = have_child(arena);

	(void)state;
	assert_int_equal(ask(&c, up), 0);
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL), 0);
	slay(&c);
	assert_int_equal(fusion_ref_zero_lock(ref, FUSION_FOREVER, 0), 0);
	await(&fired, 1);
	assert_int_equal(fusion_ref_unlock(ref), 0);
}

static void test_heirs_of_the_dead(void **state)
{
	struct child c = have_child(arena);
	struct fusion_ref *heir, *last;

	(void)state;
	assert_int_equal(fusion_ref_create(arena, "heir", NULL, &heir), 0);
	assert_int_equal(fusion_ref_create(arena, "last", NULL, &last), 0);
	assert_int_equal(fusion_ref_inherit(heir, ref), 0);
	assert_int_equal(fusion_ref_inherit(last, heir), 0);
	assert_int_equal(ask(&c, up), 0);
	assert_counts(last, 1, 0);
	assert_int_equal(fusion_ref_watch(last, on_fall, &fired, NULL, NULL),
			 0);
	slay(&c);
	bury();
	await(&fired, 1);
	assert_counts(ref, 0, 1);
	assert_counts(heir, 0, 1);
	assert_counts(last, 0, 1);
}

/* --- Locks and watches -----------------------------------------------------
 */

static void test_lock_dies_with_its_member(void **state)
{
	struct child c = have_child(arena);

	(void)state;
	assert_int_equal(ask(&c, zero_trylock), 0);
	assert_int_equal(stat_of(ref).locker, c.id);
	assert_int_equal(fusion_ref_unlock(ref), -EPERM);
	assert_int_equal(fusion_ref_up(ref), -EBUSY);
	slay(&c);
	/* Waits for it, and finds it dead. */
	assert_int_equal(fusion_ref_zero_lock(ref, FUSION_FOREVER, 0), 0);
	assert_int_equal(fusion_ref_unlock(ref), 0);
	c = have_child(arena);
	assert_int_equal(fusion_ref_zero_trylock(ref), 0);
	assert_int_equal(ask(&c, zero_trylock), -EBUSY);
	assert_int_equal(ask(&c, zero_unlock), -EPERM);
	assert_int_equal(ask(&c, up), -EBUSY);
	assert_int_equal(fusion_ref_unlock(ref), 0);
	assert_int_equal(ask(&c, up), 0);
	slay(&c);
	bury();
}

static int watch(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_watch(ref, on_fall, &fired, NULL, NULL);
}

static int has_fired(struct fusion_arena *a)
{
	(void)a;
	await(&fired, 1);
	return 0;
}

static void test_watch_dies_with_its_member(void **state)
{
	struct child c = have_child(arena);

	(void)state;
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(ask(&c, watch), 0);
	assert_int_equal(stat_of(ref).watcher, c.id);
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL),
			 -EBUSY);
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_int_equal(ask(&c, has_fired), 0);
	assert_int_equal(fusion_ref_up(ref), 0);
	slay(&c);
	bury();
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	await(&fired, 1);
}

/* --- Throwing --------------------------------------------------------------
 */

static fusion_id_t catcher;

static int throw_one(struct fusion_arena *a)
{
	(void)a;
	return fusion_ref_throw(ref, catcher);
}

static void test_thrower_dies(void **state)
{
	struct child c;

	(void)state;
	catcher = arena->id;
	c = have_child(arena);
	assert_int_equal(ask(&c, throw_one), -EPERM);
	assert_int_equal(ask(&c, up), 0);
	assert_int_equal(ask(&c, up), 0);
	assert_int_equal(ask(&c, throw_one), 0);
	slay(&c);
	bury();
	/* It is mine, whether I have caught it or not. */
	assert_counts(ref, 1, 0);
	assert_int_equal(stat_of(ref).pending, 1);
	assert_int_equal(fusion_ref_catch(ref), 0);
	assert_counts(ref, 1, 0);
	assert_int_equal(fusion_ref_down(ref), 0);
	assert_counts(ref, 0, 1);
}

static void test_catcher_dies(void **state)
{
	struct child c = have_child(arena);

	(void)state;
	for (int caught = 0; caught < 2; caught++) {
		assert_int_equal(fusion_ref_up(ref), 0);
		assert_int_equal(fusion_ref_up(ref), 0);
		assert_int_equal(fusion_ref_throw(ref, c.id), 0);
		assert_int_equal(stat_of(ref).local, 1);
		if (caught)
			assert_int_equal(ask(&c, catch_one), 0);
		slay(&c);
		bury();
		assert_counts(ref, 1, (uint64_t)caught);
		assert_int_equal(fusion_ref_throw(ref, c.id), -ESRCH);
		assert_int_equal(fusion_ref_down(ref), 0);
		assert_counts(ref, 0, (uint64_t)caught + 1);
		c = have_child(arena);
	}
	assert_int_equal(ask(&c, catch_one), -ENODATA);
	assert_int_equal(ask(&c, down), -EPERM);
	slay(&c);
	bury();
}

/* --- Fork ------------------------------------------------------------------
 * What libfusion/refs/ref_fork.c does, step by step: there it needs a daemon.
 */

static struct ref_member parent;
static int grandchild_to[2], grandchild_from[2]; /* of the child that forks */

/* The child of the child: a member only when told so. */
static void grow_up(int in, int out, int mark)
{
	struct fusion_arena *a = NULL;
	char byte;
	int r, fd;

	while (read(in, &byte, 1) == 1) {
		if (byte == 'j') {
			fd = description_of(mark);
			r = witness_fork_mark(fd, parent.slot, true);
			close(mark);
			a = image_enter(fd);
			a->view.fork_of = parent.slot;
		} else {
			r = ref_fork_take(&a->view, thread_rec_of(a), parent);
			a->view.fork_of = 0;
			witness_fork_mark(a->view.lockfd, parent.slot, false);
		}
		answer(out, r);
	}
	_exit(0);
}

/* Keeps its counts for a child, has one, and tells its pid. */
static int fork_one(struct fusion_arena *a)
{
	int mark = description_of(a->view.fd);
	pid_t pid;

	parent = (struct ref_member){a->view.slot, a->id};
	if (witness_fork_mark(mark, a->view.slot, true) < 0 ||
	    ref_fork_hold(&a->view, thread_rec_of(a)) != 1)
		return -1;
	/* Not as a program does it: no handlers. */
	pid = fork();
	if (!pid) {
		image_forget(a);
		close(a->view.fd);
		/* So that it ends with the test. */
		close(grandchild_to[1]);
		close(grandchild_from[0]);
		grow_up(grandchild_to[0], grandchild_from[1], mark);
	}
	return pid;
}

struct family {
	struct child parent;
	pid_t child;
	int to, from;
};

static struct family have_family(void)
{
	struct family f;

	assert_int_equal(pipe2(grandchild_to, O_CLOEXEC), 0);
	assert_int_equal(pipe2(grandchild_from, O_CLOEXEC), 0);
	f.parent = have_child(arena);
	f.to = grandchild_to[1];
	f.from = grandchild_from[0];
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(&f.parent, up), 0);
	f.child = ask(&f.parent, fork_one);
	assert_true(f.child > 0);
	close(grandchild_to[0]);
	close(grandchild_from[1]);
	return f;
}

static int ask_child(struct family *f, char what)
{
	int value;

	assert_int_equal(write(f->to, &what, 1), 1);
	assert_int_equal(read(f->from, &value, sizeof(value)), sizeof(value));
	return value;
}

/* It is another's child, or nobody's any more. */
static void slay_child(struct family *f)
{
	kill(f->child, SIGKILL);
	close(f->to);
	close(f->from);
	while (process_start_time(f->child))
		sched_yield();
}

static void test_fork_parent_dies_first(void **state)
{
	struct family f = have_family();

	(void)state;
	assert_int_equal(fusion_ref_watch(ref, on_fall, &fired, NULL, NULL), 0);
	assert_true(stat_of(ref).total >= 3);
	slay(&f.parent);
	/* It cannot be buried before its child has what it left. */
	assert_int_equal(life_sweep(&arena->view), 0);
	assert_true(stat_of(ref).total >= 3);
	assert_int_equal(ask_child(&f, 'j'), 0);
	assert_int_equal(life_sweep(&arena->view), 0);
	assert_true(stat_of(ref).total >= 3);
	assert_int_equal(ask_child(&f, 't'), 1);
	bury();
	assert_counts(ref, 3, 0);
	assert_int_equal(stat_of(ref).members, 1);
	slay_child(&f);
	bury();
	assert_counts(ref, 0, 1);
	await(&fired, 1);
}

static void test_fork_child_dies_before_it_has_joined(void **state)
{
	struct family f = have_family();

	(void)state;
	slay(&f.parent);
	assert_int_equal(life_sweep(&arena->view), 0);
	slay_child(&f);
	bury();
	assert_counts(ref, 0, 1);
}

static void test_fork_child_dies_before_it_has_its_counts(void **state)
{
	struct family f = have_family();

	(void)state;
	assert_int_equal(ask_child(&f, 'j'), 0);
	slay(&f.parent);
	assert_int_equal(life_sweep(&arena->view), 0);
	slay_child(&f);
	assert_int_equal(life_sweep(&arena->view), 2);
	assert_counts(ref, 0, 1);
}

static int take_back(struct fusion_arena *a)
{
	return ref_fork_drop(&a->view, thread_rec_of(a));
}

static int stat_local(struct fusion_arena *a)
{
	(void)a;
	return (int)stat_of(ref).local;
}

static void test_fork_parent_takes_back_what_is_left(void **state)
{
	struct family f = have_family();

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(ask(&f.parent, down), 0);
	/* Kept for the child all the while. */
	assert_counts(ref, 3, 0);
	slay_child(&f);
	assert_int_equal(ask(&f.parent, take_back), 1);
	assert_counts(ref, 0, 1);
	assert_int_equal(ask(&f.parent, stat_local), 0);
	slay(&f.parent);
	bury();
	assert_counts(ref, 0, 1);
}

/* --- At any moment ---------------------------------------------------------
 */

#define REFS 6
#define KILLS 150

static struct {
	uint64_t n; /* atomic: operations done */
	fusion_id_t id[2];
} * shared;

static uint64_t next_random(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	*x ^= *x << 17;
	return *x;
}

static void do_something(struct fusion_arena *a, uint64_t r)
{
	struct fusion_ref *x, *y;
	char name[8];

	snprintf(name, sizeof(name), "r%u", (unsigned)(r >> 8) % REFS);
	if (fusion_ref_lookup(a, name, &x) < 0) {
		fusion_ref_create(a, name, NULL, &x);
		return;
	}
	switch (r % 16) {
	case 0:
		fusion_ref_destroy(x);
		break;
	case 1:
		snprintf(name, sizeof(name), "r%u", (unsigned)(r >> 16) % REFS);
		if (fusion_ref_lookup(a, name, &y) == 0)
			fusion_ref_inherit(x, y);
		break;
	case 2:
		if (fusion_ref_zero_trylock(x) == 0)
			fusion_ref_unlock(x);
		break;
	case 3:
	case 4:
		fusion_ref_throw(x, shared->id[r >> 24 & 1]);
		break;
	case 5:
	case 6:
		fusion_ref_catch(x);
		break;
	case 7:
		/* Nobody to tell: only the words. */
		if (ref_watch(&a->view, thread_rec_of(a), handle_entry(x),
			      &(uint64_t){0}) == 0 &&
		    r >> 32 & 1)
			ref_unwatch(&a->view, thread_rec_of(a),
				    handle_entry(x));
		break;
	case 8:
	case 9:
	case 10:
		fusion_ref_down(x);
		break;
	default:
		fusion_ref_up(x);
	}
}

static int toil(struct fusion_arena *a)
{
	uint64_t x = (uint64_t)getpid() * 0x9e3779b97f4a7c15ull + 1;

	for (;;) {
		do_something(a, next_random(&x));
		add_relaxed(&shared->n, 1);
	}
	return 0;
}

/* Two at a time, so that they are in each other's way; first one dies, then the
 * other finds it, or does not. */
static void test_killed_anywhere(void **state)
{
	uint64_t x = 88172645463325252ull;

	(void)state;
	shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	assert_int_equal(fusion_ref_destroy(ref), 0);
	for (int i = 0; i < KILLS; i++) {
		struct child c = have_child(arena), d = have_child(arena);
		uint64_t until = next_random(&x) % 2000;

		shared->id[0] = c.id;
		shared->id[1] = d.id;
		store_relaxed(&shared->n, 0);
		tell(&c, toil);
		tell(&d, toil);
		while (load_relaxed(&shared->n) < until)
			sched_yield();
		slay(&c);
		until = load_relaxed(&shared->n) + 100;
		/* The other goes on: whatever the dead one held. */
		while (load_relaxed(&shared->n) < until)
			sched_yield();
		slay(&d);
		life_sweep(&arena->view);
		assert_int_equal(arena_check(&arena->view, print_fault, NULL),
				 0);
		assert_int_equal(arena->view.sb->rows.n, 0);
	}
	munmap(shared, 4096);
}

int main(void)
{
#define REF_TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		REF_TEST(test_counts_die_with_their_member),
		REF_TEST(test_a_death_is_a_fall),
		REF_TEST(test_a_death_is_noticed_without_a_daemon),
		REF_TEST(test_heirs_of_the_dead),
		REF_TEST(test_lock_dies_with_its_member),
		REF_TEST(test_watch_dies_with_its_member),
		REF_TEST(test_thrower_dies),
		REF_TEST(test_catcher_dies),
		REF_TEST(test_fork_parent_dies_first),
		REF_TEST(test_fork_child_dies_before_it_has_joined),
		REF_TEST(test_fork_child_dies_before_it_has_its_counts),
		REF_TEST(test_fork_parent_takes_back_what_is_left),
		REF_TEST(test_killed_anywhere),
	};

	return cmocka_run_group_tests_name("ref_death", tests, NULL, NULL);
}
