/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pools that are opened: found or created, and what they have to agree on. */
#include "tests/unit/object_fixture.h"

#include <unistd.h>

#define OPENERS 4

static struct fusion_object_pool *open_things(void)
{
	struct fusion_object_pool *p = NULL;

	assert_int_equal(
		fusion_object_pool_open(
			arena, "things",
			POOL_OPTIONS(.object_size = sizeof(struct thing),
				     .destructor = destructor),
			&p),
		0);
	return p;
}

static void test_open_finds_or_creates(void **state)
{
	struct fusion_object_pool *p = NULL, *q = NULL;

	(void)state;
	assert_ptr_equal(open_things(), pool);
	assert_int_equal(fusion_object_pool_open(arena, "new", NULL, &p), 0);
	assert_int_equal(fusion_object_pool_lookup(arena, "new", &q), 0);
	assert_ptr_equal(p, q);
	assert_int_equal(fusion_object_pool_duty(p), arena->id);
	assert_int_equal(fusion_object_pool_destroy(p), 0);
	assert_int_equal(fusion_object_pool_open(arena, "new", NULL, &p), 0);
	assert_int_equal(fusion_object_pool_destroy(p), 0);
}

static void test_open_of_what_cannot_be(void **state)
{
	struct fusion_object_pool *p = NULL;
	char name[80];

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(fusion_object_pool_open(arena, name, NULL, &p),
			 -ENAMETOOLONG);
	assert_int_equal(fusion_object_pool_open(arena, NULL, NULL, &p),
			 -EINVAL);
	assert_int_equal(fusion_object_pool_open(arena, "#4000000", NULL, &p),
			 -EINVAL);
	assert_int_equal(fusion_object_pool_open(arena, "a/b", NULL, &p),
			 -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "object-pool 'a/b'"));
	assert_int_equal(fusion_object_pool_open(NULL, "x", NULL, &p), -EINVAL);
	assert_int_equal(fusion_object_pool_open(arena, "x", NULL, NULL),
			 -EINVAL);
	assert_int_equal(
		fusion_object_pool_open(
			arena, "x",
			POOL_OPTIONS(.object_size = FUSION_OBJECT_SIZE_MAX + 1),
			&p),
		-EINVAL);
	assert_null(p);
}

static void test_sizes_have_to_agree(void **state)
{
	struct fusion_object_pool *p = NULL;
	struct fusion_object *o = active(1);

	(void)state;
	assert_int_equal(fusion_object_pool_open(arena, "things",
						 POOL_OPTIONS(.object_size = 1),
						 &p),
			 -EPROTOTYPE);
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "'things'"));
	assert_non_null(strstr(fusion_strerror(-EPROTOTYPE), "1 and 0 were"));
	assert_int_equal(
		fusion_object_pool_open(
			arena, "things",
			POOL_OPTIONS(.object_size = sizeof(struct thing),
				     .message_size = 8),
			&p),
		-EPROTOTYPE);
	assert_null(p);
	/* The destructor is still the first one. */
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->gone, 1);
	await_size(0);
}

static void other_destructor(struct fusion_object *o, bool zombie, void *ctx)
{
	(void)o;
	(void)zombie;
	bump(ctx);
}

static void test_open_registers_the_destructor(void **state)
{
	struct fusion_object_pool *p;
	struct fusion_object *o;

	(void)state;
	assert_int_equal(
		fusion_object_pool_open(
			arena, "things",
			POOL_OPTIONS(.object_size = sizeof(struct thing),
				     .destructor = other_destructor,
				     .ctx = &tally->hold),
			&p),
		0);
	o = active(1);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->hold, 1);
	await_size(0);
	assert_int_equal(tally->ended, 0);
	/* That process may destroy the pool, too. */
	assert_int_equal(fusion_object_pool_destroy(p), 0);
}

static void test_options_of_another_size(void **state)
{
	struct {
		struct fusion_object_pool_options now;
		uint64_t later;
	} o = {FUSION_OBJECT_POOL_OPTIONS_INIT, 0};
	struct fusion_object_pool *p = NULL;

	(void)state;
	o.now.size = sizeof(o);
	assert_int_equal(fusion_object_pool_create(arena, "a", &o.now, &p), 0);
	p = NULL;
	o.later = 1;
	assert_int_equal(fusion_object_pool_create(arena, "b", &o.now, &p),
			 -E2BIG);
	assert_int_equal(fusion_object_pool_open(arena, "a", &o.now, &p),
			 -E2BIG);
	o.now.size = sizeof(o.now) - 1;
	assert_int_equal(fusion_object_pool_create(arena, "b", &o.now, &p),
			 -EINVAL);
	assert_null(p);
	assert_int_equal(fusion_object_pool_lookup(arena, "b", &p), -ENOENT);
}

static void test_ids_of_pools(void **state)
{
	struct fusion_object_pool *p = NULL, *q;
	fusion_id_t id = fusion_object_pool_id(pool);

	(void)state;
	assert_int_not_equal(id, 0);
	assert_int_equal(fusion_object_pool_get(arena, id, &p), 0);
	assert_ptr_equal(p, pool);
	assert_int_equal(fusion_object_pool_create(arena, NULL, NULL, &q), 0);
	id = fusion_object_pool_id(q);
	assert_int_equal(fusion_object_pool_get(arena, id, &p), 0);
	assert_ptr_equal(p, q);
	assert_int_equal(fusion_object_pool_destroy(q), 0);
	assert_int_equal(fusion_object_pool_id(q), 0);
	assert_int_equal(fusion_object_pool_id(NULL), 0);
	assert_int_equal(fusion_object_pool_id((void *)&arena), 0);
	p = NULL;
	assert_int_equal(fusion_object_pool_get(arena, id, &p), -ENOENT);
	assert_int_equal(fusion_object_pool_destroy(NULL), 0);
	assert_int_equal(fusion_object_pool_get(arena, 0, &p), -EINVAL);
	assert_int_equal(fusion_object_pool_get(NULL, id, &p), -EINVAL);
	assert_int_equal(fusion_object_pool_get(arena, id, NULL), -EINVAL);
	assert_null(p);
}

static void test_numbers_of_a_pool(void **state)
{
	struct fusion_object_pool_stat s;
	struct fusion_object_pool *p;
	struct fusion_object *o;

	(void)state;
	assert_int_equal(
		fusion_object_pool_create(
			arena, NULL,
			POOL_OPTIONS(.object_size = 24, .message_size = 8), &p),
		0);
	assert_int_equal(fusion_object_create(p, &o), 0);
	assert_int_equal(fusion_object_pool_stat(p, &s, sizeof(s)), 0);
	assert_int_equal(s.id, fusion_object_pool_id(p));
	assert_int_equal(s.duty, fusion_arena_id(arena));
	assert_int_equal(s.creator, fusion_arena_id(arena));
	assert_int_equal(s.dying, 0);
	assert_int_equal(s.object_size, 24);
	assert_int_equal(s.message_size, 8);
	assert_int_equal(s.created, 1);
	assert_int_equal(s.destroyed, 0);
	assert_int_equal(fusion_object_destroy(o), 0);
	assert_int_equal(fusion_object_pool_unregister(p), 0);
	assert_int_equal(fusion_object_pool_stat(p, &s, sizeof(s)), 0);
	assert_int_equal(s.destroyed, 1);
	assert_int_equal(s.duty, FUSION_NONE);
	/* The struct of an older program. */
	s.created = 9;
	assert_int_equal(fusion_object_pool_stat(p, &s, sizeof(s.id)), 0);
	assert_int_equal(fusion_object_pool_stat(p, &s, 0), -EINVAL);
	assert_int_equal(fusion_object_pool_stat(p, NULL, sizeof(s)), -EINVAL);
	assert_int_equal(fusion_object_pool_stat(NULL, &s, sizeof(s)), -EINVAL);
	assert_int_equal(fusion_object_pool_register(p, NULL, NULL), 0);
	assert_int_equal(fusion_object_pool_destroy(p), 0);
	assert_int_equal(fusion_object_pool_stat(p, &s, sizeof(s)), -EIDRM);
	assert_int_equal(s.created, 9);
}

/* Each opens the pool, uses it, and one in three destroys it. */
static void *open_and_destroy(void *unused)
{
	struct fusion_object_pool *p;
	struct fusion_object *o;
	intptr_t r = 0;

	(void)unused;
	for (int i = 0; i < 300 && !r; i++) {
		r = fusion_object_pool_open(
			arena, "common",
			POOL_OPTIONS(.object_size = 24, .message_size = 8), &p);
		/* It is being destroyed. */
		if (r == -EIDRM)
			r = 0;
		else if (!r && fusion_object_create(p, &o) == 0)
			fusion_object_unref(o);
		if (!r && i % 3 == 0)
			fusion_object_pool_destroy(p);
	}
	return (void *)r;
}

static void test_many_open_at_once(void **state)
{
	struct fusion_object_pool *p;
	pthread_t threads[OPENERS];
	void *r;

	(void)state;
	for (int i = 0; i < OPENERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL,
						open_and_destroy, NULL),
				 0);
	for (int i = 0; i < OPENERS; i++) {
		assert_int_equal(pthread_join(threads[i], &r), 0);
		assert_int_equal((intptr_t)r, 0);
	}
	if (fusion_object_pool_lookup(arena, "common", &p) == 0)
		assert_int_equal(fusion_object_pool_destroy(p), 0);
}

static int open_it(struct fusion_arena *a)
{
	arena = a;
	return fusion_object_pool_open(
		a, "shared", POOL_OPTIONS(.object_size = sizeof(struct thing)),
		&pool);
}

static int id_of_it(struct fusion_arena *a)
{
	(void)a;
	return (int)fusion_object_pool_id(pool);
}

/* Members get one pool, and the duty goes from the dead to a living one. */
static void test_members_open_one_pool(void **state)
{
	struct child children[OPENERS];
	fusion_id_t id = 0, has;

	(void)state;
	for (int i = 0; i < OPENERS; i++)
		children[i] = have_child(arena);
	for (int i = 0; i < OPENERS; i++)
		tell(&children[i], open_it);
	for (int i = 0; i < OPENERS; i++)
		assert_int_equal(hear(&children[i]), 0);
	for (int i = 0; i < OPENERS; i++) {
		fusion_id_t its = (fusion_id_t)ask(&children[i], id_of_it);

		assert_int_not_equal(its, 0);
		assert_true(!id || id == its);
		id = its;
	}
	assert_int_equal(fusion_object_pool_destroy(pool), 0);
	assert_int_equal(fusion_object_pool_get(arena, id, &pool), 0);
	for (int i = 0; i < OPENERS - 1; i++) {
		has = fusion_object_pool_duty(pool);
		for (int k = 0; k < OPENERS; k++)
			if (children[k].id == has) {
				slay(&children[k]);
				children[k].id = 0;
			}
		assert_int_equal(life_sweep(&arena->view), 1);
		while (!fusion_object_pool_duty(pool))
			sched_yield();
	}
	for (int k = 0; k < OPENERS; k++)
		if (children[k].id)
			slay(&children[k]);
	life_sweep(&arena->view);
}

/* Typed slots and slots of handles need no cast. */
static void test_slots_of_any_type(void **state)
{
	struct thing *t = NULL, **typed;
	struct fusion_object *o;
	void **any;

	(void)state;
	typed = fusion_calloc(arena, 1, sizeof(*typed));
	any = fusion_calloc(arena, 1, sizeof(*any));
	assert_int_equal(thing_create(pool, &t), 0);
	o = thing_object(t);
	assert_int_equal(fusion_object_link(&tally->slot[0], o), 0);
	assert_int_equal(fusion_object_link(any, o), 0);
	assert_int_equal(fusion_object_link_data(typed, t), 0);
	assert_int_equal(stat_of(o).global, 3);
	assert_ptr_equal(*any, o);
	assert_ptr_equal(*typed, t);
	assert_int_equal(fusion_object_unlink(any), 0);
	assert_int_equal(fusion_object_unlink(&tally->slot[0]), 0);
	assert_int_equal(fusion_object_unlink_data(typed), 0);
	assert_int_equal(stat_of(o).global, 0);
	assert_int_equal(thing_unref(t), 0);
	await_size(0);
}

static void test_methods_take_options(void **state)
{
	struct fusion_object_pool *p = NULL;
	struct thing *t = NULL;

	(void)state;
	assert_int_equal(thing_pool_create(arena, "a", NULL, &p), 0);
	assert_int_equal(thing_create(p, &t), 0);
	assert_int_equal(thing_unref(t), 0);
	assert_int_equal(thing_pool_open(arena, "a", NULL, &p), 0);
	/* Larger objects than the type are the program's wish. */
	assert_int_equal(thing_pool_open(arena, "a",
					 POOL_OPTIONS(.object_size = 4096), &p),
			 -EPROTOTYPE);
	assert_int_equal(thing_pool_open(arena, "b",
					 POOL_OPTIONS(.object_size = 4096), &p),
			 0);
	assert_int_equal(thing_create(p, &t), 0);
	assert_int_equal(fusion_object_data_size(thing_object(t)), 4096);
	assert_int_equal(thing_unref(t), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		object_test(test_open_finds_or_creates),
		object_test(test_open_of_what_cannot_be),
		object_test(test_sizes_have_to_agree),
		object_test(test_open_registers_the_destructor),
		object_test(test_options_of_another_size),
		object_test(test_ids_of_pools),
		object_test(test_numbers_of_a_pool),
		object_test(test_many_open_at_once),
		object_test(test_members_open_one_pool),
		object_test(test_slots_of_any_type),
		object_test(test_methods_take_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
