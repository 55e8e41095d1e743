/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recovery of the heap, row by row of the table in heap_recover.c
 *
 * A child puts the arena into the state that a death at a given store leaves,
 * and dies; the parent recovers it.  tests/crash finds such states by itself;
 * here each has a name.
 */
#include "tests/unit/heap_member.h"

#include "libfusion/core/base/limits.h"
#include "libfusion/core/file/format.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap_check.h"
#include "libfusion/core/heap/heap_recover.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/recovery/check.h"

static struct fusion_arena *arena;
static void **slots; /* shared, all NULL */

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(1ull << 28, 0));
	slots = fusion_calloc(arena, 8, sizeof(*slots));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	image_leave(arena);
	return 0;
}

/* One death, one recovery, nothing wrong after it. */
static void die_in(void (*fn)(struct fusion_arena *))
{
	run_and_kill(arena, fn);
	assert_int_equal(life_sweep(&arena->view), 1);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
}

static uint64_t blocks(void)
{
	struct fusion_heap_stat s;

	assert_int_equal(fusion_heap_stat(arena, &s, sizeof(s)), 0);
	return s.blocks;
}

static uint32_t span_of(const struct fusion_arena *a, const void *p)
{
	return (uint32_t)(view_off(&a->view, p) >> SPAN_SHIFT);
}

static struct thread_rec *hold_span_lock(struct fusion_arena *a)
{
	struct thread_rec *me = thread_rec_of(a);

	if (core_lock(&a->view, me, &heap_super(&a->view)->span_lock) < 0)
		_exit(1);
	return me;
}

static void intend(struct thread_rec *me, uint32_t op, uint64_t first,
		   uint64_t n, uint64_t m)
{
	me->span.a[0] = first;
	me->span.a[1] = n;
	me->span.a[2] = m;
	me->span.op = op;
}

static void conts(struct fusion_arena *a, uint32_t first, uint32_t from,
		  uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
		*span_word(&a->view, first + i) =
			SPAN_WORD(SPAN_CONT, 0, i) | SPAN_SLOW;
}

static void kinds_are(uint32_t first, uint32_t n, enum span_kind kind)
{
	for (uint32_t i = first; i < first + n; i++)
		assert_int_equal(WORD_KIND(*span_word(&arena->view, i)), kind);
}

/* --- Runs. first_free is where the child works --------------------------- */

static uint32_t first_free;

static void find_first_free(void)
{
	void *p = fusion_malloc(arena, 20 << 16);

	first_free = span_of(arena, p);
	fusion_free(p);
}

static void in_run_alloc_before_commit(struct fusion_arena *a)
{
	struct thread_rec *me = hold_span_lock(a);

	intend(me, SPAN_OP_ALLOC, first_free, 5, 0);
	conts(a, first_free, 1, 4); /* one is not even stored */
}

static void run_alloc_before_its_commit_is_undone(void **state)
{
	(void)state;
	find_first_free();
	die_in(in_run_alloc_before_commit);
	kinds_are(first_free, 5, SPAN_FREE);
}

static void in_run_alloc_after_commit(struct fusion_arena *a)
{
	struct thread_rec *me = hold_span_lock(a);

	intend(me, SPAN_OP_ALLOC, first_free, 5, 0);
	conts(a, first_free, 1, 5);
	*span_word(&a->view, first_free) =
		SPAN_WORD(SPAN_HEAD, 1, 5) | SPAN_SLOW;
}

static void run_alloc_after_its_commit_stays(void **state)
{
	void *p;

	(void)state;
	find_first_free();
	p = span_at(&arena->view, first_free);
	die_in(in_run_alloc_after_commit);
	assert_true(heap_is_allocated(&arena->view, p));
	assert_int_equal(fusion_usable_size(p), 5 << 16);
	assert_int_equal(fusion_free(p), 0);
}

static void in_run_free_before_commit(struct fusion_arena *a)
{
	intend(hold_span_lock(a), SPAN_OP_FREE, first_free, 6, 0);
}

static void in_run_free_after_commit(struct fusion_arena *a)
{
	struct thread_rec *me = hold_span_lock(a);

	intend(me, SPAN_OP_FREE, first_free, 6, 0);
	*span_word(&a->view, first_free) =
		SPAN_WORD(SPAN_TXN, CLASS_NONE, me->token) | SPAN_SLOW;
	*span_word(&a->view, first_free + 2) = 0;
}

static void run_free_is_redone_from_its_commit_on(void **state)
{
	void *p = fusion_malloc(arena, 6 << 16);

	(void)state;
	first_free = span_of(arena, p);
	die_in(in_run_free_before_commit);
	assert_true(heap_is_allocated(&arena->view, p));
	die_in(in_run_free_after_commit);
	assert_false(heap_is_allocated(&arena->view, p));
	kinds_are(first_free, 6, SPAN_FREE);
}

static void in_grow_before_commit(struct fusion_arena *a)
{
	intend(hold_span_lock(a), SPAN_OP_GROW, first_free, 3, 7);
	conts(a, first_free, 3, 6);
}

static void in_grow_after_commit(struct fusion_arena *a)
{
	intend(hold_span_lock(a), SPAN_OP_GROW, first_free, 3, 7);
	conts(a, first_free, 3, 7);
	*span_word(&a->view, first_free) += 4;
}

static void in_shrink_before_commit(struct fusion_arena *a)
{
	intend(hold_span_lock(a), SPAN_OP_SHRINK, first_free, 7, 4);
}

static void in_shrink_after_commit(struct fusion_arena *a)
{
	intend(hold_span_lock(a), SPAN_OP_SHRINK, first_free, 7, 4);
	*span_word(&a->view, first_free) -= 3;
	*span_word(&a->view, first_free + 5) = 0;
}

static void resize_has_the_old_or_the_new_length(void **state)
{
	void *room = fusion_malloc(arena, 20 << 16), *p;

	(void)state;
	fusion_free(room);
	p = fusion_malloc(arena, 3 << 16);
	assert_ptr_equal(p, room);
	first_free = span_of(arena, p);
	die_in(in_grow_before_commit);
	assert_int_equal(fusion_usable_size(p), 3 << 16);
	kinds_are(first_free + 3, 4, SPAN_FREE);
	die_in(in_grow_after_commit);
	assert_int_equal(fusion_usable_size(p), 7 << 16);
	die_in(in_shrink_before_commit);
	assert_int_equal(fusion_usable_size(p), 7 << 16);
	die_in(in_shrink_after_commit);
	assert_int_equal(fusion_usable_size(p), 4 << 16);
	kinds_are(first_free + 4, 3, SPAN_FREE);
	fusion_free(p);
}

/* --- Slabs -----------------------------------------------------------------
 */

static void in_new_slabs(struct fusion_arena *a)
{
	struct thread_rec *me = thread_rec_of(a);
	uint32_t span;

	/* Small and medium, of a class and of a punch. */
	if (span_alloc(&a->view, me, 1, 1, SPAN_WORD(SPAN_TXN, 3, me->token),
		       &span) < 0 ||
	    span_alloc(&a->view, me, MEDIUM_SPANS, 1,
		       SPAN_WORD(SPAN_TXN, SMALL_CLASSES, me->token),
		       &span) < 0 ||
	    span_alloc(&a->view, me, 1, 1,
		       SPAN_WORD(SPAN_TXN, CLASS_NONE, me->token), &span) < 0)
		_exit(1);
}

static void slabs_half_made_are_freed(void **state)
{
	struct heap_usage before, after;

	(void)state;
	heap_usage(&arena->view, &before);
	die_in(in_new_slabs);
	heap_usage(&arena->view, &after);
	assert_int_equal(after.spans_txn, 0);
	assert_int_equal(after.spans_slab, before.spans_slab);
	assert_int_equal(after.spans_punched, before.spans_punched + 1);
}

static void with_full_and_empty_slabs(struct fusion_arena *a)
{
	void *p = fusion_malloc(a, 5000);

	fusion_free(p); /* an empty slab of another class stays */
	for (int i = 0; i < 8; i++)
		slots[i] = fusion_malloc(a, 20000);
	if (!fusion_malloc(a, 100))
		_exit(1);
}

static void slabs_of_the_dead_are_orphans_or_free(void **state)
{
	struct heap_usage before, after;

	(void)state;
	heap_usage(&arena->view, &before);
	die_in(with_full_and_empty_slabs);
	heap_usage(&arena->view, &after);
	assert_int_equal(after.spans_orphan, before.spans_orphan + 2);
	assert_int_equal(after.spans_slab,
			 before.spans_slab + MEDIUM_SPANS + 1);
	/* Anybody frees; the last one makes the slab reapable. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(fusion_free(slots[i]), 0);
	assert_true(fusion_heap_trim(arena) >= (int64_t)MEDIUM_SPANS << 16);
	heap_usage(&arena->view, &after);
	assert_int_equal(after.spans_orphan, before.spans_orphan + 1);
}

/* --- malloc_to, free_from --------------------------------------------------
 */

static void pend(struct fusion_arena *a, enum pending mode, const void *p)
{
	struct thread_rec *me = thread_rec_of(a);

	me->heap[0] = mode;
	me->pend_ptr = view_off(&a->view, p);
	me->pend_slot = view_off(&a->view, &slots[0]);
}

static void in_malloc_to_small(struct fusion_arena *a)
{
	pend(a, PENDING_MALLOC_TO, fusion_malloc(a, 100));
}

static void in_malloc_to_run(struct fusion_arena *a)
{
	pend(a, PENDING_MALLOC_TO, fusion_malloc(a, 1 << 20));
}

static void at_end_of_malloc_to(struct fusion_arena *a)
{
	slots[0] = fusion_malloc(a, 100);
	pend(a, PENDING_MALLOC_TO, slots[0]);
}

static void malloc_to_leaves_a_block_in_the_slot_or_none(void **state)
{
	uint64_t n = blocks();

	(void)state;
	die_in(in_malloc_to_small);
	assert_int_equal(blocks(), n);
	die_in(in_malloc_to_run);
	assert_int_equal(blocks(), n);
	die_in(at_end_of_malloc_to);
	assert_int_equal(blocks(), n + 1);
	assert_int_equal(fusion_free_from(&slots[0]), 0);
	assert_int_equal(blocks(), n);
}

static void mark_dying(struct fusion_arena *a, const void *p)
{
	struct block b;

	if (block_find(&a->view, a->classes, view_off(&a->view, p), &b) < 0)
		_exit(1);
	*b.map = TAG_DYING;
}

static void in_free_from_before_commit(struct fusion_arena *a)
{
	pend(a, PENDING_FREE_FROM, slots[0]);
	mark_dying(a, slots[0]);
}

static void in_free_from_after_commit(struct fusion_arena *a)
{
	void *p = slots[0];

	in_free_from_before_commit(a);
	slots[0] = NULL;
	(void)p;
}

static void in_free_from_of_a_run(struct fusion_arena *a)
{
	pend(a, PENDING_FREE_RUN, slots[0]);
	slots[0] = NULL;
}

/* The block was freed and is somebody's again; only the announcement is
 * left. */
static void at_end_of_free_from(struct fusion_arena *a)
{
	pend(a, PENDING_FREE_FROM, slots[1]);
}

static void free_from_frees_what_left_the_slot(void **state)
{
	uint64_t n = blocks();

	(void)state;
	assert_int_equal(fusion_malloc_to(arena, 200, &slots[0]), 0);
	die_in(in_free_from_before_commit);
	assert_true(heap_is_allocated(&arena->view, slots[0]));
	assert_int_equal(blocks(), n + 1);
	die_in(in_free_from_after_commit);
	assert_int_equal(blocks(), n);
	assert_int_equal(fusion_malloc_to(arena, 1 << 20, &slots[0]), 0);
	die_in(in_free_from_of_a_run);
	assert_int_equal(blocks(), n);
	slots[1] = fusion_malloc(arena, 1 << 20);
	die_in(at_end_of_free_from);
	assert_true(heap_is_allocated(&arena->view, slots[1]));
	fusion_free(slots[1]);
}

/* --- Pools -----------------------------------------------------------------
 */

static void in_pool_destroy(struct fusion_arena *a)
{
	struct thread_rec *me = thread_rec_of(a);
	struct fusion_heap_pool *pool;
	struct pool_place at;

	if (fusion_heap_pool_create(a, "doomed", NULL, &pool) < 0 ||
	    !fusion_heap_pool_malloc(pool, 100) ||
	    !fusion_heap_pool_malloc(pool, 300000) ||
	    !fusion_heap_pool_malloc(pool, 30000) ||
	    pool_find(&a->view, me, "doomed", &at) < 0 ||
	    core_lock(&a->view, me, &heap_super(&a->view)->pool_lock) < 0)
		_exit(1);
	me->pool.a[0] = at.index;
	me->pool.op = POOL_OP_DESTROY;
	pool_at(&a->view, at.index)->state = POOL_DYING;
}

static void pool_half_destroyed_is_destroyed(void **state)
{
	struct fusion_heap_pool *pool;
	uint64_t n = blocks();

	(void)state;
	die_in(in_pool_destroy);
	assert_int_equal(blocks(), n);
	assert_int_equal(fusion_heap_pool_lookup(arena, "doomed", &pool),
			 -ENOENT);
	assert_int_equal(fusion_heap_pool_create(arena, "doomed", NULL, &pool),
			 0);
	assert_int_equal(fusion_heap_pool_destroy(pool), 0);
}

/* --- What nobody can trust -------------------------------------------------
 */

static uint64_t rnd_state = 88172645463325252ull;

static uint64_t rnd(void)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state;
}

static void scribble(struct view *v)
{
	uint32_t span = v->geo.first_span + (uint32_t)rnd() % 64;
	struct thread_rec *t = view_thread(v, 1 + (uint32_t)rnd() % 2);
	struct heap_super *h = heap_super(v);

	switch (rnd() % 8) {
	case 0:
		*span_word(v, span) = rnd();
		break;
	case 1: /* one that makes more sense */
		*span_word(v, span) =
			SPAN_WORD(rnd() % 6, rnd() % 64,
				  rnd() % 3 ? t->token : rnd() % 100);
		break;
	case 2:
		t->span.op = rnd() % 6;
		t->span.a[rnd() % 3] = rnd() % 2 ? rnd() : span;
		break;
	case 3:
		t->pend_slot = rnd() % 2 ? rnd() : rnd() % v->geo.span & ~7ull;
		t->pend_ptr = rnd() % 2 ? rnd() : (uint64_t)span << 16;
		t->heap[0] = rnd() % 5;
		break;
	case 4:
		t->pool.op = rnd() % 3;
		t->pool.a[0] = rnd() % 2 ? rnd() : rnd() % 4;
		break;
	case 5:
		h->pools_hi = (uint32_t)(rnd() % 2 ? rnd() : rnd() % 4);
		h->span_hi = (uint32_t)(rnd() % 2 ? rnd() : span);
		break;
	case 6:
		span_desc(v, span)->member = (uint32_t)(rnd() % 4);
		span_desc(v, span)->map[rnd() % 1024] = (uint8_t)rnd();
		break;
	default:
		t->core_locks[rnd() % THREAD_CORE_LOCKS] =
			rnd() % 2 ? rnd() : 64;
		h->span_lock.word = rnd() % 2 ? t->token : 0;
		break;
	}
}

/* The undertaker reads what members have made of it: anything may come out,
 * but it comes out. */
static void nonsense_is_survived_by_the_undertaker(void **state)
{
	int fd = image_create(SPAN_MIN, 0);
	struct heap_usage *u = malloc(sizeof(*u));
	struct arena_params params = {.name = "t",
				      .base = (uint64_t)IMAGE_BASE,
				      .span = SPAN_MIN,
				      .max_members = 16};
	struct thread_rec *t;
	struct pool_info info;
	struct view v;

	(void)state;
	assert_non_null(u);
	for (int round = 0; round < 1500; round++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(format_arena(fd, &params), 0);
		assert_int_equal(view_map(&v, fd, NULL), 0);
		v.patience_ns = 1000;
		thread_claim_undertaker(&v);
		v.slot = 1;
		for (int i = 0; i < 2; i++)
			assert_int_equal(thread_claim(&v, &t), 0);
		v.slot = 0;
		for (uint64_t n = rnd() % 20 + 1; n--;)
			scribble(&v);
		recover_member(&v, 1);
		for (unsigned i = 1; i < 3; i++) {
			t = view_thread(&v, i);
			heap_recover_intent(&v, t);
			heap_recover_pending(&v, t);
			heap_recover_pool(&v, t);
			heap_recover_tokens(&v, &t->token, 1);
		}
		heap_recover_member(&v, 1);
		heap_check(&v, NULL, NULL);
		heap_usage(&v, u);
		for (uint32_t i = 0; i < 4; i++)
			pool_copy(&v, i, &info);
		heap_is_allocated(&v, v.base + rnd() % SPAN_MIN);
		view_unmap(&v);
	}
	free(u);
	close(fd);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(run_alloc_before_its_commit_is_undone),
		T(run_alloc_after_its_commit_stays),
		T(run_free_is_redone_from_its_commit_on),
		T(resize_has_the_old_or_the_new_length),
		T(slabs_half_made_are_freed),
		T(slabs_of_the_dead_are_orphans_or_free),
		T(malloc_to_leaves_a_block_in_the_slot_or_none),
		T(free_from_frees_what_left_the_slot),
		T(pool_half_destroyed_is_destroyed),
		cmocka_unit_test(nonsense_is_survived_by_the_undertaker),
	};

	return cmocka_run_group_tests_name("heap_recover", tests, NULL, NULL);
}
