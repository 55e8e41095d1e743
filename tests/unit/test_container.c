/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What hash, vector and list have in common: options, names. */
#include "tests/unit/container_member.h"

#include "libfusion/containers/hash.h"
#include "libfusion/containers/list.h"
#include "libfusion/containers/vector.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/names/entries.h"

#define THREADS 8
#define ROUNDS 100

static const struct fusion_hash_options locked_ints = {
	sizeof(locked_ints),
	FUSION_KEY_INT,
	FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS,
};

/* --- Options ---------------------------------------------------------------
 */

static void options_NULL_are_all_defaults(void **state)
{
	struct fusion_hash *h;

	(void)state;
	assert_int_equal(fusion_hash_create(arena, NULL, NULL, &h), 0);
	assert_int_equal(fusion_hash_insert(h, fusion_key_string("a"),
					    fusion_value_pointer(h)),
			 0);
	assert_int_equal(fusion_hash_insert(h, fusion_key_int(1),
					    fusion_value_pointer(h)),
			 -EINVAL);
	assert_int_equal(fusion_hash_lock(h), -EINVAL);
	assert_int_equal(fusion_hash_destroy(h), 0);
}

static void options_INIT_are_all_defaults(void **state)
{
	const struct fusion_hash_options hash = FUSION_HASH_OPTIONS_INIT;
	const struct fusion_vector_options vector = FUSION_VECTOR_OPTIONS_INIT;
	const struct fusion_list_options list = FUSION_LIST_OPTIONS_INIT;
	struct fusion_vector *v;
	struct fusion_hash *h;
	struct fusion_list *l;

	(void)state;
	assert_int_equal(fusion_hash_create(arena, NULL, &hash, &h), 0);
	assert_int_equal(fusion_vector_create(arena, NULL, &vector, &v), 0);
	assert_int_equal(fusion_list_create(arena, NULL, &list, &l), 0);
	assert_int_equal(fusion_vector_lock(v), -EINVAL);
	assert_int_equal(fusion_list_lock(l), -EINVAL);
	assert_int_equal(fusion_hash_destroy(h), 0);
	assert_int_equal(fusion_vector_destroy(v), 0);
	assert_int_equal(fusion_list_destroy(l), 0);
}

/* A struct of a program that was built with a later version. */
struct later {
	struct fusion_hash_options now;
	uint64_t more;
};

static void options_of_another_size_follow_the_rule(void **state)
{
	struct later o = {.now = {sizeof(o), FUSION_KEY_INT, 0}};
	struct fusion_hash *h, *was = (void *)&o;

	(void)state;
	assert_int_equal(fusion_hash_create(arena, NULL, &o.now, &h), 0);
	assert_int_equal(fusion_hash_destroy(h), 0);
	o.more = 1;
	h = was;
	assert_int_equal(fusion_hash_create(arena, NULL, &o.now, &h), -E2BIG);
	o.now.size = sizeof(o.now) - 1;
	assert_int_equal(fusion_hash_create(arena, NULL, &o.now, &h), -EINVAL);
	o.now.size = 0;
	assert_int_equal(fusion_hash_open(arena, "a", &o.now, &h), -EINVAL);
	o.now = (struct fusion_hash_options){sizeof(o.now), 5, 0};
	assert_int_equal(fusion_hash_create(arena, NULL, &o.now, &h), -EINVAL);
	assert_ptr_equal(h, was);
}

/* --- Names -----------------------------------------------------------------
 */

static void a_name_leads_to_the_container_until_it_is_destroyed(void **state)
{
	struct fusion_hash *h, *again;
	struct fusion_vector *v;

	(void)state;
	assert_int_equal(fusion_hash_lookup(arena, "a", &h), -ENOENT);
	assert_int_equal(fusion_hash_create(arena, "a", NULL, &h), 0);
	assert_int_equal(fusion_hash_lookup(arena, "a", &again), 0);
	assert_ptr_equal(again, h);
	again = NULL;
	assert_int_equal(fusion_hash_create(arena, "a", NULL, &again), -EEXIST);
	assert_null(again);
	/* Each kind has names of its own. */
	assert_int_equal(fusion_vector_lookup(arena, "a", &v), -ENOENT);
	assert_int_equal(fusion_vector_create(arena, "a", NULL, &v), 0);
	assert_int_equal(fusion_hash_destroy(h), 0);
	assert_int_equal(fusion_hash_lookup(arena, "a", &again), -ENOENT);
	assert_int_equal(fusion_hash_create(arena, "a", &locked_ints, &h), 0);
	assert_int_equal(fusion_hash_destroy(h), 0);
	assert_int_equal(fusion_vector_destroy(v), 0);
}

static void open_finds_or_creates(void **state)
{
	struct fusion_list *l, *same;

	(void)state;
	assert_int_equal(fusion_list_open(arena, "a", NULL, &l), 0);
	assert_int_equal(
		fusion_list_insert_back(l, fusion_value_pointer(l), NULL), 0);
	assert_int_equal(fusion_list_open(arena, "a", NULL, &same), 0);
	assert_ptr_equal(same, l);
	assert_int_equal(list_size(same), 1);
	assert_int_equal(fusion_list_destroy(l), 0);
	assert_int_equal(fusion_list_open(arena, "a", NULL, &l), 0);
	assert_int_equal(list_size(l), 0);
	assert_int_equal(fusion_list_destroy(l), 0);
}

static void open_of_one_with_other_options_is_EPROTOTYPE(void **state)
{
	struct fusion_hash_options o = locked_ints;
	struct fusion_vector_options words = FUSION_VECTOR_OPTIONS_INIT;
	struct fusion_list_options locked = FUSION_LIST_OPTIONS_INIT;
	struct fusion_hash *h, *other = NULL;
	struct fusion_vector *v, *other_v = NULL;
	struct fusion_list *l, *other_l = NULL;

	(void)state;
	assert_int_equal(fusion_hash_open(arena, "a", &o, &h), 0);
	o.keys = FUSION_KEY_BYTES;
	assert_int_equal(fusion_hash_open(arena, "a", &o, &other), -EPROTOTYPE);
	assert_string_equal(fusion_strerror(-EPROTOTYPE),
			    "hash 'a': it was created with keys of the type 2, "
			    "not 4: open it with the same options");
	o.keys = FUSION_KEY_INT;
	o.flags = 0;
	assert_int_equal(fusion_hash_open(arena, "a", &o, &other), -EPROTOTYPE);
	assert_string_equal(fusion_strerror(-EPROTOTYPE),
			    "hash 'a': it was created with the flags 0x3, not "
			    "0x0: open it with the same options");
	assert_null(other);
	words.flags = FUSION_CONTAINER_WORDS;
	locked.flags = FUSION_CONTAINER_LOCK;
	assert_int_equal(fusion_vector_open(arena, "a", NULL, &v), 0);
	assert_int_equal(fusion_vector_open(arena, "a", &words, &other_v),
			 -EPROTOTYPE);
	assert_null(other_v);
	assert_int_equal(fusion_list_open(arena, "a", NULL, &l), 0);
	assert_int_equal(fusion_list_open(arena, "a", &locked, &other_l),
			 -EPROTOTYPE);
	assert_null(other_l);
	assert_int_equal(fusion_vector_destroy(v), 0);
	assert_int_equal(fusion_list_destroy(l), 0);
	assert_int_equal(fusion_hash_lookup(arena, "a", &other), 0);
	assert_ptr_equal(other, h);
	assert_int_equal(fusion_hash_destroy(h), 0);
}

static void bad_names_are_refused_and_leave_nothing(void **state)
{
	static const char *const bad[] = {"", "a/b", ".a", "#7", "a\n"};
	char name[65];
	struct fusion_hash *h = NULL;

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(
			fusion_hash_create(arena, bad[i], &locked_ints, &h),
			-EINVAL);
		assert_int_equal(
			fusion_hash_open(arena, bad[i], &locked_ints, &h),
			-EINVAL);
	}
	memset(name, 'a', 64);
	name[64] = '\0';
	assert_int_equal(fusion_hash_create(arena, name, &locked_ints, &h),
			 -ENAMETOOLONG);
	assert_int_equal(fusion_hash_lookup(arena, name, &h), -ENAMETOOLONG);
	assert_int_equal(fusion_hash_open(arena, NULL, NULL, &h), -EINVAL);
	assert_int_equal(fusion_hash_lookup(arena, NULL, &h), -EINVAL);
	assert_int_equal(fusion_hash_lookup(arena, "a", NULL), -EINVAL);
	assert_int_equal(fusion_hash_lookup(NULL, "a", &h), -EINVAL);
	assert_int_equal(fusion_hash_open(NULL, "a", NULL, &h), -EINVAL);
	assert_int_equal(fusion_hash_open(arena, "a", NULL, NULL), -EINVAL);
	assert_null(h);
}

static pthread_barrier_t all_there;
static struct fusion_hash *opened[THREADS];

static void *open_one(void *arg)
{
	uintptr_t i = (uintptr_t)arg;

	pthread_barrier_wait(&all_there);
	assert_int_equal(fusion_hash_open(arena, "a", &locked_ints, &opened[i]),
			 0);
	return NULL;
}

static void all_that_open_at_once_get_the_same(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	assert_int_equal(pthread_barrier_init(&all_there, NULL, THREADS), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		for (uintptr_t i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&thread[i], NULL,
							open_one, (void *)i),
					 0);
		for (unsigned i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(thread[i], NULL), 0);
			assert_ptr_equal(opened[i], opened[0]);
		}
		assert_int_equal(fusion_hash_destroy(opened[0]), 0);
	}
	pthread_barrier_destroy(&all_there);
}

static void make_and_fill(struct fusion_arena *a)
{
	struct fusion_hash *h;

	fusion_hash_open(a, "a", &locked_ints, &h);
	if (fusion_hash_lock(h) < 0)
		_exit(1);
	fusion_hash_insert(h, fusion_key_int(1), word(7));
}

static void a_killed_member_leaves_what_it_has_named(void **state)
{
	struct fusion_value value;
	struct fusion_hash *h;

	(void)state;
	run_and_kill(arena, make_and_fill);
	assert_int_equal(fusion_hash_open(arena, "a", &locked_ints, &h), 0);
	assert_int_equal(fusion_hash_value(h, fusion_key_int(1), &value), 0);
	assert_int_equal(value.word, 7);
	assert_int_equal(fusion_hash_destroy(h), 0);
}

static void a_record_that_was_overwritten_is_EIO(void **state)
{
	struct container_rec *rec;
	struct fusion_hash *h, *other;
	uint64_t was;

	(void)state;
	assert_int_equal(fusion_hash_create(arena, "a", NULL, &h), 0);
	assert_int_equal(fusion_hash_create(arena, NULL, NULL, &other), 0);
	rec = view_entry(&arena->view, KIND_HASH, 0);
	was = rec->addr;
	rec->addr = 8;
	assert_int_equal(fusion_hash_lookup(arena, "a", &h), -EIO);
	assert_true(arena_check(&arena->view, NULL, NULL) > 0);
	/* Another hash, which is not called so. */
	rec->addr = (uintptr_t)other;
	assert_int_equal(fusion_hash_lookup(arena, "a", &h), -EIO);
	assert_int_equal(fusion_hash_open(arena, "a", NULL, &h), -EIO);
	assert_true(arena_check(&arena->view, NULL, NULL) > 0);
	rec->addr = was;
	assert_int_equal(fusion_hash_lookup(arena, "a", &h), 0);
	assert_int_equal(fusion_hash_destroy(h), 0);
	assert_int_equal(fusion_hash_destroy(other), 0);
}

static void a_table_that_is_full_is_ENOSPC_and_leaves_nothing(void **state)
{
	uint32_t max = arena->view.geo.tables[KIND_LIST].max, n = 0;
	struct fusion_list *l;
	char name[16];
	int r;

	(void)state;
	for (;; n++) {
		snprintf(name, sizeof(name), "%u", n);
		r = fusion_list_create(arena, name, NULL, &l);
		if (r < 0)
			break;
	}
	assert_int_equal(r, -ENOSPC);
	assert_int_equal(n, max);
	assert_int_equal(blocks(), blocks_before + n);
	while (n--) {
		snprintf(name, sizeof(name), "%u", n);
		assert_int_equal(fusion_list_lookup(arena, name, &l), 0);
		assert_int_equal(fusion_list_destroy(l), 0);
	}
}

/* --- Ids and numbers -------------------------------------------------------
 */

static void an_id_leads_to_the_container_that_has_a_name(void **state)
{
	struct fusion_vector *v, *same_v, *wrong = NULL;
	struct fusion_list *l, *same_l;
	struct fusion_hash *h, *same;
	fusion_id_t id;

	(void)state;
	assert_int_equal(fusion_hash_create(arena, "a", NULL, &h), 0);
	assert_int_equal(fusion_vector_create(arena, "a", NULL, &v), 0);
	assert_int_equal(fusion_list_create(arena, "a", NULL, &l), 0);
	id = fusion_hash_id(h);
	assert_true(id && id != fusion_vector_id(v) && id != fusion_list_id(l));
	assert_int_equal(fusion_hash_get(arena, id, &same), 0);
	assert_ptr_equal(same, h);
	assert_int_equal(fusion_vector_get(arena, fusion_vector_id(v), &same_v),
			 0);
	assert_ptr_equal(same_v, v);
	assert_int_equal(fusion_list_get(arena, fusion_list_id(l), &same_l), 0);
	assert_ptr_equal(same_l, l);
	/* A hash is no vector, whatever its id. */
	assert_int_equal(fusion_vector_get(arena, id, &wrong), -ENOENT);
	assert_int_equal(fusion_vector_id((void *)h), 0);
	assert_int_equal(fusion_vector_get(arena, 0, &wrong), -EINVAL);
	assert_int_equal(fusion_vector_get(NULL, id, &wrong), -EINVAL);
	assert_int_equal(fusion_hash_get(arena, id, NULL), -EINVAL);
	assert_null(wrong);
	assert_int_equal(fusion_hash_destroy(h), 0);
	assert_int_equal(fusion_hash_get(arena, id, &same), -ENOENT);
	assert_int_equal(fusion_vector_destroy(v), 0);
	assert_int_equal(fusion_list_destroy(l), 0);
}

static void a_container_without_a_name_has_an_id_too(void **state)
{
	struct fusion_hash *h, *other, *found = NULL;

	(void)state;
	assert_int_equal(fusion_hash_create(arena, NULL, NULL, &h), 0);
	assert_int_equal(fusion_hash_create(arena, NULL, NULL, &other), 0);
	assert_int_not_equal(fusion_hash_id(h), 0);
	assert_int_not_equal(fusion_hash_id(h), fusion_hash_id(other));
	assert_int_equal(fusion_hash_get(arena, fusion_hash_id(h), &found),
			 -ENOENT);
	assert_null(found);
	assert_int_equal(arena_check(&arena->view, NULL, NULL), 0);
	h->c.state = CONTAINER_DYING;
	assert_int_equal(fusion_hash_id(h), 0);
	h->c.state = CONTAINER_ALIVE;
	assert_int_equal(fusion_hash_id(NULL), 0);
	assert_int_equal(fusion_hash_id((void *)&found), 0);
	assert_int_equal(fusion_hash_destroy(h), 0);
	assert_int_equal(fusion_hash_destroy(other), 0);
}

static void the_numbers_of_a_hash(void **state)
{
	struct fusion_hash_stat s;
	struct fusion_hash *h;
	struct twin_head *table;
	uint32_t mark;

	(void)state;
	assert_int_equal(fusion_hash_create(arena, NULL, &locked_ints, &h), 0);
	assert_int_equal(fusion_hash_stat(h, &s, sizeof(s)), 0);
	assert_int_equal(s.id, fusion_hash_id(h));
	assert_int_equal(s.flags, locked_ints.flags);
	assert_int_equal(s.keys, FUSION_KEY_INT);
	assert_int_equal(s.count | s.capacity | s.buckets, 0);
	assert_int_equal(s.bytes, fusion_usable_size(h));
	assert_int_equal(fusion_hash_reserve(h, 100), 0);
	assert_int_equal(fusion_hash_insert(h, fusion_key_int(1), word(7)), 0);
	assert_int_equal(fusion_hash_stat(h, &s, sizeof(s)), 0);
	assert_int_equal(s.count, 1);
	assert_in_range(s.capacity, 100, s.buckets);
	table = h->table.block[h->table.turns & 1];
	assert_int_equal(s.bytes,
			 fusion_usable_size(h) + fusion_usable_size(table));
	/* The struct of an older program. */
	s.count = 9;
	assert_int_equal(fusion_hash_stat(h, &s, sizeof(s.id)), 0);
	assert_int_equal(s.count, 9);
	assert_int_equal(fusion_hash_stat(h, &s, 0), -EINVAL);
	assert_int_equal(fusion_hash_stat(h, NULL, sizeof(s)), -EINVAL);
	assert_int_equal(fusion_hash_stat(NULL, &s, sizeof(s)), -EINVAL);
	mark = table->mark;
	table->mark = 0;
	assert_int_equal(fusion_hash_stat(h, &s, sizeof(s)), -EIO);
	assert_int_equal(s.count, 9);
	table->mark = mark;
	/* No failure has left the lock held. */
	assert_int_equal(fusion_hash_unlock(h), -EPERM);
	assert_int_equal(fusion_hash_destroy(h), 0);
}

static void the_numbers_of_a_vector_and_of_a_list(void **state)
{
	struct fusion_vector_stat s;
	struct fusion_list_stat t;
	struct fusion_vector *v;
	struct fusion_list *l;
	struct row *row;

	(void)state;
	assert_int_equal(fusion_vector_create(arena, NULL, NULL, &v), 0);
	assert_int_equal(fusion_vector_stat(v, &s, sizeof(s)), 0);
	assert_int_equal(s.count | s.capacity | s.flags, 0);
	assert_int_equal(fusion_vector_reserve(v, 100), 0);
	assert_int_equal(fusion_vector_add(v, fusion_value_pointer(v)), 0);
	assert_int_equal(fusion_vector_stat(v, &s, sizeof(s)), 0);
	assert_int_equal(s.id, fusion_vector_id(v));
	assert_int_equal(s.count, 1);
	assert_true(s.capacity >= 100);
	row = v->row.block[v->row.turns & 1];
	assert_int_equal(s.bytes,
			 fusion_usable_size(v) + fusion_usable_size(row));
	row->mark ^= 1;
	assert_int_equal(fusion_vector_stat(v, &s, sizeof(s)), -EIO);
	row->mark ^= 1;
	assert_int_equal(fusion_vector_stat(v, &s, 0), -EINVAL);
	assert_int_equal(fusion_vector_destroy(v), 0);
	assert_int_equal(fusion_list_create(arena, NULL, NULL, &l), 0);
	assert_int_equal(
		fusion_list_insert_back(l, fusion_value_pointer(l), NULL), 0);
	assert_int_equal(fusion_list_stat(l, &t, sizeof(t)), 0);
	assert_int_equal(t.id, fusion_list_id(l));
	assert_int_equal(t.count, 1);
	assert_int_equal(t.bytes, fusion_usable_size(l) +
					  fusion_usable_size(l->ring.next));
	assert_int_equal(fusion_list_stat(l, NULL, sizeof(t)), -EINVAL);
	assert_int_equal(fusion_list_destroy(l), 0);
}

/* --- Locks -----------------------------------------------------------------
 */

/* One of each kind, with a lock. */
struct trio {
	struct fusion_hash *h;
	struct fusion_vector *v;
	struct fusion_list *l;
};

static void open_trio(struct fusion_arena *a, struct trio *t)
{
	const uint32_t flags = FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS;
	const struct fusion_vector_options vector = {.size = sizeof(vector),
						     .flags = flags};
	const struct fusion_list_options list = {.size = sizeof(list),
						 .flags = flags};

	assert_int_equal(fusion_hash_open(a, "a", &locked_ints, &t->h), 0);
	assert_int_equal(fusion_vector_open(a, "a", &vector, &t->v), 0);
	assert_int_equal(fusion_list_open(a, "a", &list, &t->l), 0);
}

static void destroy_trio(const struct trio *t)
{
	assert_int_equal(fusion_hash_destroy(t->h), 0);
	assert_int_equal(fusion_vector_destroy(t->v), 0);
	assert_int_equal(fusion_list_destroy(t->l), 0);
}

/* All functions fail with @r, and have done nothing. */
static void expect_refused(const struct trio *t, int r)
{
	struct fusion_value value = word(3);
	struct fusion_hash_iter it;
	struct fusion_key key;

	assert_int_equal(fusion_hash_insert(t->h, fusion_key_int(1), value), r);
	assert_int_equal(fusion_hash_value(t->h, fusion_key_int(1), &value), r);
	assert_int_equal(hash_size(t->h), r);
	assert_int_equal(fusion_hash_iter_begin(&it, t->h), r);
	assert_int_equal(fusion_hash_next(&it, &key, &value), -EINVAL);
	assert_int_equal(fusion_hash_lock(t->h), r);
	assert_int_equal(fusion_hash_destroy(t->h), r);
	assert_int_equal(fusion_vector_add(t->v, value), r);
	assert_int_equal(fusion_vector_at(t->v, 0, &value), r);
	assert_int_equal(vector_size(t->v), r);
	assert_int_equal(fusion_vector_lock(t->v), r);
	assert_int_equal(fusion_vector_destroy(t->v), r);
	assert_int_equal(fusion_list_insert_back(t->l, value, NULL), r);
	assert_int_equal(list_size(t->l), r);
	assert_int_equal(fusion_list_lock(t->l), r);
	assert_int_equal(fusion_list_destroy(t->l), r);
	assert_int_equal(value.word, 3);
}

static void expect_empty(const struct trio *t)
{
	assert_int_equal(hash_size(t->h), 0);
	assert_int_equal(vector_size(t->v), 0);
	assert_int_equal(list_size(t->l), 0);
}

static void a_thread_with_too_many_locks_gets_ENOLCK(void **state)
{
	struct fusion_skirmish *s[FUSION_SKIRMISHES_HELD];
	struct trio t;

	(void)state;
	open_trio(arena, &t);
	for (int i = 0; i < FUSION_SKIRMISHES_HELD; i++) {
		assert_int_equal(
			fusion_skirmish_create(arena, NULL, NULL, &s[i]), 0);
		assert_int_equal(fusion_skirmish_lock(s[i]), 0);
	}
	expect_refused(&t, -ENOLCK);
	assert_non_null(strstr(fusion_strerror(-ENOLCK), "list_destroy()"));
	for (int i = 0; i < FUSION_SKIRMISHES_HELD; i++)
		assert_int_equal(fusion_skirmish_destroy(s[i]), 0);
	expect_empty(&t);
	destroy_trio(&t);
}

/* The lock of a container, which the thread holds. */
static uint32_t *depth(const struct container *c)
{
	return &((struct skirmish *)handle_entry(c->lock))->depth;
}

static void a_thread_with_too_many_levels_gets_EOVERFLOW(void **state)
{
	struct trio t;

	(void)state;
	open_trio(arena, &t);
	assert_int_equal(fusion_hash_lock(t.h), 0);
	assert_int_equal(fusion_vector_lock(t.v), 0);
	assert_int_equal(fusion_list_lock(t.l), 0);
	*depth(&t.h->c) = *depth(&t.v->c) = *depth(&t.l->c) =
		SKIRMISH_DEPTH_MAX;
	expect_refused(&t, -EOVERFLOW);
	*depth(&t.h->c) = *depth(&t.v->c) = *depth(&t.l->c) = 0;
	expect_empty(&t);
	assert_int_equal(fusion_hash_unlock(t.h), 0);
	assert_int_equal(fusion_vector_unlock(t.v), 0);
	assert_int_equal(fusion_list_unlock(t.l), 0);
	destroy_trio(&t);
}

static void a_container_whose_lock_was_destroyed_is_EIDRM(void **state)
{
	struct trio t;

	(void)state;
	open_trio(arena, &t);
	assert_int_equal(fusion_skirmish_destroy(t.h->c.lock), 0);
	assert_int_equal(fusion_skirmish_destroy(t.v->c.lock), 0);
	assert_int_equal(fusion_skirmish_destroy(t.l->c.lock), 0);
	expect_refused(&t, -EIDRM);
	t.h->c.flags = t.v->c.flags = t.l->c.flags = FUSION_CONTAINER_WORDS;
	expect_empty(&t);
	destroy_trio(&t);
}

static struct trio waited;

static void *wait_for_list(void *arg)
{
	return (void *)(intptr_t)fusion_list_lock(arg);
}

static void *lock_list(void *arg)
{
	int r = fusion_list_lock(arg);

	return (void *)(intptr_t)(r ? r : fusion_list_unlock(arg));
}

static bool is_waited_for(const struct fusion_list *l)
{
	const struct skirmish *s = handle_entry(l->c.lock);

	return load_relaxed(&s->word) & SKIRMISH_WAIT;
}

/* fusion_list_destroy() has begun while a thread waits for the list's lock. */
static void a_lock_is_free_again_if_the_container_dies_meanwhile(void **state)
{
	pthread_t thread;
	void *result;

	(void)state;
	open_trio(arena, &waited);
	assert_int_equal(fusion_list_lock(waited.l), 0);
	pthread_create(&thread, NULL, wait_for_list, waited.l);
	while (!is_waited_for(waited.l))
		sched_yield();
	store_relaxed(&waited.l->c.state, (uint16_t)CONTAINER_DYING);
	assert_int_equal(fusion_skirmish_unlock(waited.l->c.lock), 0);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, -EIDRM);
	/* Nobody has the lock: another thread takes it. */
	store_relaxed(&waited.l->c.state, (uint16_t)CONTAINER_ALIVE);
	assert_int_equal(fusion_skirmish_trylock(waited.l->c.lock), 0);
	assert_int_equal(fusion_skirmish_unlock(waited.l->c.lock), 0);
	pthread_create(&thread, NULL, lock_list, waited.l);
	pthread_join(thread, &result);
	assert_int_equal((intptr_t)result, 0);
	destroy_trio(&waited);
}

static void lock_trio(struct fusion_arena *a)
{
	struct trio t;

	open_trio(a, &t);
	if (fusion_hash_lock(t.h) < 0)
		_exit(1);
	if (fusion_vector_lock(t.v) < 0)
		_exit(1);
	if (fusion_list_lock(t.l) < 0)
		_exit(1);
}

static int use_lock(const struct trio *t)
{
	return fusion_hash_lock(t->h) | fusion_hash_unlock(t->h) |
	       fusion_vector_lock(t->v) | fusion_vector_unlock(t->v) |
	       fusion_list_lock(t->l) | fusion_list_unlock(t->l);
}

static int use_add(const struct trio *t)
{
	return fusion_hash_insert(t->h, fusion_key_int(1), word(1)) |
	       fusion_vector_add(t->v, word(1)) |
	       fusion_list_insert_back(t->l, word(1), NULL);
}

static int use_count(const struct trio *t)
{
	return hash_size(t->h) == 1 && vector_size(t->v) == 1 &&
			       list_size(t->l) == 1
		       ? 0
		       : -1;
}

static int use_iter(const struct trio *t)
{
	struct fusion_hash_iter it;

	return fusion_hash_iter_begin(&it, t->h) |
	       fusion_vector_reserve(t->v, 100) |
	       fusion_list_insert_front(t->l, word(0), NULL);
}

static int use_destroy(const struct trio *t)
{
	destroy_trio(t);
	return 0;
}

static bool is_marked(const struct container *c)
{
	struct fusion_skirmish_stat stat;

	assert_int_equal(fusion_skirmish_stat(c->lock, &stat, sizeof(stat)), 0);
	return stat.died;
}

/* Each function is the first one after a death. */
static void no_function_returns_EOWNERDEAD(void **state)
{
	static int (*const uses[])(const struct trio *) = {
		use_lock, use_add, use_count, use_iter, use_destroy};
	struct trio t;

	(void)state;
	open_trio(arena, &t);
	for (unsigned i = 0; i < sizeof(uses) / sizeof(*uses); i++) {
		run_and_kill(arena, lock_trio);
		life_sweep(&arena->view);
		assert_true(is_marked(&t.h->c));
		assert_true(is_marked(&t.v->c));
		assert_true(is_marked(&t.l->c));
		assert_int_equal(uses[i](&t), 0);
		if (uses[i] == use_destroy)
			break;
		/* The next owner is not told either. */
		assert_false(is_marked(&t.h->c));
		assert_false(is_marked(&t.v->c));
		assert_false(is_marked(&t.l->c));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest all[] = {
		TEST(options_NULL_are_all_defaults),
		TEST(options_INIT_are_all_defaults),
		TEST(options_of_another_size_follow_the_rule),
		TEST(a_name_leads_to_the_container_until_it_is_destroyed),
		TEST(open_finds_or_creates),
		TEST(open_of_one_with_other_options_is_EPROTOTYPE),
		TEST(bad_names_are_refused_and_leave_nothing),
		TEST(all_that_open_at_once_get_the_same),
		TEST(a_killed_member_leaves_what_it_has_named),
		TEST(a_record_that_was_overwritten_is_EIO),
		TEST(a_table_that_is_full_is_ENOSPC_and_leaves_nothing),
		TEST(an_id_leads_to_the_container_that_has_a_name),
		TEST(a_container_without_a_name_has_an_id_too),
		TEST(the_numbers_of_a_hash),
		TEST(the_numbers_of_a_vector_and_of_a_list),
		TEST(a_thread_with_too_many_locks_gets_ENOLCK),
		TEST(a_thread_with_too_many_levels_gets_EOVERFLOW),
		TEST(a_container_whose_lock_was_destroyed_is_EIDRM),
		TEST(a_lock_is_free_again_if_the_container_dies_meanwhile),
		TEST(no_function_returns_EOWNERDEAD),
	};

	return cmocka_run_group_tests_name("container", all, NULL, NULL);
}
