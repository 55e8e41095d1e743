/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Objects at their edges: what should not be done, and what seldom happens. */
#include "tests/unit/object_fixture.h"

#include <sys/stat.h>
#include <unistd.h>

#include "libfusion/core/heap/span.h"
#include "libfusion/core/refs/ref_zero.h"

/* --- Pools -----------------------------------------------------------------
 */

static int answer_of;

/* Destroying runs on the thread of the test, where no dispatcher can wait. */
static void unregisters_its_pool(struct fusion_object *o, bool zombie,
				 void *ctx)
{
	(void)o;
	(void)zombie;
	(void)ctx;
	answer_of = fusion_object_pool_unregister(pool);
	bump(&tally->gone);
}

static void test_a_destructor_takes_its_registration_back(void **state)
{
	struct fusion_object_pool *p;

	(void)state;
	assert_int_equal(
		fusion_object_pool_register(pool, unregisters_its_pool, NULL),
		0);
	active(1);
	answer_of = 1;
	assert_int_equal(fusion_object_pool_destroy(pool), 0);
	assert_int_equal(tally->gone, 1);
	assert_int_equal(answer_of, 0);
	assert_int_equal(fusion_object_pool_lookup(arena, "things", &p),
			 -ENOENT);
}

static struct fusion_object_pool *inner;

static void destroys_the_outer(struct fusion_object *o, bool zombie, void *ctx)
{
	(void)o;
	(void)zombie;
	(void)ctx;
	answer_of = fusion_object_pool_destroy(pool);
}

static void destroys_the_inner(struct fusion_object *o, bool zombie, void *ctx)
{
	(void)o;
	(void)zombie;
	*(int *)ctx = fusion_object_pool_destroy(inner);
	bump(&tally->gone);
}

/* A destructor inside a destructor: the first one would wait for itself. */
static void test_no_pool_is_destroyed_further_down(void **state)
{
	struct fusion_object *o;
	int r = 1;

	(void)state;
	assert_int_equal(fusion_object_pool_create(
				 arena, "inner",
				 POOL_OPTIONS(.destructor = destroys_the_outer),
				 &inner),
			 0);
	assert_int_equal(fusion_object_create(inner, &o), 0);
	assert_int_equal(fusion_object_activate(o), 0);
	assert_int_equal(
		fusion_object_pool_register(pool, destroys_the_inner, &r), 0);
	assert_int_equal(fusion_object_unref(active(1)), 0);
	await(&tally->gone, 1);
	assert_int_equal(r, 0);
	assert_int_equal(answer_of, -EDEADLK);
	await_size(0);
}

static void test_sizes_and_names_of_pools(void **state)
{
	char name[80] = "";
	struct fusion_object_pool *p;
	struct fusion_object *o;

	(void)state;
	memset(name, 'n', 64);
	assert_int_equal(fusion_object_pool_create(arena, name, NULL, &p),
			 -ENAMETOOLONG);
	assert_int_equal(fusion_object_pool_create(arena, "", NULL, &p),
			 -EINVAL);
	assert_int_equal(fusion_object_pool_create(arena, "#7", NULL, &p),
			 -EINVAL);
	assert_int_equal(
		fusion_object_pool_create(
			arena, "x",
			POOL_OPTIONS(.message_size = (size_t)UINT32_MAX + 1),
			&p),
		-EINVAL);
	assert_int_equal(
		fusion_object_pool_create(
			arena, "x", POOL_OPTIONS(.object_size = SIZE_MAX), &p),
		-EINVAL);
	/* More than the arena has: nothing is left of it. */
	assert_int_equal(
		fusion_object_pool_create(
			arena, "huge",
			POOL_OPTIONS(.object_size = FUSION_OBJECT_SIZE_MAX),
			&p),
		0);
	assert_int_equal(fusion_object_create(p, &o), -ENOMEM);
	assert_int_equal(arena->view.sb->tables[KIND_OBJECT].n, 0);
	assert_int_equal(arena->view.sb->tables[KIND_REF].n, 0);
	assert_int_equal(fusion_object_pool_destroy(p), 0);
}

/* --- Ids -------------------------------------------------------------------
 */

/* They are 32 bits, and an arena may live long. */
static void test_ids_wrap(void **state)
{
	struct fusion_object *old = active(1), *o[4], *same;
	uint32_t *next = &arena->view.sb->next_entry;
	fusion_id_t id = fusion_object_id(old);

	(void)state;
	store_relaxed(next, UINT32_MAX);
	for (int i = 0; i < 4; i++) {
		o[i] = active(2);
		assert_int_not_equal(fusion_object_id(o[i]), 0);
		assert_int_equal(
			fusion_object_get(pool, fusion_object_id(o[i]), &same),
			0);
		assert_ptr_equal(same, o[i]);
		assert_int_equal(fusion_object_unref(same), 0);
		/* Straight at one that lives. */
		store_relaxed(next, id);
	}
	for (int i = 0; i < 4; i++)
		assert_int_equal(fusion_object_unref(o[i]), 0);
	await_size(1);
	assert_int_equal(fusion_object_get(pool, id, &same), 0);
	assert_ptr_equal(same, old);
	assert_int_equal(fusion_object_get(pool, UINT32_MAX, &same), -ENOENT);
	assert_int_equal(fusion_object_lookup(pool, 0, &same), -EINVAL);
	assert_int_equal(fusion_object_throw(old, 0), -ESRCH);
	assert_int_equal(fusion_object_throw(old, UINT32_MAX), -ESRCH);
	assert_int_equal(fusion_object_add_owner(old, 0), -ESRCH);
	assert_int_equal(fusion_object_check_owner(old, UINT32_MAX, false),
			 -ENOENT);
}

/* --- Handles ---------------------------------------------------------------
 */

/* What is no data of an object, wherever it points. */
static void test_no_data_of_an_object(void **state)
{
	char *base = arena->view.base;
	struct fusion_object *o = active(1);
	char *data = fusion_object_data(o);
	void *slot;

	(void)state;
	assert_ptr_equal(fusion_object_of(data), o);
	assert_null(fusion_object_of(data + 16));
	assert_null(fusion_object_of(data + 1));
	assert_null(fusion_object_of(base));
	assert_null(fusion_object_of(base + 16));
	assert_null(fusion_object_of(base + arena->view.geo.off_spans));
	assert_null(fusion_object_of(base + arena->view.geo.span));
	assert_null(fusion_object_of(base + arena->view.geo.span - 16));
	assert_null(fusion_object_of(o));
	/* Nor what a place names. */
	tally->slot[0] = (void *)base;
	slot = &tally->slot[0];
	assert_int_equal(fusion_object_unlink(slot), -EINVAL);
	assert_int_equal(fusion_object_unlink_data(slot), 0);
	assert_null(tally->slot[0]);
	assert_int_equal(fusion_object_link_data(slot, base), -EINVAL);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
	assert_null(fusion_object_of(data));
}

struct larger {
	struct thing thing;
	uint64_t more;
};
FUSION_OBJECT_METHODS(struct larger, larger)

/* A type's functions make and find what is that large, and nothing else. */
static void test_a_type_is_that_of_its_pool(void **state)
{
	struct fusion_object_pool *p;
	struct larger *l = NULL;
	struct thing *t = NULL;

	(void)state;
	assert_int_equal(larger_create(pool, NULL), -EINVAL);
	assert_int_equal(larger_get(pool, 1, NULL), -EINVAL);
	assert_int_equal(larger_create(pool, &l), -EPROTOTYPE);
	assert_null(l);
	await_size(0);
	assert_int_equal(thing_create(pool, &t), 0);
	assert_int_equal(
		larger_get(pool, fusion_object_id(thing_object(t)), &l),
		-EPROTOTYPE);
	assert_null(l);
	assert_int_equal(stat_of(thing_object(t)).local, 1);
	assert_int_equal(fusion_object_data_size(thing_object(t)), sizeof(*t));
	assert_int_equal(thing_unref(t), 0);
	await_size(0);
	assert_int_equal(fusion_object_pool_create(arena, "none", NULL, &p), 0);
	assert_int_equal(thing_create(p, &t), -EPROTOTYPE);
	assert_int_equal(larger_pool_create(arena, "large", NULL, &p), 0);
	assert_int_equal(larger_create(p, &l), 0);
	assert_int_equal(fusion_object_data_size(larger_object(l)), sizeof(*l));
	assert_int_equal(larger_unref(l), 0);
	assert_int_equal(larger_destroy(NULL), 0);
	assert_int_equal(larger_destroy((void *)&p), -EINVAL);
	assert_int_equal(fusion_object_data_size(NULL), 0);
}

/* Who has the duty has it at zero, and is about to store that it begins. */
static void test_what_is_about_to_end_is_left(void **state)
{
	struct fusion_object *o = active(1), *from = active(2), *got;
	struct thread_rec *me = thread_rec_of(arena);
	struct ref *ref = object_ref(&arena->view, handle_entry(o));
	struct fusion_object_stat s;

	(void)state;
	assert_int_equal(fusion_object_pool_unregister(pool), 0);
	assert_int_equal(fusion_object_unref(o), 0);
	assert_int_equal(ref_zero_trylock(&arena->view, me, ref), 0);
	assert_int_equal(fusion_object_ref(o), -ESTALE);
	assert_int_equal(fusion_object_unref(o), -ESTALE);
	assert_int_equal(fusion_object_link(&tally->slot[0], o), -ESTALE);
	assert_int_equal(fusion_object_globalize(o), -ESTALE);
	assert_int_equal(fusion_object_inherit(o, from), -ESTALE);
	assert_int_equal(fusion_object_throw(o, arena->id), -ESTALE);
	assert_int_equal(fusion_object_catch(o), -ENODATA);
	assert_int_equal(fusion_object_get(pool, fusion_object_id(o), &got),
			 -ESTALE);
	assert_int_equal(fusion_object_stat(o, &s, sizeof(s)), 0);
	assert_int_equal(s.total, 0);
	/* Its member has died then: it lives on. */
	assert_int_equal(ref_unlock(&arena->view, me, ref), 0);
	assert_int_equal(fusion_object_ref(o), 0);
	assert_int_equal(fusion_object_unref(from), 0);
	assert_int_equal(fusion_object_pool_register(pool, destructor, NULL),
			 0);
	await_size(1);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->gone, 2);
	await_size(0);
}

/* --- What it has -----------------------------------------------------------
 */

/* Its reactor is destroyed by itself: the object gets another one. */
static void test_dispatching_is_checked_without_a_reactor_too(void **state)
{
	struct fusion_reactor_dispatch_options options =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;
	struct fusion_object *o = active(1);
	const size_t most = 1024 * 64 / 2 - 32;
	struct fusion_reactor *re;
	char *bytes = calloc(1, most + 1);

	(void)state;
	assert_non_null(bytes);
	for (int made = 0; made < 2; made++) {
		assert_int_equal(
			fusion_object_dispatch(o, &options, bytes, most), 0);
		assert_int_equal(
			fusion_object_dispatch(o, &options, bytes, most + 1),
			-EMSGSIZE);
		assert_int_equal(fusion_object_dispatch(o, NULL, NULL, 1),
				 -EINVAL);
		options.channel = FUSION_REACTOR_CHANNEL_MAX + 1;
		assert_int_equal(fusion_object_dispatch(o, &options, "x", 1),
				 -EINVAL);
		options.channel = 0;
		options.flags = 1u << 31;
		assert_int_equal(fusion_object_dispatch(o, &options, "x", 1),
				 -EINVAL);
		options.flags = 0;
		assert_int_equal(fusion_object_reactor(o, &re), 0);
	}
	free(bytes);
	assert_int_equal(fusion_object_reactor(o, NULL), -EINVAL);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
}

static void test_a_reactor_is_made_again(void **state)
{
	struct fusion_object *o = active(1);
	struct fusion_reactor *re, *again;

	(void)state;
	assert_int_equal(fusion_object_reactor(o, &re), 0);
	assert_int_equal(fusion_object_reactor(o, &again), 0);
	assert_ptr_equal(re, again);
	assert_int_equal(fusion_reactor_destroy(re), 0);
	assert_int_equal(fusion_object_dispatch(o, NULL, "x", 1), 0);
	assert_int_equal(fusion_object_reactor(o, &again), 0);
	assert_int_equal(fusion_object_dispatch(o, NULL, "x", 1), 0);
	assert_int_equal(fusion_object_unref(o), 0);
	await_size(0);
	assert_int_equal(arena->view.sb->tables[KIND_REACTOR].n, 0);
}

#define BLOCK 128 /* of an item: one size for all */

static char *highest(size_t size)
{
	char *high = NULL, *p;

	while ((p = fusion_malloc(arena, size)))
		if (!high || p > high)
			high = p;
	return high;
}

/* Fill the heap, but for the block that is nearest to its end. */
static void *leave_the_last_block(void)
{
	char *end = arena->view.base + arena->view.geo.span, *last;

	/* Runs of spans, to save time; then blocks in the last of them. */
	assert_int_equal(fusion_free(highest(1u << 20)), 0);
	last = highest(BLOCK);
	assert_non_null(last);
	assert_true(end - last < 4096);
	assert_int_equal(fusion_free(last), 0);
	return last;
}

/* Behind it there is no room for the longest value. */
static void test_an_item_at_the_end_of_the_heap(void **state)
{
	static const char text[] = "a text with which it fills its block";
	struct fusion_object *o = active(1);
	char *last, out[sizeof(text)];

	(void)state;
	last = leave_the_last_block();
	assert_int_equal(fusion_object_set_string(o, "s", text), 0);
	assert_true(((struct object *)handle_entry(o))->items ==
		    (uintptr_t)last);
	assert_int_equal(
		fusion_object_get_string(o, "s", out, sizeof(out), NULL), 0);
	assert_string_equal(out, text);
	assert_int_equal(fusion_object_remove_property(o, "s"), 0);
}

static uint64_t pages(void)
{
	struct stat st;

	assert_int_equal(fstat(arena->view.fd, &st), 0);
	return (uint64_t)st.st_blocks;
}

/* What lies behind the heap has no memory, and gets none by being read. */
static void test_an_item_behind_the_heap(void **state)
{
	struct object *o = handle_entry(active(1));
	uint64_t hole = arena->view.sb->base +
			((uint64_t)span_hi(&arena->view) << SPAN_SHIFT);
	uint64_t had = pages();
	int64_t n;

	(void)state;
	assert_true(hole + (5u << 20) <
		    arena->view.sb->base + arena->view.geo.span);
	for (int i = 0; i < 2; i++) {
		o->items = hole + (i ? 4u << 20 : 0);
		assert_int_equal(fusion_object_get_integer(
					 entry_handle(o, o->id), "a", &n),
				 -ENOENT);
		assert_int_equal(pages(), had);
	}
	o->items = 0;
}

/* Whoever scribbles over a chain: who ends the object comes to an end. */
static void test_a_ring_of_items_ends(void **state)
{
	struct fusion_object *o = active(1);
	struct object_item *first, *second;
	int64_t n;

	(void)state;
	assert_int_equal(fusion_object_set_integer(o, "a", 1), 0);
	assert_int_equal(fusion_object_set_integer(o, "b", 2), 0);
	first = (void *)(uintptr_t)((struct object *)handle_entry(o))->items;
	second = (void *)(uintptr_t)first->next;
	second->next = (uintptr_t)first;
	assert_int_equal(fusion_object_get_integer(o, "c", &n), -ENOENT);
	assert_int_equal(fusion_object_unref(o), 0);
	await(&tally->gone, 1);
	await_size(0);
}

/* The arena is left: what it had is nothing any more. */
static void test_handles_of_an_arena_that_was_left(void **state)
{
	struct fusion_arena *other = image_enter_at(
		IMAGE_BASE_2, image_create_at(IMAGE_BASE_2, 16ull << 20, 0));
	struct fusion_object *o, *mine = active(1), **slot;
	struct fusion_object_pool *p;
	uint64_t n;

	(void)state;
	assert_int_equal(
		fusion_object_pool_create(other, "p",
					  POOL_OPTIONS(.object_size = 16), &p),
		0);
	assert_int_equal(fusion_object_create(p, &o), 0);
	slot = fusion_calloc(other, 1, sizeof(*slot));
	assert_non_null(slot);
	/* Two arenas do not mix. */
	assert_int_equal(fusion_object_link(slot, mine), -EINVAL);
	assert_int_equal(fusion_object_inherit(mine, o), -EINVAL);
	assert_int_equal(fusion_object_set_pointer(mine, "p", slot), -EINVAL);
	tally->slot[0] = o;
	assert_int_equal(fusion_object_unlink(&tally->slot[0]), -EINVAL);
	tally->slot[0] = NULL;
	watch_stop(other);
	duty_stop(other);
	dispatch_stop(other);
	image_leave(other);
	assert_int_equal(fusion_object_ref(o), -EINVAL);
	assert_int_equal(fusion_object_create(p, &o), -EINVAL);
	assert_int_equal(fusion_object_pool_count(p, &n), -EINVAL);
	assert_int_equal(fusion_object_pool_destroy(p), -EINVAL);
	assert_null(fusion_object_data(o));
	assert_int_equal(fusion_object_id(o), 0);
	assert_int_equal(fusion_object_unlink(slot), -EINVAL);
	assert_int_equal(fusion_object_unref(mine), 0);
	await_size(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		object_test(test_a_destructor_takes_its_registration_back),
		object_test(test_no_pool_is_destroyed_further_down),
		object_test(test_sizes_and_names_of_pools),
		object_test(test_ids_wrap),
		object_test(test_no_data_of_an_object),
		object_test(test_a_type_is_that_of_its_pool),
		object_test(test_what_is_about_to_end_is_left),
		object_test(test_dispatching_is_checked_without_a_reactor_too),
		object_test(test_a_reactor_is_made_again),
		object_test(test_an_item_at_the_end_of_the_heap),
		object_test(test_an_item_behind_the_heap),
		object_test(test_a_ring_of_items_ends),
		object_test(test_handles_of_an_arena_that_was_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
