/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Functions that describe objects. */

#include "tests/unit/object_fixture.h"

#include <pthread.h>
#include <sched.h>

#include "libfusion/core/base/cancel.h"
#include "libfusion/core/objects/object_item.h"
#include "libfusion/objects/object_describe.h"

static void describe(struct fusion_object *o, char *text, size_t size,
		     void *ctx)
{
	const struct thing *t = fusion_object_data(o);

	snprintf(text, size, "%s %llu", (const char *)ctx,
		 (unsigned long long)t->number);
}

static bool is_described(struct fusion_object *o, const char *text)
{
	struct object_item_key key = {
		.kinds = 1u << ITEM_DESCRIPTION,
		.value = text,
	};

	return object_item_find(&arena->view, handle_entry(o), &key, NULL);
}

static void test_descriptions(void **state)
{
	struct fusion_object *o = active(4), *p;

	(void)state;
	assert_int_equal(fusion_object_describe(o), -ENOENT);
	assert_int_equal(fusion_object_pool_on_describe(
				 pool, describe, (void *)"thing", NULL, NULL),
			 0);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_true(is_described(o, "thing 4"));
	p = active(5);
	assert_true(is_described(p, "thing 5"));
	assert_int_equal(fusion_object_set_description(p, "other"), 0);
	assert_true(is_described(p, "other"));
	assert_false(is_described(p, "thing 5"));
	assert_int_equal(fusion_object_set_description(p, NULL), -EINVAL);
	assert_int_equal(fusion_object_unref(o), 0);
	assert_int_equal(fusion_object_unref(p), 0);
	await_size(0);
}

static void silent(struct fusion_object *o, char *text, size_t size, void *ctx)
{
	(void)o, (void)ctx;
	assert_int_equal(text[0], '\0');
	assert_int_equal(text[size - 1], '\0');
}

static void fill(struct fusion_object *o, char *text, size_t size, void *ctx)
{
	(void)o;
	memset(text, *(const char *)ctx, size);
}

static void set_word(void *ctx)
{
	*(uint32_t *)ctx += 1;
}

static struct fusion_slot *own;
static uint32_t own_gone;

static void cancel_own(struct fusion_object *o, char *text, size_t size,
		       void *ctx)
{
	(void)o;
	assert_int_equal(fusion_slot_cancel(own), 0);
	assert_int_equal(*(uint32_t *)ctx, 0);
	snprintf(text, size, "bye");
}

#define ON_DESCRIBE(fn, ctx, destroy, ret)                               \
	assert_int_equal(fusion_object_pool_on_describe(                 \
				 pool, fn, (void *)(ctx), destroy, ret), \
			 0)

static void test_all_that_describe_are_heard(void **state)
{
	struct fusion_slot *a, *b, *full;
	struct fusion_object *o = active(4);
	char all[FUSION_OBJECT_STRING_MAX + 1];
	uint32_t gone = 0;

	(void)state;
	assert_int_equal(
		fusion_object_pool_on_describe(pool, NULL, NULL, NULL, NULL),
		-EINVAL);
	ON_DESCRIBE(silent, NULL, NULL, NULL);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_true(is_described(o, ""));
	ON_DESCRIBE(describe, "a", NULL, &a);
	ON_DESCRIBE(silent, &gone, set_word, &b);
	ON_DESCRIBE(describe, "c", NULL, NULL);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_true(is_described(o, "a 4; c 4"));
	assert_int_equal(fusion_slot_cancel(a), 0);
	assert_int_equal(fusion_slot_cancel(b), 0);
	assert_int_equal(gone, 1);
	assert_int_equal(fusion_slot_cancel(b), -EINVAL);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_true(is_described(o, "c 4"));
	/* Who has no room is not heard, and nothing is written behind it. */
	ON_DESCRIBE(fill, "x", NULL, &full);
	ON_DESCRIBE(describe, "late", NULL, NULL);
	memset(all, 'x', sizeof(all) - 1);
	all[sizeof(all) - 1] = '\0';
	memcpy(all, "c 4; ", 5);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_true(is_described(o, all));
	assert_int_equal(fusion_slot_cancel(full), 0);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_true(is_described(o, "c 4; late 4"));
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

static void test_it_need_not_be_registered(void **state)
{
	struct fusion_object *o = active(4);

	(void)state;
	assert_int_equal(fusion_object_pool_unregister(pool), 0);
	ON_DESCRIBE(describe, "free", NULL, NULL);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_true(is_described(o, "free 4"));
	assert_int_equal(fusion_object_pool_register(pool, destructor, NULL),
			 0);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

static void test_one_that_describes_may_cancel_itself(void **state)
{
	struct fusion_object *o = active(4);

	(void)state;
	own_gone = 0;
	ON_DESCRIBE(cancel_own, &own_gone, set_word, &own);
	assert_int_equal(fusion_object_describe(o), 0);
	assert_int_equal(own_gone, 1);
	assert_true(is_described(o, "bye"));
	assert_int_equal(fusion_object_describe(o), -ENOENT);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

static uint32_t inside, go_on; /* atomic */

static void linger(struct fusion_object *o, char *text, size_t size, void *ctx)
{
	add_release(&inside, 1);
	while (!load_acquire(&go_on))
		sched_yield();
	describe(o, text, size, ctx);
}

static void *describe_it(void *object)
{
	assert_int_equal(fusion_object_describe(object), 0);
	return NULL;
}

static void *let_go(void *unused)
{
	(void)unused;
	sleep_ns(20000000);
	add_release(&go_on, 1);
	return NULL;
}

static void test_cancelling_waits_for_one_that_describes(void **state)
{
	struct fusion_object *o = active(4);
	struct fusion_slot *slot;
	pthread_t thread, other;

	(void)state;
	inside = go_on = 0;
	ON_DESCRIBE(linger, "slow", NULL, &slot);
	assert_int_equal(pthread_create(&thread, NULL, describe_it, o), 0);
	while (!load_acquire(&inside))
		sched_yield();
	assert_int_equal(pthread_create(&other, NULL, let_go, NULL), 0);
	assert_int_equal(fusion_slot_cancel(slot), 0);
	assert_int_equal(load_acquire(&go_on), 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(pthread_join(other, NULL), 0);
	assert_true(is_described(o, "slow 4"));
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

static int describe_down(void **state)
{
	describers_stop(arena);
	return fixture_down(state);
}

#define describe_test(name) \
	cmocka_unit_test_setup_teardown(name, fixture_up, describe_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		describe_test(test_descriptions),
		describe_test(test_all_that_describe_are_heard),
		describe_test(test_it_need_not_be_registered),
		describe_test(test_one_that_describes_may_cancel_itself),
		describe_test(test_cancelling_waits_for_one_that_describes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
