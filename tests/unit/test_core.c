/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Geometry, views, core locks and thread records. */
#include "tests/unit/arena_image.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/format.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"

static void geometry_every_span_leaves_half_for_the_heap(void **state)
{
	struct geometry geo;

	(void)state;
	for (uint64_t span = SPAN_MIN; span <= SPAN_MAX; span *= 2) {
		uint32_t members = span >> 14 < 1024 ? span >> 14 : 1024;

		assert_int_equal(geometry_init(&geo, span, members), 0);
		assert_true(geo.off_spans <= span / 2);
		assert_true(geo.max_rows >= 2 * geo.tables[KIND_OBJECT].max);
		assert_true(geo.off_members >= geo.off_events + EVENTS * 128);
		assert_true(geo.off_threads < geo.tables[KIND_FIELD].off);
		assert_true(geo.tables[KIND_FIELD].off <
			    geo.tables[KIND_FIELD].off_buckets);
		assert_true(geo.tables[KIND_FIELD].off_buckets < geo.off_words);
		assert_true(geo.off_words < geo.off_descs);
		assert_true(geo.off_descs < geo.off_spans);
		assert_int_equal(geo.off_spans % 65536, 0);
		assert_int_equal(geo.first_span, geo.off_spans / 65536);
	}
}

static void geometry_bad_span_or_members_is_EINVAL(void **state)
{
	struct geometry geo;

	(void)state;
	assert_int_equal(geometry_init(&geo, SPAN_MIN / 2, 16), -EINVAL);
	assert_int_equal(geometry_init(&geo, SPAN_MAX * 2, 16), -EINVAL);
	assert_int_equal(geometry_init(&geo, SPAN_MIN + 4096, 16), -EINVAL);
	assert_int_equal(geometry_init(&geo, SPAN_MIN, 0), -EINVAL);
	assert_int_equal(geometry_init(&geo, SPAN_MIN, 1025), -EINVAL);
	assert_int_equal(geometry_init(&geo, SPAN_DEFAULT, MEMBERS_MAX + 1),
			 -EINVAL);
}

static void view_of_a_fresh_arena_has_its_superblock(void **state)
{
	int fd = image_create(SPAN_DEFAULT, 1 << 30);
	struct view v;

	(void)state;
	image_map(&v, fd);
	assert_int_equal(v.sb->span, SPAN_DEFAULT);
	assert_int_equal(v.sb->state, ARENA_EMPTY);
	assert_string_equal(v.sb->name, "test");
	assert_true(view_used(&v) > 0);
	assert_true(view_used(&v) < 2 << 20);
	view_unmap(&v);
	close(fd);
}

static void least_is_more_than_an_empty_arena_and_not_much(void **state)
{
	struct geometry geo;
	uint64_t before = 0;

	(void)state;
	for (uint64_t span = SPAN_MIN; span <= SPAN_MAX; span *= 2) {
		int fd = image_create(span, 0);
		struct view v;

		image_map(&v, fd);
		assert_int_equal(geometry_init(&geo, span, v.geo.max_members),
				 0);
		assert_true(format_least(&geo) > view_used(&v));
		assert_true(format_least(&geo) < view_used(&v) + (1 << 20));
		assert_true(format_least(&geo) >= before);
		before = format_least(&geo);
		view_unmap(&v);
		close(fd);
	}
}

static void view_at_a_taken_address_is_EEXIST(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct view v, w = {.fd = -1};

	(void)state;
	image_map(&v, fd);
	assert_int_equal(view_map(&w, fd, IMAGE_BASE), -EEXIST);
	assert_null(w.base);
	view_unmap(&v);
	close(fd);
}

static void poke(int fd, off_t off, uint64_t value, size_t len)
{
	assert_int_equal(pwrite(fd, &value, len, off), (ssize_t)len);
}

static void view_of_nonsense_is_refused(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct view v;

	(void)state;
	poke(fd, offsetof(struct superblock, format), FUSION_FORMAT + 1, 4);
	assert_int_equal(view_map(&v, fd, NULL), -EPROTO);
	poke(fd, offsetof(struct superblock, format), FUSION_FORMAT, 4);
	poke(fd, offsetof(struct superblock, off_words), 8, 8);
	assert_int_equal(view_map(&v, fd, NULL), -EIO);
	poke(fd, offsetof(struct superblock, span), 12345, 8);
	assert_int_equal(view_map(&v, fd, NULL), -EIO);
	poke(fd, offsetof(struct superblock, magic), 0, 8);
	assert_int_equal(view_map(&v, fd, NULL), -EPROTO);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(view_map(&v, fd, NULL), -EIO);
	close(fd);
}

static void view_of_a_truncated_file_is_EIO(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct view v;

	(void)state;
	assert_int_equal(ftruncate(fd, SPAN_MIN / 2), 0);
	assert_int_equal(view_map(&v, fd, NULL), -EIO);
	close(fd);
}

static void reserve_stops_at_the_limit_and_repeats_below_it(void **state)
{
	int fd = image_create(SPAN_MIN, 4 << 20);
	uint64_t at = SPAN_MIN / 2;
	struct view v;

	(void)state;
	image_map(&v, fd);
	assert_int_equal(view_reserve(&v, at, 1 << 20), 0);
	assert_int_equal(view_reserve(&v, at + (1 << 20), 4 << 20), -ENOMEM);
	/* Full to the page: what is there may be asked for again. */
	v.sb->limit = view_used(&v);
	assert_int_equal(view_reserve(&v, at, 1 << 20), 0);
	assert_int_equal(view_reserve(&v, at + (1 << 20), 1), -ENOMEM);
	assert_int_equal(view_punch(&v, at, 1 << 20), 0);
	assert_int_equal(view_reserve(&v, at + (1 << 20), 1), 0);
	view_unmap(&v);
	close(fd);
}

static void lock_taken_twice_by_a_thread_is_EDEADLK(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct thread_rec *me;
	struct view v;

	(void)state;
	image_map(&v, fd);
	assert_int_equal(thread_claim(&v, &me), 0);
	assert_int_equal(core_lock(&v, me, &v.sb->tables[KIND_FIELD].lock), 0);
	assert_int_equal(core_lock(&v, me, &v.sb->tables[KIND_FIELD].lock),
			 -EDEADLK);
	assert_int_equal(me->core_locks[0],
			 offsetof(struct superblock, tables[KIND_FIELD].lock));
	core_unlock(&v, me, &v.sb->tables[KIND_FIELD].lock);
	assert_int_equal(v.sb->tables[KIND_FIELD].lock.word, 0);
	assert_int_equal(me->core_locks[0], 0);
	thread_release(&v, me);
	view_unmap(&v);
	close(fd);
}

static void lock_of_an_impatient_one_times_out(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct thread_rec *a, *b;
	struct view v;

	(void)state;
	image_map(&v, fd);
	assert_int_equal(thread_claim(&v, &a), 0);
	assert_int_equal(thread_claim(&v, &b), 0);
	assert_ptr_not_equal(a, b);
	assert_int_equal(core_lock(&v, a, &v.sb->tables[KIND_FIELD].lock), 0);
	v.patience_ns = 1000000;
	assert_int_equal(core_lock(&v, b, &v.sb->tables[KIND_FIELD].lock),
			 -ETIMEDOUT);
	assert_int_equal(b->core_locks[0], 0);
	core_unlock(&v, a, &v.sb->tables[KIND_FIELD].lock);
	assert_int_equal(core_lock(&v, b, &v.sb->tables[KIND_FIELD].lock), 0);
	core_unlock(&v, b, &v.sb->tables[KIND_FIELD].lock);
	view_unmap(&v);
	close(fd);
}

static void lock_of_one_who_never_sleeps_is_left_at_once(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct thread_rec *a, *b;
	struct core_lock *l;
	struct view v;

	(void)state;
	image_map(&v, fd);
	l = &v.sb->tables[KIND_FIELD].lock;
	assert_int_equal(thread_claim(&v, &a), 0);
	assert_int_equal(thread_claim(&v, &b), 0);
	assert_int_equal(core_lock(&v, a, l), 0);
	v.patience_ns = NEVER_SLEEP;
	assert_int_equal(core_lock(&v, b, l), -ETIMEDOUT);
	/* It has left no mark: nobody is to be woken. */
	assert_int_equal(l->word, a->token & TOKEN_MASK);
	assert_int_equal(b->core_locks[0], 0);
	assert_int_equal(v.met, a->token & TOKEN_MASK);
	core_unlock(&v, a, l);
	assert_int_equal(core_lock(&v, b, l), 0);
	core_unlock(&v, b, l);
	view_unmap(&v);
	close(fd);
}

static void wake_for_ever(struct core_lock *l)
{
	for (;;) {
		store_relaxed(&l->word, 0x3ffffff1u | CORE_LOCK_WAIT);
		futex_wake(&l->word, INT_MAX);
	}
}

static void lock_whose_waiter_is_woken_for_ever_times_out(void **state)
{
	int fd = image_create(SPAN_MIN, 0), status;
	struct thread_rec *me;
	struct core_lock *l;
	struct view v;
	pid_t pid;

	(void)state;
	image_map(&v, fd);
	l = &v.sb->tables[KIND_FIELD].lock;
	assert_int_equal(thread_claim(&v, &me), 0);
	l->word = 0x3ffffff1u;
	pid = fork();
	if (!pid)
		wake_for_ever(l);
	v.patience_ns = 100000000;
	assert_int_equal(core_lock(&v, me, l), -ETIMEDOUT);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	view_unmap(&v);
	close(fd);
}

#define ROUNDS 20000
#define PROCESSES 4

static void count_under_lock(struct view *v)
{
	struct thread_rec *me;
	uint64_t *counter = view_at(v, offsetof(struct superblock, pad4));

	if (thread_claim(v, &me) < 0)
		_exit(1);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t seen;

		if (core_lock(v, me, &v->sb->tables[KIND_FIELD].lock) < 0)
			_exit(2);
		seen = load_relaxed(counter);
		if (i % 64 == 0)
			cpu_relax();
		store_relaxed(counter, seen + 1);
		core_unlock(v, me, &v->sb->tables[KIND_FIELD].lock);
	}
	_exit(0);
}

static void lock_excludes_processes(void **state)
{
	int fd = image_create(SPAN_MIN, 0), status;
	uint64_t *counter;
	struct view v;

	(void)state;
	image_map(&v, fd);
	counter = view_at(&v, offsetof(struct superblock, pad4));
	for (int i = 0; i < PROCESSES; i++)
		if (!fork())
			count_under_lock(&v);
	for (int i = 0; i < PROCESSES; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	assert_int_equal(*counter, ROUNDS * PROCESSES);
	assert_int_equal(v.sb->tables[KIND_FIELD].lock.word, 0);
	view_unmap(&v);
	close(fd);
}

static void lock_of_the_dead_is_freed_by_recovery(void **state)
{
	int fd = image_create(SPAN_MIN, 0), status;
	struct thread_rec *t;
	struct view v;
	pid_t pid;

	(void)state;
	image_map(&v, fd);
	pid = fork();
	if (!pid) {
		if (thread_claim(&v, &t) < 0 ||
		    core_lock(&v, t, &v.sb->tables[KIND_FIELD].lock) < 0 ||
		    core_lock(&v, t, &v.sb->event_lock) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_true(v.sb->tables[KIND_FIELD].lock.word &&
		    v.sb->event_lock.word);
	t = view_thread(&v, THREAD_RESERVED + 1);
	/* Twice: recovery may be repeated by another recoverer. */
	core_lock_recover(&v, t);
	core_lock_recover(&v, t);
	assert_int_equal(v.sb->tables[KIND_FIELD].lock.word, 0);
	assert_int_equal(v.sb->event_lock.word, 0);
	for (int i = 0; i < THREAD_CORE_LOCKS; i++)
		assert_int_equal(t->core_locks[i], 0);
	view_unmap(&v);
	close(fd);
}

static void lock_recovery_ignores_wild_offsets(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct thread_rec *t;
	struct view v;

	(void)state;
	image_map(&v, fd);
	assert_int_equal(thread_claim(&v, &t), 0);
	t->core_locks[0] = ~0ull;
	t->core_locks[1] = SPAN_MIN;
	t->core_locks[2] = 3;
	t->core_locks[3] = v.geo.off_spans;
	core_lock_recover(&v, t);
	for (int i = 0; i < THREAD_CORE_LOCKS; i++)
		assert_int_equal(t->core_locks[i], 0);
	view_unmap(&v);
	close(fd);
}

static void thread_records_run_out_with_EMFILE(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct thread_rec *t, *last = NULL;
	struct view v;
	uint32_t old;

	(void)state;
	image_map(&v, fd);
	for (uint32_t i = THREAD_RESERVED + 1; i < v.geo.max_threads; i++) {
		assert_int_equal(thread_claim(&v, &last), 0);
		assert_int_equal(TOKEN_SLOT(last->token), i);
		assert_int_equal(thread_slot(&v, last), i);
	}
	assert_int_equal(thread_claim(&v, &t), -EMFILE);
	old = last->token;
	thread_release(&v, last);
	assert_int_equal(thread_claim(&v, &t), 0);
	assert_ptr_equal(t, last);
	assert_int_not_equal(t->token, old);
	view_unmap(&v);
	close(fd);
}

static void thread_generation_wraps_past_zero(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct thread_rec *t;
	struct view v;

	(void)state;
	image_map(&v, fd);
	for (int i = 0; i < 0x4002; i++) {
		assert_int_equal(thread_claim(&v, &t), 0);
		assert_true(TOKEN_GEN(t->token) > 0);
		thread_release(&v, t);
	}
	view_unmap(&v);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(geometry_every_span_leaves_half_for_the_heap),
		cmocka_unit_test(geometry_bad_span_or_members_is_EINVAL),
		cmocka_unit_test(view_of_a_fresh_arena_has_its_superblock),
		cmocka_unit_test(
			least_is_more_than_an_empty_arena_and_not_much),
		cmocka_unit_test(view_at_a_taken_address_is_EEXIST),
		cmocka_unit_test(view_of_nonsense_is_refused),
		cmocka_unit_test(view_of_a_truncated_file_is_EIO),
		cmocka_unit_test(
			reserve_stops_at_the_limit_and_repeats_below_it),
		cmocka_unit_test(lock_taken_twice_by_a_thread_is_EDEADLK),
		cmocka_unit_test(lock_of_an_impatient_one_times_out),
		cmocka_unit_test(lock_of_one_who_never_sleeps_is_left_at_once),
		cmocka_unit_test(lock_whose_waiter_is_woken_for_ever_times_out),
		cmocka_unit_test(lock_excludes_processes),
		cmocka_unit_test(lock_of_the_dead_is_freed_by_recovery),
		cmocka_unit_test(lock_recovery_ignores_wild_offsets),
		cmocka_unit_test(thread_records_run_out_with_EMFILE),
		cmocka_unit_test(thread_generation_wraps_past_zero),
	};

	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
