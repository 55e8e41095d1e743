/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects and their pools, in one process; those of several that are killed are
 * test_object_death.c's. */
#include "tests/unit/object_fixture.h"

#include <pthread.h>

#include "libfusion/core/objects/object_item.h"
#include "libfusion/talk/dispatch_post.h"

/* --- Life ------------------------------------------------------------------
 */

static void test_life_of_an_object(void **state)
{
	struct fusion_object *o, *same;
	struct fusion_object_pool *p;
	struct thing *t;
	fusion_id_t id;

	(void)state;
	assert_int_equal(fusion_object_create(pool, &o), 0);
	id = fusion_object_id(o);
	assert_true(id);
	assert_int_equal(fusion_object_state(o), FUSION_OBJECT_INIT);
	t = fusion_object_data(o);
	assert_int_equal((uintptr_t)t % 16, 0);
	assert_int_equal(t->number, 0);
	assert_null(t->next);
	assert_ptr_equal(fusion_object_of(t), o);
	assert_null(fusion_object_of((char *)t + 16));
	assert_int_equal(fusion_object_pool_of(o, &p), 0);
	assert_ptr_equal(p, pool);
	assert_int_equal(stat_of(o).total, 1);
	assert_int_equal(stat_of(o).local, 1);
	assert_int_equal(stat_of(o).creator, arena->id);
	assert_int_equal(stat_of(o).size, sizeof(struct thing));

	t->number = 7;
	assert_int_equal(fusion_object_activate(o), 0);
	assert_int_equal(fusion_object_activate(o), -EBUSY);
	assert_int_equal(fusion_object_state(o), FUSION_OBJECT_ACTIVE);
	assert_int_equal(fusion_object_destroy(o), -EBUSY);
	assert_int_equal(fusion_object_get(pool, id, &same), 0);
	assert_ptr_equal(same, o);
	assert_int_equal(fusion_object_unref(o), 0);
	assert_int_equal(size_of_pool(), 1);

	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->ended, 1);
	await_size(0);
	assert_int_equal(tally->sum, 7);
	assert_int_equal(tally->zombies, 0);
	assert_int_equal(fusion_object_state(o), -EIDRM);
	assert_int_equal(fusion_object_id(o), 0);
	assert_null(fusion_object_data(o));
	assert_int_equal(fusion_object_ref(o), -EIDRM);
	assert_int_equal(fusion_object_get(pool, id, &o), -ENOENT);
	assert_int_equal(fusion_object_lookup(pool, id, &o), -ENOENT);
}

static void test_what_came_to_nothing_has_no_destructor(void **state)
{
	struct fusion_object *o;

	(void)state;
	assert_int_equal(fusion_object_create(pool, &o), 0);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
	assert_int_equal(fusion_object_create(pool, &o), 0);
	assert_int_equal(fusion_object_ref(o), 0);
	assert_int_equal(fusion_object_destroy(o), 0);
	assert_int_equal(fusion_object_destroy(o), -EIDRM);
	assert_int_equal(fusion_object_unref(o), -EIDRM);
	assert_int_equal(size_of_pool(), 0);
	assert_int_equal(tally->ended, 0);
}

static void ends_itself(struct fusion_object *o, bool zombie, void *ctx)
{
	int *r = ctx;

	(void)zombie;
	r[0] = fusion_object_ref(o);
	r[1] = fusion_object_activate(o);
	r[2] = fusion_object_state(o);
	r[3] = fusion_object_destroy(o);
	r[4] = fusion_object_state(o);
	bump(&tally->gone);
}

static void test_a_destructor_may_destroy(void **state)
{
	int r[5];

	(void)state;
	assert_int_equal(fusion_object_pool_register(pool, ends_itself, r), 0);
	assert_int_equal(fusion_object_unref(active(1)), 0);
	await(&tally->gone, 1);
	assert_int_equal(r[0], -ESTALE);
	assert_int_equal(r[1], -EBUSY);
	assert_int_equal(r[2], FUSION_OBJECT_DEINIT);
	assert_int_equal(r[3], 0);
	assert_int_equal(r[4], -EIDRM);
	assert_int_equal(size_of_pool(), 0);
}

static void test_dead_is_told_from_unknown(void **state)
{
	struct fusion_object *o = active(1), *p;
	fusion_id_t id = fusion_object_id(o);

	(void)state;
	hold(1);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->ended, 1);
	assert_int_equal(fusion_object_get(pool, id, &p), -ESTALE);
	assert_int_equal(fusion_object_lookup(pool, id, &p), 0);
	assert_int_equal(fusion_object_ref(o), -ESTALE);
	assert_int_equal(fusion_object_destroy(o), -EBUSY);
	hold(0);
	await(&tally->gone, 1);
	await_size(0);
	assert_int_equal(fusion_object_get(pool, id, &p), -ENOENT);
}

/* The dispatcher is kept busy, so that it looks when all is over. */
static uint32_t waiting; /* atomic, futex */

static void wait_held(void *ctx)
{
	bump(ctx);
	while (load_acquire(&tally->hold) == 1)
		futex_wait(&tally->hold, 1, -1);
}

static void test_revived_before_its_destructor(void **state)
{
	struct fusion_object *o = active(1);
	uint32_t done = 0;

	(void)state;
	hold(1);
	waiting = 0;
	assert_int_equal(dispatch_post(arena, wait_held, &waiting), 0);
	await(&waiting, 1);
	for (int i = 0; i < 3; i++) {
		struct fusion_object *p;

		assert_int_equal(fusion_object_unref(o), 0);
		assert_int_equal(stat_of(o).total, 0);
		assert_int_equal(
			fusion_object_get(pool, fusion_object_id(o), &p),
			-ESTALE);
		assert_int_equal(fusion_object_ref(o), 0);
	}
	hold(0);
	/* Two turns: a job that was posted is behind the first. */
	for (uint32_t i = 1; i < 4; i++) {
		assert_int_equal(dispatch_post(arena, bump_it, &done), 0);
		await(&done, i);
	}
	assert_int_equal(tally->ended, 0);
	assert_int_equal(fusion_object_state(o), FUSION_OBJECT_ACTIVE);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->ended, 1);
	await_size(0);
}

/* --- References ------------------------------------------------------------
 */

static void test_places_have_references(void **state)
{
	struct fusion_object *o = active(1), *other = active(2),
			     *outside = NULL;

	(void)state;
	assert_int_equal(fusion_object_link(&tally->slot[0], o), 0);
	assert_ptr_equal(tally->slot[0], o);
	assert_int_equal(stat_of(o).global, 1);
	assert_int_equal(fusion_object_link(&tally->slot[0], other), -EBUSY);
	assert_int_equal(stat_of(other).global, 0);
	assert_int_equal(fusion_object_link(&outside, o), -EINVAL);
	assert_int_equal(fusion_object_link((char *)&tally->slot[1] + 1, o),
			 -EINVAL);
	assert_int_equal(fusion_object_link(NULL, o), -EINVAL);
	assert_int_equal(fusion_object_unlink(&outside), -EINVAL);
	assert_int_equal(fusion_object_unref(o), 0);
	assert_int_equal(fusion_object_unref(o), -EPERM);
	assert_int_equal(fusion_object_state(o), FUSION_OBJECT_ACTIVE);
	assert_int_equal(fusion_object_unlink(&tally->slot[0]), 0);
	assert_null(tally->slot[0]);
	await(&tally->ended, 1);
	assert_int_equal(fusion_object_unlink(&tally->slot[0]), 0);

	assert_int_equal(fusion_object_globalize(other), 0);
	assert_int_equal(stat_of(other).local, 0);
	assert_int_equal(stat_of(other).global, 1);
	assert_int_equal(fusion_object_globalize(other), -EPERM);
	tally->slot[2] = other;
	assert_int_equal(fusion_object_unlink(&tally->slot[2]), 0);
	await(&tally->ended, 2);
	await_size(0);
	/* What names an object that is gone is cleared. */
	tally->slot[3] = other;
	assert_int_equal(fusion_object_unlink(&tally->slot[3]), 0);
	assert_null(tally->slot[3]);
}

static void test_methods_of_a_type(void **state)
{
	struct thing *t = NULL, *same, *by = NULL;
	struct fusion_object_stat s;

	(void)state;
	assert_int_equal(thing_create(pool, &t), 0);
	t->number = 3;
	assert_int_equal(thing_activate(t), 0);
	assert_int_equal(thing_destroy(t), -EBUSY);
	assert_int_equal(thing_ref(t), 0);
	assert_int_equal(
		thing_get(pool, fusion_object_id(thing_object(t)), &same), 0);
	assert_ptr_equal(same, t);
	assert_int_equal(thing_stat(t, &s, sizeof(s)), 0);
	assert_int_equal(s.local, 3);
	assert_int_equal(thing_unref(t), 0);
	assert_int_equal(thing_globalize(t), 0);
	assert_int_equal(thing_link((struct thing **)&tally->slot[0], t), 0);
	assert_ptr_equal(tally->slot[0], t);
	assert_int_equal(thing_unlink(&by), -EINVAL);
	assert_int_equal(thing_unlink((struct thing **)&tally->slot[0]), 0);
	tally->slot[0] = (void *)t;
	assert_int_equal(thing_unlink((struct thing **)&tally->slot[0]), 0);
	assert_int_equal(thing_throw(t, arena->id), 0);
	assert_int_equal(thing_catch(t), 0);
	assert_int_equal(thing_catch(t), -ENODATA);
	assert_int_equal(thing_unref(t), 0);
	await(&tally->ended, 1);
	await_size(0);
	assert_int_equal(thing_ref(NULL), -EINVAL);
}

static void test_inherited_references_count(void **state)
{
	struct fusion_object *window = active(1), *buffer = active(2);

	(void)state;
	assert_int_equal(fusion_object_inherit(buffer, window), 0);
	assert_int_equal(fusion_object_inherit(buffer, window), -EEXIST);
	assert_int_equal(fusion_object_inherit(window, buffer), -ELOOP);
	assert_int_equal(fusion_object_unref(buffer), 0);
	assert_int_equal(stat_of(buffer).total, 1);
	assert_int_equal(fusion_object_unref(window), 0);
	await(&tally->ended, 2);
	await_size(0);
	assert_int_equal(tally->sum, 3);
}

/* --- Properties ------------------------------------------------------------
 */

static void test_properties(void **state)
{
	static char big[FUSION_OBJECT_STRING_MAX + 2], out[sizeof(big)];
	char key[FUSION_OBJECT_KEY_MAX + 2];
	struct fusion_object *o = active(1);
	int64_t n;
	size_t need;
	void *p;

	(void)state;
	assert_int_equal(fusion_object_get_integer(o, "n", &n), -ENOENT);
	assert_int_equal(fusion_object_set_integer(o, "n", -5), 0);
	assert_int_equal(fusion_object_set_string(o, "s", "one"), 0);
	assert_int_equal(fusion_object_set_pointer(o, "p", tally), 0);
	assert_int_equal(fusion_object_set_pointer(o, "p", &n), -EINVAL);
	assert_int_equal(fusion_object_get_integer(o, "n", &n), 0);
	assert_int_equal(n, -5);
	assert_int_equal(fusion_object_get_pointer(o, "p", &p), 0);
	assert_ptr_equal(p, tally);
	assert_int_equal(fusion_object_get_string(o, "s", out, 4, &need), 0);
	assert_string_equal(out, "one");
	assert_int_equal(need, 4);
	assert_int_equal(fusion_object_get_string(o, "s", out, 3, &need),
			 -EMSGSIZE);
	assert_int_equal(need, 4);
	assert_int_equal(fusion_object_get_string(o, "s", NULL, 0, NULL),
			 -EMSGSIZE);
	assert_int_equal(fusion_object_get_integer(o, "s", &n), -EPROTOTYPE);
	assert_int_equal(fusion_object_get_string(o, "n", out, 9, NULL),
			 -EPROTOTYPE);
	assert_int_equal(fusion_object_get_pointer(o, "n", &p), -EPROTOTYPE);

	/* Another type takes the place of the first. */
	assert_int_equal(fusion_object_set_string(o, "n", "two"), 0);
	assert_int_equal(fusion_object_get_integer(o, "n", &n), -EPROTOTYPE);
	assert_int_equal(fusion_object_remove_property(o, "n"), 0);
	assert_int_equal(fusion_object_remove_property(o, "n"), -ENOENT);
	assert_int_equal(fusion_object_get_string(o, "s", out, 9, NULL), 0);

	memset(big, 'x', sizeof(big) - 2);
	assert_int_equal(fusion_object_set_string(o, "s", big), 0);
	assert_int_equal(
		fusion_object_get_string(o, "s", out, sizeof(out), &need), 0);
	assert_int_equal(need, FUSION_OBJECT_STRING_MAX + 1);
	assert_string_equal(out, big);
	big[FUSION_OBJECT_STRING_MAX] = 'x';
	assert_int_equal(fusion_object_set_string(o, "s", big), -EMSGSIZE);
	memset(key, 'k', sizeof(key));
	key[FUSION_OBJECT_KEY_MAX + 1] = '\0';
	assert_int_equal(fusion_object_set_integer(o, key, 1), -EINVAL);
	assert_int_equal(fusion_object_set_integer(o, "", 1), -EINVAL);
	assert_int_equal(fusion_object_set_integer(o, NULL, 1), -EINVAL);
	key[FUSION_OBJECT_KEY_MAX] = '\0';
	assert_int_equal(fusion_object_set_integer(o, key, 1), 0);
	assert_int_equal(fusion_object_get_integer(o, key, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
	assert_int_equal(fusion_object_set_integer(o, "n", 1), -EIDRM);
}

static void test_owners_and_access(void **state)
{
	struct fusion_object *o = active(1);

	(void)state;
	assert_int_equal(fusion_object_check_owner(o, 7, false), -ENOENT);
	assert_int_equal(fusion_object_check_owner(o, 7, true), 0);
	assert_int_equal(fusion_object_add_owner(o, 7), 0);
	assert_int_equal(fusion_object_add_owner(o, 7), 0);
	assert_int_equal(fusion_object_add_owner(o, 8), 0);
	assert_int_equal(fusion_object_add_owner(o, FUSION_NONE), -ESRCH);
	assert_non_null(strstr(fusion_strerror(-ESRCH), "FUSION_NONE"));
	assert_int_equal(fusion_object_check_owner(o, 7, false), 0);
	assert_int_equal(fusion_object_check_owner(o, 8, false), 0);
	assert_int_equal(fusion_object_check_owner(o, 9, true), -ENOENT);

	assert_int_equal(fusion_object_has_access(o, "/bin/true"), -EACCES);
	assert_int_equal(fusion_object_add_access(o, "/usr/*"), 0);
	assert_int_equal(fusion_object_add_access(o, "/bin/true"), 0);
	assert_int_equal(fusion_object_add_access(o, ""), -EINVAL);
	assert_int_equal(fusion_object_has_access(o, "/bin/true"), 0);
	assert_int_equal(fusion_object_has_access(o, "/bin/trues"), -EACCES);
	assert_int_equal(fusion_object_has_access(o, "/usr/bin/x"), 0);
	assert_int_equal(fusion_object_has_access(o, "/us"), -EACCES);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

/* --- Reactor ---------------------------------------------------------------
 */

struct heard {
	uint32_t messages, ends; /* atomic, futex */
};

static enum fusion_reaction_result count(const struct fusion_reactor_message *m,
					 void *ctx)
{
	struct heard *h = ctx;

	bump(m->event == FUSION_REACTOR_DATA ? &h->messages : &h->ends);
	return FUSION_REACTION_KEEP;
}

static void test_reactor_of_an_object(void **state)
{
	struct fusion_object *o = active(1);
	struct fusion_reaction *reaction;
	struct fusion_reactor *re, *same;
	struct heard heard = {0};

	(void)state;
	assert_int_equal(fusion_object_dispatch(o, NULL, "x", 1), 0);
	assert_int_equal(fusion_object_detach_global(o, NULL, NULL), -ENOENT);
	assert_int_equal(
		fusion_object_attach(o, NULL, count, &heard, &reaction), 0);
	assert_int_equal(
		fusion_object_dispatch(
			o,
			&(const struct fusion_reactor_dispatch_options){
				.size = sizeof(
					struct fusion_reactor_dispatch_options),
				.flags = FUSION_REACTOR_SELF,
			},
			"x", 1),
		0);
	await(&heard.messages, 1);
	assert_int_equal(fusion_object_reactor(o, &re), 0);
	assert_int_equal(fusion_object_reactor(o, &same), 0);
	assert_ptr_equal(re, same);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
	assert_int_equal(fusion_reactor_dispatch(re, NULL, "x", 1), -EIDRM);
	assert_int_equal(fusion_object_dispatch(o, NULL, "x", 1), -EIDRM);
	await(&heard.ends, 1);
	assert_int_equal(fusion_object_detach(reaction), 0);
	assert_int_equal(heard.messages, 1);
}

/* --- Pools -----------------------------------------------------------------
 */

static void test_pool_destroy_ends_all(void **state)
{
	struct fusion_object *held = active(1), *linked = active(2), *init, *o;
	struct fusion_object_pool *again;

	(void)state;
	assert_int_equal(fusion_object_link(&tally->slot[0], linked), 0);
	assert_int_equal(fusion_object_create(pool, &init), 0);
	assert_int_equal(
		fusion_object_pool_create(arena, "things", NULL, &again),
		-EEXIST);
	assert_int_equal(fusion_object_pool_destroy(pool), 0);
	assert_int_equal(tally->ended, 2);
	assert_int_equal(tally->zombies, 2);
	assert_int_equal(fusion_object_unref(held), -EIDRM);
	assert_int_equal(fusion_object_unref(init), -EIDRM);
	assert_int_equal(fusion_object_unlink(&tally->slot[0]), 0);
	assert_int_equal(fusion_object_pool_destroy(pool), -EIDRM);
	assert_int_equal(fusion_object_create(pool, &o), -EIDRM);
	assert_int_equal(fusion_object_pool_register(pool, NULL, NULL), -EIDRM);
	assert_int_equal(fusion_object_pool_lookup(arena, "things", &again),
			 -ENOENT);
	/* The name is free. */
	assert_int_equal(
		fusion_object_pool_create(arena, "things", NULL, &pool), 0);
	assert_int_equal(fusion_object_create(pool, &o), 0);
	assert_null(fusion_object_data(o));
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

static void destroys_its_pool(struct fusion_object *o, bool zombie, void *ctx)
{
	(void)o;
	(void)zombie;
	*(int *)ctx = fusion_object_pool_destroy(pool);
	bump(&tally->gone);
}

static void test_no_pool_is_destroyed_by_its_destructor(void **state)
{
	int r = 0;

	(void)state;
	assert_int_equal(
		fusion_object_pool_register(pool, destroys_its_pool, &r), 0);
	assert_int_equal(fusion_object_unref(active(1)), 0);
	await(&tally->gone, 1);
	assert_int_equal(r, -EDEADLK);
	await_size(0);
}

/* The destroyer waits for a destructor that runs on the dispatcher. */
static void *destroy_pool(void *arg)
{
	*(int *)arg = fusion_object_pool_destroy(pool);
	return NULL;
}

static void test_pool_destroy_waits_for_destructors(void **state)
{
	pthread_t thread;
	int r = 1;

	(void)state;
	active(2);
	hold(1);
	assert_int_equal(fusion_object_unref(active(1)), 0);
	await(&tally->ended, 1);
	assert_int_equal(pthread_create(&thread, NULL, destroy_pool, &r), 0);
	await(&tally->ended, 2);
	assert_int_equal(tally->gone, 0);
	hold(0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(r, 0);
	assert_int_equal(tally->gone, 2);
	assert_int_equal(tally->zombies, 1);
}

static void expect_register_sentence(void)
{
	assert_non_null(strstr(fusion_strerror(-EPERM),
			       "call fusion_object_pool_register()"));
}

static void test_nobody_willing(void **state)
{
	struct fusion_object *o = active(5), *p = active(6);

	(void)state;
	assert_int_equal(fusion_object_pool_duty(pool), arena->id);
	assert_int_equal(fusion_object_pool_unregister(pool), 0);
	assert_int_equal(fusion_object_pool_unregister(pool), -EPERM);
	expect_register_sentence();
	assert_int_equal(fusion_object_pool_duty(pool), 0);
	assert_int_equal(fusion_object_pool_destroy(pool), -EPERM);
	expect_register_sentence();
	assert_int_equal(fusion_object_unref(o), 0);
	assert_int_equal(size_of_pool(), 2);
	assert_int_equal(fusion_object_get(pool, fusion_object_id(o), &o),
			 -ESTALE);
	assert_int_equal(fusion_object_pool_register(pool, destructor, NULL),
			 0);
	assert_int_equal(fusion_object_pool_duty(pool), arena->id);
	await(&tally->ended, 1);
	await_size(1);
	assert_int_equal(tally->sum, 5);
	assert_int_equal(fusion_object_unref(p), 0);
	await_size(0);
	assert_int_equal(load_acquire(&tally->ended), 2);
}

static bool sum_up(struct fusion_object *o, void *ctx)
{
	struct thing *t = fusion_object_data(o);

	*(uint64_t *)ctx += t->number;
	return true;
}

static bool first_only(struct fusion_object *o, void *ctx)
{
	(void)o;
	++*(int *)ctx;
	return false;
}

static void test_all_are_enumerated(void **state)
{
	struct fusion_object *o[100];
	uint64_t sum = 0;
	int n = 0;

	(void)state;
	for (uint64_t i = 0; i < 100; i++)
		o[i] = active(i);
	assert_int_equal(fusion_object_pool_enum(pool, sum_up, &sum), 0);
	assert_int_equal(sum, 4950);
	assert_int_equal(fusion_object_pool_enum(pool, first_only, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(size_of_pool(), 100);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(stat_of(o[i]).total, 1);
		assert_int_equal(fusion_object_unref(o[i]), 0);
	}
	await(&tally->ended, 100);
	await_size(0);
	assert_int_equal(tally->sum, 4950);
}

static void test_a_full_table_loses_nothing(void **state)
{
	uint32_t max = arena->view.geo.tables[KIND_OBJECT].max, n = 0;
	struct fusion_object *o, **all = calloc(max + 1, sizeof(*all));
	int r;

	(void)state;
	while ((r = fusion_object_create(pool, &o)) == 0)
		all[n++] = o;
	assert_true(r == -ENOSPC || r == -ENOMEM);
	assert_int_equal(size_of_pool(), n);
	assert_int_equal(n, max);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(fusion_object_unref(all[i]), 0);
	await_size(0);
	assert_int_equal(tally->ended, 0);
	free(all);
	assert_int_equal(fusion_object_unref(active(1)), 0);
	await(&tally->ended, 1);
	await_size(0);
}

/* --- Threads ---------------------------------------------------------------
 */

#define WORKERS 4
#define ROUNDS 2000

static fusion_id_t shared_id; /* atomic */

/* The dispatcher may be behind: then the table is full for a while. */
static struct fusion_object *made(void)
{
	struct fusion_object *o;
	int r;

	while ((r = fusion_object_create(pool, &o)) == -ENOSPC)
		sched_yield();
	assert_int_equal(r, 0);
	((struct thing *)fusion_object_data(o))->number = 1;
	assert_int_equal(fusion_object_activate(o), 0);
	return o;
}

/* Makes one, shows it, and takes and gives back what others show. */
static void *work(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		struct fusion_object *mine = made(), *other;
		int r;

		store_release(&shared_id, fusion_object_id(mine));
		r = fusion_object_get(pool, load_acquire(&shared_id), &other);
		if (r == 0) {
			assert_int_equal(fusion_object_state(other),
					 FUSION_OBJECT_ACTIVE);
			assert_int_equal(fusion_object_unref(other), 0);
		} else {
			assert_true(r == -ENOENT || r == -ESTALE);
		}
		assert_int_equal(fusion_object_set_integer(mine, "i", i), 0);
		assert_int_equal(fusion_object_unref(mine), 0);
	}
	return arg;
}

static void test_threads_make_and_take(void **state)
{
	pthread_t thread[WORKERS];

	(void)state;
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, work, NULL),
				 0);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	await(&tally->ended, WORKERS * ROUNDS);
	await_size(0);
	assert_int_equal(tally->sum, WORKERS * ROUNDS);
}

/* --- Wrong input -----------------------------------------------------------
 */

static void test_wrong_input(void **state)
{
	struct fusion_object_pool *p;
	struct fusion_object *o = active(1), *q;
	struct fusion_object_stat s;
	uint64_t n;

	(void)state;
	assert_int_equal(fusion_object_pool_create(NULL, "x", NULL, &p),
			 -EINVAL);
	assert_int_equal(fusion_object_pool_create(arena, "x", NULL, NULL),
			 -EINVAL);
	assert_int_equal(fusion_object_pool_create(arena, "a/b", NULL, &p),
			 -EINVAL);
	assert_int_equal(
		fusion_object_pool_create(
			arena, "x",
			POOL_OPTIONS(.object_size = FUSION_OBJECT_SIZE_MAX + 1),
			&p),
		-EINVAL);
	assert_int_equal(fusion_object_create(NULL, &q), -EINVAL);
	assert_int_equal(fusion_object_create(pool, NULL), -EINVAL);
	assert_int_equal(fusion_object_create((void *)o, &q), -EINVAL);
	assert_int_equal(fusion_object_ref(NULL), -EINVAL);
	assert_int_equal(fusion_object_ref((void *)pool), -EINVAL);
	/* An address in its record is the handle of one with another id. */
	assert_int_equal(fusion_object_ref((void *)((char *)o + 8)), -EIDRM);
	assert_int_equal(fusion_object_pool_count(pool, NULL), -EINVAL);
	assert_non_null(
		strstr(fusion_strerror(-EINVAL), "the argument ret is NULL"));
	assert_int_equal(fusion_object_pool_count((void *)&n, &n), -EINVAL);
	assert_int_equal(fusion_object_pool_enum(pool, NULL, NULL), -EINVAL);
	assert_int_equal(fusion_object_get(pool, 0, &q), -EINVAL);
	assert_int_equal(fusion_object_destroy(NULL), 0);
	assert_int_equal(fusion_object_get(pool, fusion_object_id(o), NULL),
			 -EINVAL);
	assert_int_equal(fusion_object_get(pool, 4000000000u, &q), -ENOENT);
	assert_int_equal(fusion_object_throw(o, 12345), -ESRCH);
	assert_int_equal(fusion_object_stat(o, NULL, sizeof(s)), -EINVAL);
	assert_int_equal(fusion_object_stat(o, &s, 0), -EINVAL);
	assert_int_equal(fusion_object_pool_duty(NULL), 0);
	assert_null(fusion_object_of(NULL));
	assert_null(fusion_object_of(&n));
	/* An object of another pool is not found in this one. */
	assert_int_equal(fusion_object_pool_create(arena, NULL, NULL, &p), 0);
	assert_int_equal(fusion_object_get(p, fusion_object_id(o), &q),
			 -ENOENT);
	assert_int_equal(fusion_object_pool_destroy(p), 0);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		object_test(test_life_of_an_object),
		object_test(test_what_came_to_nothing_has_no_destructor),
		object_test(test_a_destructor_may_destroy),
		object_test(test_dead_is_told_from_unknown),
		object_test(test_revived_before_its_destructor),
		object_test(test_places_have_references),
		object_test(test_methods_of_a_type),
		object_test(test_inherited_references_count),
		object_test(test_properties),
		object_test(test_owners_and_access),
		object_test(test_reactor_of_an_object),
		object_test(test_pool_destroy_ends_all),
		object_test(test_no_pool_is_destroyed_by_its_destructor),
		object_test(test_pool_destroy_waits_for_destructors),
		object_test(test_nobody_willing),
		object_test(test_all_are_enumerated),
		object_test(test_a_full_table_loses_nothing),
		object_test(test_threads_make_and_take),
		object_test(test_wrong_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
