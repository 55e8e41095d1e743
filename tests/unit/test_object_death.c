/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Objects when those who use, make or destroy them are killed
 *
 * No daemon: the one who is left finds the dead (member_child.h).
 */
#include "tests/unit/object_fixture.h"

#include <sys/mman.h>

/* Children come before all else: a fork takes no threads along. */
static struct child first, second;
static struct fusion_object *it;

/* Where the tally is: a page that the children have, too. */
static struct tally **shared;

static int find_tally(struct fusion_arena *a)
{
	(void)a;
	tally = *shared;
	return 0;
}

static int up(void **state)
{
	(void)state;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	arena = image_enter(image_create(16ull << 20, 0));
	first = have_child(arena);
	second = have_child(arena);
	tally = fusion_calloc(arena, 1, sizeof(*tally));
	*shared = tally;
	assert_int_equal(ask(&first, find_tally), 0);
	assert_int_equal(ask(&second, find_tally), 0);
	return 0;
}

static void pool_of_mine(void)
{
	assert_int_equal(
		fusion_object_pool_create(
			arena, "things",
			POOL_OPTIONS(.object_size = sizeof(struct thing),
				     .destructor = destructor),
			&pool),
		0);
}

static void bury(void)
{
	assert_int_equal(life_sweep(&arena->view), 1);
}

static void gone(struct child *c)
{
	if (c->pid)
		slay(c);
	c->pid = 0;
}

static int down(void **state)
{
	gone(&first);
	gone(&second);
	munmap(shared, sizeof(*shared));
	life_sweep(&arena->view);
	return fixture_down(state);
}

/* --- What children do ------------------------------------------------------
 */

static int find_pool(struct fusion_arena *a)
{
	return fusion_object_pool_lookup(a, "things", &pool);
}

static int take_all(struct fusion_arena *a);

static bool take(struct fusion_object *o, void *ctx)
{
	int *r = ctx;

	*r = fusion_object_ref(o);
	return *r == 0;
}

static int take_all(struct fusion_arena *a)
{
	int got = find_pool(a), r;

	r = got ? got : fusion_object_pool_enum(pool, take, &got);
	return r ? r : got;
}

/* Not active: it comes to nothing. */
static int make_one(struct fusion_arena *a)
{
	int r = find_pool(a);

	return r ? r : fusion_object_create(pool, &it);
}

static int make_active(struct fusion_arena *a)
{
	int r = make_one(a);

	return r ? r : fusion_object_activate(it);
}

static int give_back(struct fusion_arena *a)
{
	(void)a;
	return fusion_object_unref(it);
}

static int link_it(struct fusion_arena *a)
{
	(void)a;
	return fusion_object_link(&tally->slot[0], it);
}

static int make_pool(struct fusion_arena *a)
{
	return fusion_object_pool_create(
		a, "things",
		POOL_OPTIONS(.object_size = sizeof(struct thing),
			     .destructor = destructor),
		&pool);
}

static int be_willing(struct fusion_arena *a)
{
	int r = find_pool(a);

	return r ? r : fusion_object_pool_register(pool, destructor, NULL);
}

static int destroy_pool(struct fusion_arena *a)
{
	int r = find_pool(a);

	return r ? r : fusion_object_pool_destroy(pool);
}

static int catch_slot(struct fusion_arena *a)
{
	(void)a;
	it = tally->slot[1];
	return fusion_object_catch(it);
}

static int throw_slot(struct fusion_arena *a)
{
	(void)a;
	return fusion_object_throw(it, view_member(&a->view, 1)->id);
}

/* --- Who uses ------------------------------------------------------------- */

static void test_references_die_with_their_member(void **state)
{
	struct fusion_object *o;

	(void)state;
	pool_of_mine();
	o = active(1);
	assert_int_equal(ask(&first, take_all), 0);
	assert_int_equal(ask(&second, take_all), 0);
	assert_int_equal(fusion_object_unref(o), 0);
	assert_int_equal(stat_of(o).total, 2);
	gone(&first);
	bury();
	assert_int_equal(stat_of(o).total, 1);
	assert_int_equal(tally->ended, 0);
	gone(&second);
	bury();
	await(&tally->ended, 1);
	await_size(0);
}

static void test_what_the_dead_made_and_nobody_uses_goes(void **state)
{
	(void)state;
	pool_of_mine();
	assert_int_equal(ask(&first, make_one), 0);
	assert_int_equal(ask(&second, make_active), 0);
	assert_int_equal(size_of_pool(), 2);
	gone(&first);
	bury();
	await_size(1);
	assert_int_equal(tally->ended, 0);
	gone(&second);
	bury();
	await(&tally->ended, 1);
	await_size(0);
}

static void test_a_place_keeps_what_the_dead_linked(void **state)
{
	(void)state;
	pool_of_mine();
	assert_int_equal(ask(&first, make_active), 0);
	assert_int_equal(ask(&first, link_it), 0);
	gone(&first);
	bury();
	assert_int_equal(stat_of(tally->slot[0]).total, 1);
	assert_int_equal(fusion_object_unlink(&tally->slot[0]), 0);
	await(&tally->ended, 1);
	await_size(0);
}

static void test_thrown_to_a_member_that_dies(void **state)
{
	struct fusion_object *o;

	(void)state;
	pool_of_mine();
	o = active(1);
	tally->slot[1] = o;
	assert_int_equal(fusion_object_ref(o), 0);
	assert_int_equal(fusion_object_throw(o, first.id), 0);
	assert_int_equal(fusion_object_throw(o, second.id), 0);
	assert_int_equal(stat_of(o).total, 2);
	assert_int_equal(ask(&second, catch_slot), 0);
	assert_int_equal(ask(&second, catch_slot), -ENODATA);
	gone(&first);
	bury();
	assert_int_equal(stat_of(o).total, 1);
	assert_int_equal(ask(&second, throw_slot), 0);
	gone(&second);
	bury();
	assert_int_equal(stat_of(o).total, 1);
	assert_int_equal(fusion_object_catch(o), 0);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->ended, 1);
	await_size(0);
}

/* --- Who destroys --------------------------------------------------------- */

static void test_the_next_takes_the_duty(void **state)
{
	struct fusion_object *o[3];

	(void)state;
	assert_int_equal(ask(&first, make_pool), 0);
	assert_int_equal(find_pool(arena), 0);
	assert_int_equal(fusion_object_pool_duty(pool), first.id);
	for (uint64_t i = 0; i < 3; i++)
		o[i] = active(i + 1);
	gone(&first);
	/* Nobody has the duty, nobody is willing. */
	assert_int_equal(fusion_object_unref(o[0]), 0);
	bury();
	assert_int_equal(fusion_object_unref(o[1]), 0);
	assert_int_equal(fusion_object_pool_duty(pool), 0);
	assert_int_equal(size_of_pool(), 3);
	assert_int_equal(ask(&second, be_willing), 0);
	await(&tally->gone, 2);
	assert_int_equal(fusion_object_pool_duty(pool), second.id);
	await_size(1);
	assert_int_equal(tally->sum, 3);
	/* The next has registered before. */
	assert_int_equal(be_willing(arena), 0);
	assert_int_equal(fusion_object_pool_duty(pool), second.id);
	gone(&second);
	assert_int_equal(fusion_object_unref(o[2]), 0);
	await(&tally->gone, 3);
	await_size(0);
	assert_int_equal(fusion_object_pool_duty(pool), arena->id);
}

/* It was begun, and is not begun again. */
static void test_killed_in_a_destructor(void **state)
{
	struct fusion_object *o;

	(void)state;
	assert_int_equal(ask(&first, make_pool), 0);
	assert_int_equal(find_pool(arena), 0);
	assert_int_equal(be_willing(arena), 0);
	o = active(1);
	store_release(&tally->hold, 1u);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->ended, 1);
	gone(&first);
	hold(0);
	/* Without a sweep of ours: who is willing looks. */
	await_size(0);
	assert_int_equal(tally->ended, 1);
	assert_int_equal(tally->gone, 0);
	assert_int_equal(fusion_object_unref(active(2)), 0);
	await(&tally->gone, 1);
	await_size(0);
}

/* Nobody has it at zero any more, and it is not revived for all that. */
static void test_what_was_begun_is_not_revived(void **state)
{
	struct fusion_object *o, *p;

	(void)state;
	assert_int_equal(ask(&first, make_pool), 0);
	assert_int_equal(find_pool(arena), 0);
	o = active(1);
	store_release(&tally->hold, 1u);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->ended, 1);
	gone(&first);
	bury();
	assert_int_equal(fusion_object_ref(o), -ESTALE);
	assert_int_equal(fusion_object_link(&tally->slot[0], o), -ESTALE);
	assert_int_equal(fusion_object_get(pool, fusion_object_id(o), &p),
			 -ESTALE);
	assert_int_equal(stat_of(o).total, 0);
	hold(0);
	assert_int_equal(be_willing(arena), 0);
	await_size(0);
	assert_int_equal(tally->ended, 1);
}

/* It stays in its first destructor. */
static void first_destroys_a_pool_of_three(void)
{
	assert_int_equal(ask(&first, make_pool), 0);
	assert_int_equal(find_pool(arena), 0);
	assert_int_equal(be_willing(arena), 0);
	for (uint64_t i = 0; i < 3; i++)
		active(i);
	store_release(&tally->hold, 1u);
	tell(&first, destroy_pool);
	await(&tally->ended, 1);
}

/* And who goes on does so to the end. */
static void first_is_killed_at_it(void)
{
	struct fusion_object_pool *p;

	gone(&first);
	hold(0);
	while (fusion_object_pool_lookup(arena, "things", &p) == 0)
		sched_yield();
	assert_int_equal(tally->ended, 3);
}

static void test_killed_while_it_destroys_the_pool(void **state)
{
	(void)state;
	first_destroys_a_pool_of_three();
	assert_int_equal(fusion_object_create(pool, &it), -EIDRM);
	first_is_killed_at_it();
	assert_int_equal(tally->zombies, 3);
	assert_int_equal(tally->gone, 2);
	assert_int_equal(make_pool(arena), 0);
	assert_int_equal(size_of_pool(), 0);
}

/* Who came second is turned away, and goes on with it nonetheless. */
static void test_who_came_second_destroys_the_pool(void **state)
{
	(void)state;
	first_destroys_a_pool_of_three();
	assert_int_equal(fusion_object_pool_destroy(pool), -EIDRM);
	first_is_killed_at_it();
	assert_int_equal(tally->gone, 2);
}

/* Who has the duty lives, and another destroys the pool. */
static void test_another_destroys_the_pool(void **state)
{
	(void)state;
	pool_of_mine();
	active(1);
	store_release(&tally->hold, 1u);
	assert_int_equal(fusion_object_unref(active(2)), 0);
	await(&tally->ended, 1);
	assert_int_equal(ask(&first, destroy_pool), -EPERM);
	assert_int_equal(ask(&first, be_willing), 0);
	tell(&first, destroy_pool);
	await(&tally->ended, 2);
	hold(0);
	assert_int_equal(hear(&first), 0);
	await(&tally->ended, 2);
	await(&tally->gone, 2);
	assert_int_equal(tally->zombies, 1);
	assert_int_equal(find_pool(arena), -ENOENT);
}

/* The owner of a claim that is not recovered yet still has it. */
static void test_made_by_one_given_back_by_another(void **state)
{
	(void)state;
	pool_of_mine();
	for (uint32_t i = 0; i < 50; i++) {
		assert_int_equal(ask(&first, make_active), 0);
		assert_int_equal(ask(&second, take_all), 0);
		assert_int_equal(ask(&first, give_back), 0);
		assert_int_equal(size_of_pool(), i + 1);
	}
	gone(&second);
	bury();
	await(&tally->gone, 50);
	await_size(0);
}

#define death_test(name) cmocka_unit_test_setup_teardown(name, up, down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		death_test(test_references_die_with_their_member),
		death_test(test_what_the_dead_made_and_nobody_uses_goes),
		death_test(test_a_place_keeps_what_the_dead_linked),
		death_test(test_thrown_to_a_member_that_dies),
		death_test(test_the_next_takes_the_duty),
		death_test(test_killed_in_a_destructor),
		death_test(test_what_was_begun_is_not_revived),
		death_test(test_killed_while_it_destroys_the_pool),
		death_test(test_who_came_second_destroys_the_pool),
		death_test(test_another_destroys_the_pool),
		death_test(test_made_by_one_given_back_by_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
