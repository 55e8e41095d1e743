/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child of a fork, which is no member
 *
 * The heap is not mapped there, and all that it has of the arena are pointers:
 * to the handle, which is dead, and into the heap.  Each call is to say so.
 */
#include "tests/unit/heap_member.h"

#include <sys/mman.h>

#include "docs/migrate-0.1.h"
#include <fusion/fusion.h>

#include "libfusion/life/fork.h"

static struct fusion_arena *arena;
static struct fusion_slot *notices;
static struct fusion_skirmish *skirmish;
static struct fusion_ref *ref;
static struct fusion_property *property;
static struct fusion_reactor *reactor;
static struct fusion_reaction *reaction;
static struct fusion_call *call;
static struct fusion_object_pool *pool;
static struct fusion_object *object;
static void *object_data;
static struct fusion_heap_pool *heap_pool;
static struct fusion_hash *hash;
static struct fusion_hash_iter walk;
static struct fusion_vector *vector;
static struct fusion_list *list;
static struct fusion_list_node *node;
static void *block;

static enum fusion_reaction_result
reacts(const struct fusion_reactor_message *message, void *ctx)
{
	(void)message;
	(void)ctx;
	return FUSION_REACTION_KEEP;
}

static int calls(const struct fusion_call_request *request, void *ctx)
{
	(void)request;
	(void)ctx;
	return 0;
}

static void ends(struct fusion_object *o, bool zombie, void *ctx)
{
	(void)o;
	(void)zombie;
	(void)ctx;
}

static void leaves(struct fusion_arena *a, enum fusion_notice notice,
		   fusion_id_t id, void *ctx)
{
	(void)a;
	(void)notice;
	(void)id;
	(void)ctx;
}

static void hears(const struct fusion_message *message, void *ctx)
{
	(void)message;
	(void)ctx;
}

static void cleans(struct fusion_arena *a, void *ctx)
{
	(void)a;
	(void)ctx;
}

/* One of each. */
static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(64ull << 20, 0));
	assert_int_equal(
		madvise(arena->view.base, arena->view.geo.span, MADV_DONTFORK),
		0);
	arena->state = HANDLE_IN;
	arenas = arena;
	fork_prepare_once();
	assert_int_equal(
		fusion_arena_on_leave(arena, leaves, NULL, NULL, &notices), 0);
	block = fusion_malloc(arena, 100);
	assert_non_null(block);
	assert_int_equal(fusion_skirmish_create(arena, "s", NULL, &skirmish),
			 0);
	assert_int_equal(fusion_ref_create(arena, "r", NULL, &ref), 0);
	assert_int_equal(fusion_property_create(arena, "p", NULL, &property),
			 0);
	assert_int_equal(fusion_reactor_create(arena, "re", NULL, &reactor), 0);
	assert_int_equal(
		fusion_reactor_attach(reactor, NULL, reacts, NULL, &reaction),
		0);
	assert_int_equal(
		fusion_call_create(
			arena, "c",
			&(struct fusion_call_options){
				.size = sizeof(struct fusion_call_options),
				.fn = calls},
			&call),
		0);
	assert_int_equal(
		fusion_object_pool_create(
			arena, "op",
			&(struct fusion_object_pool_options){
				.size = sizeof(
					struct fusion_object_pool_options),
				.object_size = 8,
				.destructor = ends},
			&pool),
		0);
	assert_int_equal(fusion_object_create(pool, &object), 0);
	assert_int_equal(fusion_object_activate(object), 0);
	object_data = fusion_object_data(object);
	assert_non_null(object_data);
	assert_int_equal(fusion_heap_pool_create(arena, "hp", NULL, &heap_pool),
			 0);
	assert_int_equal(
		fusion_hash_create(arena, NULL,
				   &(struct fusion_hash_options){
					   sizeof(struct fusion_hash_options),
					   FUSION_KEY_INT,
					   FUSION_CONTAINER_WORDS},
				   &hash),
		0);
	assert_int_equal(fusion_hash_iter_begin(&walk, hash), 0);
	assert_int_equal(
		fusion_vector_create(
			arena, NULL,
			&(struct fusion_vector_options){
				.size = sizeof(struct fusion_vector_options),
				.flags = FUSION_CONTAINER_WORDS},
			&vector),
		0);
	assert_int_equal(
		fusion_list_create(
			arena, NULL,
			&(struct fusion_list_options){
				.size = sizeof(struct fusion_list_options),
				.flags = FUSION_CONTAINER_WORDS},
			&list),
		0);
	assert_int_equal(
		fusion_list_insert_back(list, fusion_value_word(1), &node), 0);
	return 0;
}

static int failed; /* in the child */

#define SAYS(want, expression)                                               \
	do {                                                                 \
		long long said_ = (long long)(expression);                   \
		if (said_ != (want)) {                                       \
			fprintf(stderr, "# %s: %lld\n", #expression, said_); \
			failed = 1;                                          \
		}                                                            \
	} while (0)
#define ECHILDS(expression) SAYS(-ECHILD, expression)
#define IS_NULL(expression)                       \
	do {                                      \
		errno = 0;                        \
		SAYS(0, (uintptr_t)(expression)); \
		SAYS(ECHILD, errno);              \
	} while (0)

static void arena_says(void)
{
	struct fusion_member member;
	void *ptr;
	uint64_t span;

	SAYS(0, fusion_arena_id(arena));
	SAYS(0, fusion_arena_master(arena));
	SAYS(FUSION_ROLE_ANY, fusion_arena_role(arena));
	SAYS(0, fusion_arena_is_shared(arena, block));
	SAYS(0, (uintptr_t)fusion_arena_of(block));
	SAYS(0, (uintptr_t)fusion_arena_root(arena));
	fusion_arena_range(arena, &ptr, &span);
	ECHILDS(fusion_arena_set_root(arena, block));
	ECHILDS(fusion_arena_set_root(arena, NULL));
	ECHILDS(fusion_field_create(
		arena, "x",
		&(struct fusion_field_options){
			.size = sizeof(struct fusion_field_options),
			.data_size = 1,
			.type = "x",
			.data = block},
		NULL));
	ECHILDS(fusion_field_lookup(arena, "x", 0, NULL, &ptr));
	ECHILDS(fusion_field_wait(arena, "x", 0, NULL, 0, 0, &ptr));
	ECHILDS(fusion_field_remove(arena, "x"));
	ECHILDS(fusion_members_list(arena, &member, sizeof(member), 1, NULL));
	ECHILDS(fusion_members_wait(arena, 1, 0, 0));
	ECHILDS(fusion_members_kill(arena, 1, 0, 0, 0));
	ECHILDS(fusion_arena_on_leave(arena, leaves, NULL, NULL, NULL));
	ECHILDS(fusion_slot_cancel(notices));
}

static void heap_says(void)
{
	struct fusion_heap_stat stats;
	struct fusion_heap_pool_stat pool_stats;
	struct fusion_heap_pool *p;
	void *slot = block;

	IS_NULL(fusion_malloc(arena, 1));
	IS_NULL(fusion_malloc(arena, 1000000));
	IS_NULL(fusion_calloc(arena, 1, 1));
	IS_NULL(fusion_aligned_alloc(arena, 64, 64));
	IS_NULL(fusion_strdup(arena, "x"));
	IS_NULL(fusion_malloc_member(arena, 1));
	IS_NULL(fusion_realloc(arena, NULL, 1));
	IS_NULL(fusion_realloc(arena, block, 1));
	ECHILDS(fusion_free(block));
	SAYS(0, fusion_usable_size(block));
	ECHILDS(fusion_malloc_to(arena, 1, &slot));
	ECHILDS(fusion_malloc_to(arena, 1, block));
	SAYS(-EINVAL, fusion_free_from(&slot));
	ECHILDS(fusion_free_from(block));
	ECHILDS(fusion_heap_trim(arena));
	ECHILDS(fusion_heap_stat(arena, &stats, sizeof(stats)));
	ECHILDS(fusion_heap_pool_create(arena, "x", NULL, &p));
	ECHILDS(fusion_heap_pool_open(arena, "hp", NULL, &p));
	ECHILDS(fusion_heap_pool_lookup(arena, "hp", &p));
	ECHILDS(fusion_heap_pool_get(arena, 1, &p));
	IS_NULL(fusion_heap_pool_malloc(heap_pool, 1));
	IS_NULL(fusion_heap_pool_calloc(heap_pool, 1, 1));
	ECHILDS(fusion_heap_pool_stat(heap_pool, &pool_stats,
				      sizeof(pool_stats)));
	ECHILDS(fusion_heap_pool_destroy(heap_pool));
}

static void container_says(void)
{
	const struct fusion_key key = fusion_key_int(1);
	struct fusion_hash_iter it = walk, other;
	struct fusion_value value = fusion_value_word(1);
	struct fusion_vector_stat vector_stat;
	struct fusion_hash_stat hash_stat;
	struct fusion_list_stat list_stat;
	struct fusion_list_node *n;
	struct fusion_vector *v;
	struct fusion_hash *h;
	struct fusion_list *l;
	struct fusion_key k;

	ECHILDS(fusion_hash_create(
		arena, NULL,
		&(struct fusion_hash_options){
			sizeof(struct fusion_hash_options), FUSION_KEY_INT, 0},
		&h));
	ECHILDS(fusion_hash_insert(hash, key, value));
	ECHILDS(fusion_hash_value(hash, key, &value));
	ECHILDS(fusion_hash_remove(hash, key, &value));
	ECHILDS(fusion_hash_iter_begin(&other, hash));
	ECHILDS(fusion_hash_next(&it, &k, &value));
	ECHILDS(fusion_hash_lock(hash));
	ECHILDS(fusion_hash_unlock(hash));
	ECHILDS(fusion_hash_get(arena, 1, &h));
	ECHILDS(fusion_hash_stat(hash, &hash_stat, sizeof(hash_stat)));
	SAYS(0, fusion_hash_id(hash));
	ECHILDS(fusion_hash_destroy(hash));
	ECHILDS(fusion_vector_create(arena, NULL, NULL, &v));
	ECHILDS(fusion_vector_insert(vector, 0, value));
	ECHILDS(fusion_vector_set(vector, 0, value, NULL));
	ECHILDS(fusion_vector_remove(vector, 0, NULL));
	ECHILDS(fusion_vector_index_of(vector, value, NULL));
	ECHILDS(fusion_vector_lock(vector));
	ECHILDS(fusion_vector_get(arena, 1, &v));
	ECHILDS(fusion_vector_stat(vector, &vector_stat, sizeof(vector_stat)));
	ECHILDS(fusion_vector_destroy(vector));
	ECHILDS(fusion_list_create(arena, NULL, NULL, &l));
	ECHILDS(fusion_list_insert_back(list, value, &n));
	ECHILDS(fusion_list_insert_after(list, node, value, &n));
	ECHILDS(fusion_list_next(list, node, &n));
	ECHILDS(fusion_list_remove(list, node, NULL));
	ECHILDS(fusion_list_lock(list));
	ECHILDS(fusion_list_get(arena, 1, &l));
	ECHILDS(fusion_list_stat(list, &list_stat, sizeof(list_stat)));
	ECHILDS(fusion_list_destroy(list));
}

static void lock_says(void)
{
	struct fusion_skirmish *s;
	struct fusion_property *p;
	struct fusion_ref_stat stat;
	struct fusion_ref *r;

	ECHILDS(fusion_skirmish_create(arena, "x", NULL, &s));
	ECHILDS(fusion_skirmish_lookup(arena, "s", &s));
	ECHILDS(fusion_skirmish_get(arena, 1, &s));
	ECHILDS(fusion_skirmish_prevail(skirmish));
	ECHILDS(fusion_skirmish_prevail_timed(skirmish, 0, 0));
	ECHILDS(fusion_skirmish_prevail_multi(&skirmish, 1));
	ECHILDS(fusion_skirmish_dismiss(skirmish));
	ECHILDS(fusion_skirmish_consistent(skirmish));
	ECHILDS(fusion_skirmish_wait(skirmish, 0, 0));
	ECHILDS(fusion_skirmish_notify(skirmish, true));
	ECHILDS(fusion_skirmish_destroy(skirmish));
	ECHILDS(fusion_property_create(arena, "x", NULL, &p));
	ECHILDS(fusion_property_lookup(arena, "p", &p));
	ECHILDS(fusion_property_get(arena, 1, &p));
	ECHILDS(fusion_property_lease(property));
	ECHILDS(fusion_property_lease_timed(property, 0, 0));
	ECHILDS(fusion_property_purchase(property));
	ECHILDS(fusion_property_cede(property));
	ECHILDS(fusion_property_hold_up(property, 0, 0));
	ECHILDS(fusion_property_destroy(property));
	ECHILDS(fusion_ref_create(arena, "x", NULL, &r));
	ECHILDS(fusion_ref_lookup(arena, "r", &r));
	ECHILDS(fusion_ref_get(arena, 1, &r));
	ECHILDS(fusion_ref_up(ref));
	ECHILDS(fusion_ref_down(ref));
	ECHILDS(fusion_ref_down_global(ref));
	ECHILDS(fusion_ref_zero_lock(ref, 0, 0));
	ECHILDS(fusion_ref_unlock(ref));
	ECHILDS(fusion_ref_throw(ref, 1));
	ECHILDS(fusion_ref_catch(ref));
	ECHILDS(fusion_ref_inherit(ref, ref));
	ECHILDS(fusion_ref_stat(ref, &stat, sizeof(stat)));
	ECHILDS(fusion_ref_destroy(ref));
}

static void talk_says(void)
{
	struct fusion_reactor *re;
	struct fusion_reaction *reaction_2;
	struct fusion_call *c;
	uint64_t word;

	ECHILDS(fusion_message_send(arena, 1, 1, "x", 1, 0, 0));
	ECHILDS(fusion_message_send_block(arena, 1, 1, block, 0, 0));
	ECHILDS(fusion_message_handle(arena, 1, hears, NULL, NULL, NULL));
	ECHILDS(fusion_arena_fd(arena));
	ECHILDS(fusion_arena_dispatch(arena, 0, 0));
	ECHILDS(fusion_arena_sync(arena, 0, 0));
	ECHILDS(fusion_arena_dispatch_cleanup(arena, cleans, NULL));
	ECHILDS(fusion_reactor_create(arena, "x", NULL, &re));
	ECHILDS(fusion_reactor_lookup(arena, "re", &re));
	ECHILDS(fusion_reactor_get(arena, 1, &re));
	ECHILDS(fusion_reactor_attach(reactor, NULL, reacts, NULL,
				      &reaction_2));
	ECHILDS(fusion_reactor_dispatch(reactor, NULL, "x", 1));
	SAYS(-EINVAL, fusion_reactor_detach(reaction));
	ECHILDS(fusion_reactor_destroy(reactor));
	ECHILDS(fusion_call_create(
		arena, "x",
		&(struct fusion_call_options){
			.size = sizeof(struct fusion_call_options),
			.fn = calls},
		&c));
	ECHILDS(fusion_call_lookup(arena, "c", &c));
	ECHILDS(fusion_call_get(arena, 1, &c));
	SAYS(0, fusion_call_id(call));
	SAYS(FUSION_NONE, fusion_call_owner(call));
	ECHILDS(call_for_word(call, 1, &word));
	ECHILDS(fusion_call_return(call, 1, 1, NULL, 0));
	ECHILDS(fusion_call_cancel(call));
	ECHILDS(fusion_call_set_quota(call, 1, 1));
	ECHILDS(fusion_call_destroy(call));
}

static void object_says(void)
{
	struct fusion_object_pool *p;
	struct fusion_object_pool_stat pool_stat;
	struct fusion_reactor *reactor_of_it;
	struct fusion_object_stat stat;
	struct fusion_reaction *x;
	struct fusion_object *o;
	uint64_t size;

	ECHILDS(fusion_object_pool_create(
		arena, "x",
		&(struct fusion_object_pool_options){
			.size = sizeof(struct fusion_object_pool_options),
			.object_size = 8,
			.destructor = ends},
		&p));
	ECHILDS(fusion_object_pool_lookup(arena, "op", &p));
	ECHILDS(fusion_object_pool_get(arena, 1, &p));
	ECHILDS(fusion_object_pool_register(pool, ends, NULL));
	ECHILDS(fusion_object_pool_unregister(pool));
	ECHILDS(fusion_object_pool_count(pool, &size));
	ECHILDS(fusion_object_pool_stat(pool, &pool_stat, sizeof(pool_stat)));
	ECHILDS(fusion_object_create(pool, &o));
	ECHILDS(fusion_object_get(pool, 1, &o));
	ECHILDS(fusion_object_lookup(pool, 1, &o));
	ECHILDS(fusion_object_ref(object));
	ECHILDS(fusion_object_unref(object));
	ECHILDS(fusion_object_globalize(object));
	ECHILDS(fusion_object_throw(object, 1));
	ECHILDS(fusion_object_catch(object));
	ECHILDS(fusion_object_set_string(object, "x", "x"));
	ECHILDS(fusion_object_pool_of(object, &p));
	ECHILDS(fusion_object_state(object));
	ECHILDS(fusion_object_stat(object, &stat, sizeof(stat)));
	ECHILDS(fusion_object_inherit(object, object));
	ECHILDS(fusion_object_link(block, object));
	ECHILDS(fusion_object_link(&o, object));
	ECHILDS(fusion_object_unlink(block));
	ECHILDS(fusion_object_link_data(block, object_data));
	ECHILDS(fusion_object_unlink_data(block));
	SAYS(-EINVAL, fusion_object_unlink(&o));
	ECHILDS(fusion_object_reactor(object, &reactor_of_it));
	ECHILDS(fusion_object_attach(object, NULL, reacts, NULL, &x));
	ECHILDS(fusion_object_attach_global(object, NULL, NULL));
	ECHILDS(fusion_object_detach_global(object, NULL, NULL));
	ECHILDS(fusion_object_dispatch(object, NULL, NULL, 0));
	ECHILDS(fusion_object_destroy(object));
	ECHILDS(fusion_object_pool_destroy(pool));
}

static void exit_says(void)
{
	ECHILDS(fusion_arena_exit(arena));
}

/* Does each call of @fn say what it is to say, in a child of a fork? */
static void child_says(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		fn();
		_exit(failed);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#define CHILD_TEST(noun)                                             \
	static void noun##_of_a_forked_child_is_ECHILD(void **state) \
	{                                                            \
		(void)state;                                         \
		child_says(noun##_says);                             \
	}
CHILD_TEST(arena)
CHILD_TEST(heap)
CHILD_TEST(container)
CHILD_TEST(lock)
CHILD_TEST(talk)
CHILD_TEST(object)
CHILD_TEST(exit)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_of_a_forked_child_is_ECHILD),
		cmocka_unit_test(heap_of_a_forked_child_is_ECHILD),
		cmocka_unit_test(container_of_a_forked_child_is_ECHILD),
		cmocka_unit_test(lock_of_a_forked_child_is_ECHILD),
		cmocka_unit_test(talk_of_a_forked_child_is_ECHILD),
		cmocka_unit_test(object_of_a_forked_child_is_ECHILD),
		cmocka_unit_test(exit_of_a_forked_child_is_ECHILD),
	};

	return cmocka_run_group_tests_name("fork", tests, set_up, NULL);
}
