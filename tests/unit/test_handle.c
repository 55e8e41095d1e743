/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handles of things that were destroyed, whose record is another thing's. */
/* Before the fixture, whose arena has the name of parameters there. */
#include "libfusion/talk/call.h"

#include "tests/unit/object_fixture.h"

#include <errno.h>
#include <pthread.h>

#include "libfusion/core/locks/skirmish.h"

/* A noun: how to make one, to use it, and to end it. */
struct noun {
	const char *name;
	int (*create)(void **ret);
	int (*use)(void *x);
	int (*destroy)(void *x);
	fusion_id_t (*id)(const void *x);
};

/* --- Nouns ---------------------------------------------------------------- */

static int skirmish_create_any(void **ret)
{
	return fusion_skirmish_create(arena, NULL, NULL,
				      (struct fusion_skirmish **)ret);
}

static int skirmish_use(void *x)
{
	int r = fusion_skirmish_prevail(x);

	return r < 0 ? r : fusion_skirmish_dismiss(x);
}

static int skirmish_end(void *x)
{
	return fusion_skirmish_destroy(x);
}

static fusion_id_t skirmish_id(const void *x)
{
	return fusion_skirmish_id(x);
}

static int property_create_any(void **ret)
{
	return fusion_property_create(arena, NULL, NULL,
				      (struct fusion_property **)ret);
}

static int property_use(void *x)
{
	int r = fusion_property_lease(x);

	return r < 0 ? r : fusion_property_cede(x);
}

static int property_end(void *x)
{
	return fusion_property_destroy(x);
}

static fusion_id_t property_id(const void *x)
{
	return fusion_property_id(x);
}

static int ref_create_any(void **ret)
{
	return fusion_ref_create(arena, NULL, NULL, (struct fusion_ref **)ret);
}

static int ref_use(void *x)
{
	int r = fusion_ref_up(x);

	return r < 0 ? r : fusion_ref_down(x);
}

static int ref_end(void *x)
{
	return fusion_ref_destroy(x);
}

static fusion_id_t ref_id(const void *x)
{
	return fusion_ref_id(x);
}

static int reactor_create_any(void **ret)
{
	return fusion_reactor_create(arena, NULL, NULL,
				     (struct fusion_reactor **)ret);
}

static int reactor_use(void *x)
{
	int r = fusion_reactor_dispatch(x, NULL, "x", 1);

	return r < 0 ? r : 0;
}

static int reactor_end(void *x)
{
	return fusion_reactor_destroy(x);
}

static fusion_id_t reactor_id(const void *x)
{
	return fusion_reactor_id(x);
}

static int answer_call(const struct fusion_call_request *request, void *ctx)
{
	/* The handle that the handler gets is the caller's. */
	return (const void *)request->call == *(void **)ctx ? 0 : -EPROTO;
}

static void *called;

static int call_create_any(void **ret)
{
	const struct fusion_call_options o = {
		.size = sizeof(o),
		.fn = answer_call,
		.ctx = &called,
	};

	return fusion_call_create(arena, NULL, &o, (struct fusion_call **)ret);
}

static int call_use(void *x)
{
	struct fusion_call_answer a = {.size = sizeof(a)};
	int r;

	called = x;
	r = fusion_call_execute(x, NULL, 1, NULL, 0, &a);
	return r < 0 ? r : a.status;
}

static int call_end(void *x)
{
	return fusion_call_destroy(x);
}

static fusion_id_t call_id(const void *x)
{
	return fusion_call_id(x);
}

static int pool_create_any(void **ret)
{
	return fusion_object_pool_create(arena, "another",
					 POOL_OPTIONS(.object_size = 8),
					 (struct fusion_object_pool **)ret);
}

static int pool_use(void *x)
{
	uint64_t n;

	return fusion_object_pool_count(x, &n);
}

static int pool_end(void *x)
{
	return fusion_object_pool_destroy(x);
}

static fusion_id_t pool_id(const void *x)
{
	return fusion_object_pool_id(x);
}

static int object_create_any(void **ret)
{
	return fusion_object_create(pool, (struct fusion_object **)ret);
}

static int object_use(void *x)
{
	int r = fusion_object_ref(x);

	return r < 0 ? r : fusion_object_unref(x);
}

static int object_end(void *x)
{
	return fusion_object_destroy(x);
}

static fusion_id_t object_id(const void *x)
{
	return fusion_object_id(x);
}

static const struct noun nouns[] = {
	{"skirmish", skirmish_create_any, skirmish_use, skirmish_end,
	 skirmish_id},
	{"property", property_create_any, property_use, property_end,
	 property_id},
	{"ref", ref_create_any, ref_use, ref_end, ref_id},
	{"reactor", reactor_create_any, reactor_use, reactor_end, reactor_id},
	{"call", call_create_any, call_use, call_end, call_id},
	{"object-pool", pool_create_any, pool_use, pool_end, pool_id},
	{"object", object_create_any, object_use, object_end, object_id},
};

#define N_NOUNS (sizeof(nouns) / sizeof(*nouns))

static void *create(const struct noun *n)
{
	void *x;

	assert_int_equal(n->create(&x), 0);
	assert_int_equal(n->use(x), 0);
	assert_true(fusion_arena_of(x) == arena);
	return x;
}

static int down(void **state)
{
	(void)state;
	watch_stop(arena);
	duty_stop(arena);
	dispatch_stop(arena);
	calls_stop(arena);
	reactor_stop(arena);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

/* --- Tests ---------------------------------------------------------------- */

static void test_stale(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NOUNS; i++) {
		const struct noun *n = &nouns[i];
		void *old = create(n), *x;

		assert_int_equal(n->destroy(old), 0);
		assert_int_equal(n->use(old), -EIDRM);
		x = create(n);
		/* The record is the same, as no other is free. */
		assert_ptr_equal(handle_entry(x), handle_entry(old));
		assert_ptr_not_equal(x, old);
		assert_int_equal(n->use(old), -EIDRM);
		assert_int_equal(n->destroy(old), -EIDRM);
		assert_non_null(strstr(fusion_strerror(-EIDRM),
				       "the handle's object was destroyed"));
		assert_int_equal(n->id(old), 0);
		assert_int_not_equal(n->id(x), 0);
		assert_int_equal(n->use(x), 0);
		assert_int_equal(n->destroy(x), 0);
	}
}

/* The handle has 8 bits of the id: fusion(7) says so. */
static void test_stale_for_256_ids(void **state)
{
	(void)state;
	for (size_t i = 0; i < N_NOUNS; i++) {
		const struct noun *n = &nouns[i];
		void *old = create(n), *x;
		fusion_id_t id = n->id(old);

		assert_int_equal(n->destroy(old), 0);
		for (;;) {
			x = create(n);
			assert_ptr_equal(handle_entry(x), handle_entry(old));
			if (n->id(x) - id >= 256)
				break;
			assert_int_equal(n->use(old), -EIDRM);
			assert_int_equal(n->destroy(x), 0);
		}
		assert_int_equal(n->id(x) - id, 256);
		assert_ptr_equal(x, old);
		assert_int_equal(n->destroy(x), 0);
	}
}

static void test_first_in_first_out(void **state)
{
	static const int order[] = {2, 0, 3, 1};
	struct fusion_skirmish *s[4], *x;

	(void)state;
	for (int i = 0; i < 4; i++)
		s[i] = create(&nouns[0]);
	for (int i = 0; i < 4; i++)
		assert_int_equal(fusion_skirmish_destroy(s[order[i]]), 0);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	for (int i = 0; i < 4; i++) {
		x = create(&nouns[0]);
		assert_ptr_equal(handle_entry(x), handle_entry(s[order[i]]));
		assert_int_equal(arena_check(&arena->view, print_fault, NULL),
				 0);
		/* Behind those that wait. */
		assert_int_equal(fusion_skirmish_destroy(x), 0);
	}
}

static void test_stale_skirmish(void **state)
{
	struct fusion_skirmish *old = create(&nouns[0]), *s, *list[2];
	struct fusion_skirmish_stat stat;
	uint64_t n;

	(void)state;
	assert_int_equal(fusion_skirmish_destroy(old), 0);
	s = create(&nouns[0]);
	assert_int_equal(fusion_skirmish_prevail(old), -EIDRM);
	assert_int_equal(fusion_skirmish_prevail_timed(old, 0, 0), -EIDRM);
	assert_int_equal(fusion_skirmish_swoop(old), -EIDRM);
	list[0] = old;
	list[1] = s;
	assert_int_equal(fusion_skirmish_prevail_multi(list, 2), -EIDRM);
	assert_int_equal(fusion_skirmish_stat(s, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.levels, 0);
	assert_int_equal(fusion_skirmish_prevail(s), 0);
	assert_int_equal(fusion_skirmish_dismiss(old), -EIDRM);
	assert_int_equal(fusion_skirmish_wait(old, 0, 0), -EIDRM);
	assert_int_equal(fusion_skirmish_notify(old, true), -EIDRM);
	assert_int_equal(fusion_skirmish_consistent(old), -EIDRM);
	assert_int_equal(fusion_skirmish_lock_count(old, &n), -EIDRM);
	assert_int_equal(fusion_skirmish_stat(old, &stat, sizeof(stat)),
			 -EIDRM);
	assert_int_equal(fusion_skirmish_lock_count(s, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(fusion_skirmish_dismiss(s), 0);
}

static void *destroy_it(void *s)
{
	return fusion_skirmish_destroy(s) < 0 ? s : NULL;
}

/* A thread that gives such a lock back does not announce it any more. */
static void test_stale_skirmish_that_was_held(void **state)
{
	struct fusion_skirmish *old = create(&nouns[0]), *s;
	const struct thread_rec *me = thread_rec_of(arena);
	pthread_t thread;
	void *failed;

	(void)state;
	assert_int_equal(fusion_skirmish_prevail(old), 0);
	assert_int_equal(pthread_create(&thread, NULL, destroy_it, old), 0);
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	assert_int_equal(skirmish_create_any((void **)&s), 0);
	assert_ptr_equal(handle_entry(s), handle_entry(old));
	assert_int_equal(me->n_skirmishes, 1);
	assert_int_equal(fusion_skirmish_dismiss(old), -EIDRM);
	assert_int_equal(me->n_skirmishes, 0);
	assert_int_equal(fusion_skirmish_prevail(s), 0);
	assert_int_equal(fusion_skirmish_dismiss(old), -EIDRM);
	assert_int_equal(me->n_skirmishes, 1);
	assert_int_equal(fusion_skirmish_dismiss(s), 0);
	assert_int_equal(me->n_skirmishes, 0);
}

static void no_fall(struct fusion_ref *ref, void *ctx)
{
	(void)ref;
	(void)ctx;
}

static void test_stale_ref(void **state)
{
	struct fusion_ref *old = create(&nouns[2]), *other = create(&nouns[2]);
	struct fusion_ref_stat stat;
	struct fusion_ref *ref;

	(void)state;
	/* The row, which this thread remembers, serves the new reference. */
	assert_int_equal(fusion_ref_up(old), 0);
	assert_int_equal(fusion_ref_down(old), 0);
	assert_int_equal(fusion_ref_destroy(old), 0);
	ref = create(&nouns[2]);
	assert_ptr_equal(handle_entry(ref), handle_entry(old));
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_up(old), -EIDRM);
	assert_int_equal(fusion_ref_down(old), -EIDRM);
	assert_int_equal(fusion_ref_up_global(old), -EIDRM);
	assert_int_equal(fusion_ref_zero_trylock(old), -EIDRM);
	assert_int_equal(fusion_ref_watch(old, no_fall, NULL, NULL, NULL),
			 -EIDRM);
	assert_int_equal(fusion_ref_inherit(other, old), -EIDRM);
	assert_int_equal(fusion_ref_stat(old, &stat, sizeof(stat)), -EIDRM);
	assert_int_equal(fusion_ref_stat(ref, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.total, 1);
	assert_int_equal(fusion_ref_down(ref), 0);
}

/* A place that names an object that is gone is cleared, and the object that has
 * the record now keeps its count. */
static void test_stale_link(void **state)
{
	struct fusion_object *old, *o;

	(void)state;
	assert_int_equal(fusion_object_create(pool, &old), 0);
	assert_int_equal(fusion_object_destroy(old), 0);
	o = active(1);
	assert_ptr_equal(handle_entry(o), handle_entry(old));
	assert_int_equal(fusion_object_link(&tally->slot[0], o), 0);
	assert_int_equal(fusion_object_link(&tally->slot[1], old), -EIDRM);
	assert_null(tally->slot[1]);
	tally->slot[1] = old;
	assert_int_equal(fusion_object_unlink(&tally->slot[1]), 0);
	assert_null(tally->slot[1]);
	assert_int_equal(stat_of(o).global, 1);
	assert_ptr_equal(tally->slot[0], o);
	assert_int_equal(fusion_object_unlink(&tally->slot[0]), 0);
	assert_int_equal(stat_of(o).global, 0);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

static bool is_it(struct fusion_object *o, void *ctx)
{
	assert_ptr_equal(o, *(struct fusion_object **)ctx);
	return true;
}

/* However a program gets a handle, it is the same. */
static void test_one_handle(void **state)
{
	struct fusion_object *o = active(2), *o2;
	struct fusion_object_pool *p;
	struct fusion_skirmish *s, *s2;
	struct fusion_reactor *r, *r2;

	(void)state;
	assert_ptr_equal(fusion_object_of(fusion_object_data(o)), o);
	assert_int_equal(fusion_object_lookup(pool, fusion_object_id(o), &o2),
			 0);
	assert_ptr_equal(o, o2);
	assert_int_equal(fusion_object_pool_enum(pool, is_it, &o), 0);
	assert_int_equal(fusion_object_pool_of(o, &p), 0);
	assert_ptr_equal(p, pool);
	assert_int_equal(fusion_object_pool_lookup(arena, "things", &p), 0);
	assert_ptr_equal(p, pool);
	assert_int_equal(fusion_object_reactor(o, &r), 0);
	assert_int_equal(fusion_reactor_get(arena, fusion_reactor_id(r), &r2),
			 0);
	assert_ptr_equal(r, r2);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
	assert_int_equal(fusion_skirmish_open(arena, "s", NULL, &s), 0);
	assert_int_equal(fusion_skirmish_open(arena, "s", NULL, &s2), 0);
	assert_ptr_equal(s, s2);
	assert_int_equal(fusion_skirmish_lookup(arena, "s", &s2), 0);
	assert_ptr_equal(s, s2);
	assert_int_equal(fusion_skirmish_get(arena, fusion_skirmish_id(s), &s2),
			 0);
	assert_ptr_equal(s, s2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_stale),
		TEST(test_stale_for_256_ids),
		TEST(test_first_in_first_out),
		TEST(test_stale_skirmish),
		TEST(test_stale_skirmish_that_was_held),
		TEST(test_stale_ref),
		TEST(test_stale_link),
		TEST(test_one_handle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
