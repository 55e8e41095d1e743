/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a program asks of an arena: its members, its role, its fields, and who
 * dispatches
 *
 * The linker sends each pthread_create() of the library to
 * __wrap_pthread_create() here, which counts it, and fails on request.
 */
#include "tests/unit/heap_member.h"

#include <poll.h>
#include <pthread.h>

#include <fusion/fusion.h>

#include "libfusion/life/enter_options.h"
#include "libfusion/life/notice.h"
#include "libfusion/talk/dispatch.h"

static struct fusion_arena *arena;
static bool no_threads;
static unsigned n_threads; /* that the library has started */

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg);

int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr,
			  void *(*fn)(void *), void *arg)
{
	if (no_threads)
		return EAGAIN;
	n_threads++;
	return __real_pthread_create(ret, attr, fn, arg);
}

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(16ull << 20, 0));
	no_threads = false;
	n_threads = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	no_threads = false;
	notice_stop(arena);
	dispatch_stop(arena);
	image_leave(arena);
	return 0;
}

/* --- Members -------------------------------------------------------------- */

static uint32_t another_member(void)
{
	struct member_info info = {.pid = 4711, .role = 2, .comm = "other"};
	struct view *v = &arena->view;
	uint32_t slot;

	assert_int_equal(life_lock(v, -1), 0);
	assert_int_equal(member_claim(v, &info, &slot), 0);
	life_unlock(v);
	return view_member(v, slot)->id;
}

static void list_fills_elements_of_each_size(void **state)
{
	struct {
		struct fusion_member m;
		uint64_t later; /* than this library */
	} longer[3];
	fusion_id_t ids[3] = {0};
	fusion_id_t me = fusion_arena_id(arena), other = another_member();
	size_t total = 0;

	(void)state;
	memset(longer, 0xff, sizeof(longer));
	assert_int_equal(fusion_members_list(arena, &longer[0].m,
					     sizeof(longer[0]), 3, &total),
			 0);
	assert_int_equal(total, 2);
	assert_int_equal(longer[0].m.id, me);
	assert_int_equal(longer[0].m.pid, getpid());
	assert_string_equal(longer[1].m.comm, "other");
	assert_int_equal(longer[0].later, 0);
	assert_int_equal(longer[1].later, 0);
	assert_int_equal(longer[2].m.id, UINT32_MAX); /* not written */
	assert_int_equal(
		fusion_members_list(arena, (void *)ids, sizeof(*ids), 3, NULL),
		0);
	assert_int_equal(ids[0], me);
	assert_int_equal(ids[1], other);
	assert_int_equal(ids[2], 0);
}

static void list_gives_the_oldest_and_how_many_there_are(void **state)
{
	struct fusion_member m[2] = {0};
	size_t total = 0;

	(void)state;
	another_member();
	another_member();
	assert_int_equal(fusion_members_list(arena, m, sizeof(*m), 1, &total),
			 0);
	assert_int_equal(total, 3);
	assert_int_equal(m[0].id, fusion_arena_id(arena));
	assert_int_equal(m[1].id, 0);
	total = 0;
	assert_int_equal(fusion_members_list(arena, NULL, 0, 0, &total), 0);
	assert_int_equal(total, 3);
	assert_int_equal(fusion_members_list(arena, NULL, 0, 0, NULL), 0);
	total = 77;
	assert_int_equal(fusion_members_list(arena, m, 0, 1, &total), -EINVAL);
	assert_int_equal(fusion_members_list(arena, NULL, 8, 1, &total),
			 -EINVAL);
	assert_int_equal(fusion_members_list(NULL, m, 8, 1, &total), -EINVAL);
	assert_int_equal(total, 77);
}

/* Its id is what fusion_arena_master() returns when there is no master. */
static void nobody_is_not_all(void **state)
{
	(void)state;
	another_member();
	assert_int_equal(FUSION_NONE, 0);
	assert_int_equal(fusion_members_kill(arena, FUSION_NONE, 0, 0, 0),
			 -ESRCH);
	assert_int_equal(fusion_members_kill(arena, FUSION_NONE, SIGKILL, 0, 0),
			 -ESRCH);
	assert_int_equal(fusion_members_wait(arena, FUSION_NONE, 0, 0), -ESRCH);
	assert_non_null(strstr(fusion_strerror(-ESRCH), "FUSION_ALL"));
	assert_int_equal(fusion_members_wait(arena, FUSION_ALL, 0, 0),
			 -ETIMEDOUT);
	assert_int_equal(
		fusion_message_send(arena, FUSION_NONE, 1, "", 0, 0, 0),
		-ESRCH);
	assert_int_equal(fusion_message_send(arena, FUSION_ALL, 1, "", 0, 0, 0),
			 -ESRCH);
}

static void role_is_that_of_the_moment(void **state)
{
	struct view *v = &arena->view;

	(void)state;
	store_relaxed(&v->sb->master, 0u);
	assert_int_equal(fusion_arena_master(arena), FUSION_NONE);
	assert_int_equal(fusion_arena_role(arena), FUSION_ROLE_SLAVE);
	store_relaxed(&v->sb->master, arena->id);
	assert_int_equal(fusion_arena_role(arena), FUSION_ROLE_MASTER);
	assert_int_equal(fusion_arena_role(NULL), FUSION_ROLE_ANY);
}

/* --- Time-outs ------------------------------------------------------------ */

static void negative_timeouts_are_refused(void **state)
{
	void *p;

	(void)state;
	image_dispatches(arena);
	assert_int_equal(
		fusion_members_wait(arena, 99, -2, FUSION_WAIT_INTERRUPTIBLE),
		-EINVAL);
	assert_int_equal(fusion_members_kill(arena, FUSION_ALL, 0, -2,
					     FUSION_WAIT_INTERRUPTIBLE),
			 -EINVAL);
	assert_int_equal(fusion_field_wait(arena, "f", 0, NULL, -2, 0, &p),
			 -EINVAL);
	assert_int_equal(
		fusion_arena_dispatch(arena, -2, FUSION_WAIT_INTERRUPTIBLE),
		-EINVAL);
	assert_int_equal(fusion_arena_sync(arena, INT64_MIN, 0), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "time-out"));
}

/* --- Options -------------------------------------------------------------- */

static void options_may_be_longer_but_not_shorter(void **state)
{
	struct {
		struct fusion_arena_options o;
		uint64_t later;
	} longer = {.o = FUSION_ARENA_OPTIONS_INIT};
	struct fusion_arena_options o;

	(void)state;
	assert_int_equal(longer.o.size, sizeof(longer.o));
	longer.o.size = sizeof(longer);
	longer.o.role = FUSION_ROLE_SLAVE;
	assert_int_equal(enter_options_copy(&longer.o, &o), 0);
	assert_int_equal(o.role, FUSION_ROLE_SLAVE);
	assert_int_equal(o.size, sizeof(o));
	longer.later = 1;
	assert_int_equal(enter_options_copy(&longer.o, &o), -E2BIG);
	longer.o.size = sizeof(o) - 1;
	assert_int_equal(enter_options_copy(&longer.o, &o), -EINVAL);
	assert_int_equal(enter_options_copy(NULL, &o), 0);
	assert_int_equal(o.role, FUSION_ROLE_ANY);
}

/* --- Fields --------------------------------------------------------------- */

static void field_of_another_size_or_type_is_refused(void **state)
{
	void *block = fusion_malloc(arena, 100), *p = NULL;

	(void)state;
	assert_int_equal(
		fusion_field_create(
			arena, "f",
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = 100,
				.type = "page",
				.data = block},
			NULL),
		0);
	assert_int_equal(
		fusion_field_create(
			arena, "bare",
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = 0,
				.type = NULL,
				.data = block},
			NULL),
		0);
	assert_int_equal(fusion_field_lookup(arena, "f", 99, "page", &p),
			 -EPROTOTYPE);
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "100 bytes"));
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "99 are"));
	assert_int_equal(fusion_field_lookup(arena, "f", 0, "sheet", &p),
			 -EPROTOTYPE);
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "'page'"));
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "'sheet'"));
	assert_int_equal(fusion_field_wait(arena, "f", 0, "sheet",
					   FUSION_FOREVER, 0, &p),
			 -EPROTOTYPE);
	assert_int_equal(fusion_field_lookup(arena, "bare", 1, NULL, &p),
			 -EPROTOTYPE);
	assert_int_equal(fusion_field_lookup(arena, "bare", 0, "page", &p),
			 -EPROTOTYPE);
	assert_null(p);
	assert_int_equal(fusion_field_lookup(arena, "f", 100, "page", &p), 0);
	assert_ptr_equal(p, block);
	p = NULL;
	assert_int_equal(fusion_field_wait(arena, "bare", 0, NULL, 0, 0, &p),
			 0);
	assert_ptr_equal(p, block);
}

/* --- Dispatching ---------------------------------------------------------- */

static unsigned n_handled;

static void handle(const struct fusion_message *m, void *ctx)
{
	(void)m, (void)ctx;
	n_handled++;
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void send_one(void)
{
	assert_int_equal(fusion_message_send(arena, fusion_arena_id(arena), 1,
					     "x", 1, 0, 0),
			 0);
}

static void program_dispatches_if_it_says_so_at_enter(void **state)
{
	int fd;

	(void)state;
	n_handled = 0;
	image_dispatches(arena);
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL), 0);
	send_one();
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	send_one();
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(n_handled, 2);
	/* Asking changes nothing, and until then no thread was needed. */
	fd = fusion_arena_fd(arena);
	assert_true(fd > 2);
	assert_int_equal(fusion_arena_fd(arena), fd);
	assert_true(is_readable(fd));
	assert_int_equal(n_threads, 0);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(n_threads, 1); /* it watches */
	assert_false(is_readable(fd));
	send_one();
	assert_int_equal(
		poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10000),
		1);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
	assert_int_equal(n_handled, 3);
	assert_int_equal(n_threads, 1);
}

static void library_dispatches_otherwise(void **state)
{
	(void)state;
	n_handled = 0;
	assert_int_equal(fusion_arena_fd(arena), -ENOTSUP);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), -ENOTSUP);
	assert_non_null(
		strstr(fusion_strerror(-ENOTSUP), "FUSION_ENTER_MANUAL"));
	assert_int_equal(n_threads, 0);
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL), 0);
	assert_int_equal(n_threads, 1);
	assert_int_equal(fusion_arena_fd(arena), -ENOTSUP);
	send_one();
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(n_handled, 1);
}

static void note(struct fusion_arena *a, enum fusion_notice how, fusion_id_t id,
		 void *ctx)
{
	(void)a, (void)how, (void)id, (void)ctx;
}

static void without_a_thread_it_is_ENOMEM(void **state)
{
	(void)state;
	no_threads = true;
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, NULL),
			 -ENOMEM);
	assert_non_null(strstr(fusion_strerror(-ENOMEM), "no thread"));
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL),
		-ENOMEM);
	assert_non_null(strstr(fusion_strerror(-ENOMEM), "no thread"));
	no_threads = false;
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, NULL),
			 0);
}

/* It loses nothing, and does not sleep. */
static void descriptor_without_a_thread_stays_readable(void **state)
{
	int fd;

	(void)state;
	n_handled = 0;
	image_dispatches(arena);
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL), 0);
	fd = fusion_arena_fd(arena);
	no_threads = true;
	for (int i = 0; i < 3; i++) {
		send_one();
		assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
		assert_true(is_readable(fd));
		assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
		assert_true(is_readable(fd));
	}
	no_threads = false;
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_false(is_readable(fd));
	assert_int_equal(n_handled, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(list_fills_elements_of_each_size),
		TEST(list_gives_the_oldest_and_how_many_there_are),
		TEST(nobody_is_not_all),
		TEST(role_is_that_of_the_moment),
		TEST(negative_timeouts_are_refused),
		TEST(options_may_be_longer_but_not_shorter),
		TEST(field_of_another_size_or_type_is_refused),
		TEST(program_dispatches_if_it_says_so_at_enter),
		TEST(library_dispatches_otherwise),
		TEST(without_a_thread_it_is_ENOMEM),
		TEST(descriptor_without_a_thread_stays_readable),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
