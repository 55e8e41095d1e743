/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a thread without patience gives up half way, it finishes later
 *
 * The daemon does not wait for a lock.  In each test a living thread has a lock
 * that the undertaker needs: the undertaker gets -ETIMEDOUT, comes again when
 * the lock is free, and nothing is lost.
 */
#include "tests/unit/arena_image.h"
#include "tests/unit/image_witness.h"

#include <errno.h>
#include <string.h>

#include "libfusion/core/base/atomic.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/block.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/table.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/core/objects/object_item.h"
#include "libfusion/core/objects/object_pool.h"
#include "libfusion/core/objects/object_reap.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_drop.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/core/talk/ring_recover.h"

#define BLOCK 100000

static struct view v;		      /* the undertaker's */
static struct thread_rec *me, *other; /* its thread; one that has a lock */
static struct object_pool *pool;
static int fd;

static void print_fault(void *ctx, const char *what)
{
	(void)ctx;
	print_message("# fault: %s\n", what);
}

static int arena_setup(void **state)
{
	const struct object_pool_params params = {.object_size = 16};

	(void)state;
	fd = image_create(SPAN_MIN, 0);
	image_map(&v, fd);
	assert_int_equal(life_undertake(&v), 0);
	me = v.rec;
	assert_int_equal(thread_claim(&v, &other), 0);
	assert_int_equal(object_pool_create(&v, me, NULL, &params, 0, &pool),
			 0);
	return 0;
}

static int arena_teardown(void **state)
{
	(void)state;
	thread_release(&v, other);
	assert_int_equal(arena_check(&v, print_fault, NULL), 0);
	view_unmap(&v);
	close(fd);
	return 0;
}

/* Another thread has @l, and the undertaker does not wait. */
static void hold(struct core_lock *l)
{
	assert_int_equal(core_lock(&v, other, l), 0);
	v.patience_ns = NEVER_SLEEP;
}

static void let_go(struct core_lock *l)
{
	core_unlock(&v, other, l);
}

static struct core_lock *table_lock(enum entry_kind kind)
{
	return &v.sb->tables[kind].lock;
}

static struct core_lock *span_lock(void)
{
	return &heap_super(&v)->span_lock;
}

static uint64_t runs(void)
{
	struct heap_usage u;

	assert_int_equal(heap_usage(&v, &u), 0);
	return u.spans_run;
}

static struct object *make_object(void)
{
	struct object *o;

	assert_int_equal(object_make(&v, me, pool, 0, &o), 0);
	object_made(me, o);
	return o;
}

static void reap(struct object *o, int expected)
{
	assert_int_equal(object_reap(&v, me, o, load_relaxed(&o->e.id)),
			 expected);
}

static unsigned refs(void)
{
	return load_relaxed(&v.sb->tables[KIND_REF].n);
}

static void destruction_of_a_ref_goes_on_with_the_next_call(void **state)
{
	struct object *o = make_object();
	struct ref *r = object_ref(&v, o);

	(void)state;
	hold(table_lock(KIND_REF));
	assert_int_equal(ref_destroy(&v, me, r), -ETIMEDOUT);
	assert_int_equal(ref_destroy(&v, me, r), -ETIMEDOUT);
	let_go(table_lock(KIND_REF));
	assert_int_equal(ref_destroy(&v, me, r), 0);
	assert_int_equal(refs(), 0);
	assert_int_equal(ref_destroy(&v, me, r), -EIDRM);
	reap(o, 0);
}

static void destruction_of_another_ref_finishes_the_first(void **state)
{
	struct object *a = make_object(), *b = make_object();
	struct ref *first = object_ref(&v, a), *second = object_ref(&v, b);

	(void)state;
	hold(table_lock(KIND_REF));
	assert_int_equal(ref_destroy(&v, me, first), -ETIMEDOUT);
	/* The first one is still announced, and not the second. */
	assert_int_equal(ref_destroy(&v, me, second), -ETIMEDOUT);
	assert_int_not_equal(load_relaxed(&second->id), 0);
	let_go(table_lock(KIND_REF));
	assert_int_equal(ref_destroy(&v, me, second), 0);
	assert_int_equal(refs(), 0);
	reap(a, 0);
	reap(b, 0);
}

static void object_that_is_reaped_again_loses_no_ref(void **state)
{
	struct object *o = make_object();

	(void)state;
	hold(table_lock(KIND_REF));
	reap(o, -ETIMEDOUT);
	let_go(table_lock(KIND_REF));
	reap(o, 0);
	assert_int_equal(refs(), 0);
}

static void row_of_a_ref_that_is_destroyed_is_freed_later(void **state)
{
	struct member_info info = {.pid = getpid(), .role = 1};
	struct object *o = make_object();
	struct ref *r = object_ref(&v, o);
	struct core_lock *guard;
	struct ref_member who;
	struct ref_row *row;

	(void)state;
	assert_int_equal(life_lock(&v, -1), 0);
	assert_int_equal(image_claim(&v, &info, &who.slot), 0);
	who.id = view_member(&v, who.slot)->id;
	assert_int_equal(ref_enter_row(&v, me, r, r->id, who, &guard, &row), 0);
	ref_leave(&v, me, guard);
	assert_int_equal(load_relaxed(&v.sb->rows.n), 1);
	hold(&v.sb->rows.lock);
	assert_int_equal(ref_destroy(&v, me, r), -ETIMEDOUT);
	let_go(&v.sb->rows.lock);
	assert_int_equal(ref_destroy(&v, me, r), 0);
	assert_int_equal(load_relaxed(&v.sb->rows.n), 0);
	reap(o, 0);
	assert_int_equal(life_depart(&v, who.slot, true), 0);
	life_unlock(&v);
}

/* An item that is a run of spans: its end needs the lock of the spans. */
static void give_large_item(struct object *o)
{
	const struct object_item_key none = {.kinds = 0};
	struct object_item *item;
	void *p;

	assert_int_equal(
		block_alloc_to(&v, me, BLOCK, view_off(&v, &me->item[0])), 0);
	assert_true(block_in(&v, view_off(&v, &me->item[0]), &p) >= BLOCK);
	item = p;
	memset(item, 0, sizeof(*item));
	assert_int_equal(object_item_put(&v, me, o, item, &none), 0);
}

static void object_that_is_reaped_again_loses_no_item(void **state)
{
	struct object *o = make_object();
	uint64_t before = runs();

	(void)state;
	give_large_item(o);
	give_large_item(o);
	hold(span_lock());
	reap(o, -ETIMEDOUT);
	reap(o, -ETIMEDOUT);
	let_go(span_lock());
	reap(o, 0);
	assert_int_equal(runs(), before);
}

static void block_that_was_not_sent_is_kept_until_it_is_freed(void **state)
{
	uint64_t before = runs();
	struct thread_rec *dead;

	(void)state;
	assert_int_equal(thread_claim(&v, &dead), 0);
	assert_int_equal(
		block_alloc_to(&v, dead, BLOCK, view_off(&v, &dead->msg_block)),
		0);
	hold(span_lock());
	assert_int_equal(ring_recover(&v, dead), -ETIMEDOUT);
	let_go(span_lock());
	assert_int_equal(ring_recover(&v, dead), 0);
	assert_int_equal(load_relaxed(&dead->msg_block), 0);
	assert_int_equal(runs(), before);
	thread_release(&v, dead);
}

static void queue_of_a_dead_member_is_kept_until_it_is_empty(void **state)
{
	const struct msg_head h = {
		.kind = MSG_USER, .size = BLOCK, .flags = MSG_BLOCK};
	struct member_info info = {.pid = getpid(), .role = 1};
	uint64_t before = runs();
	uint32_t slot;

	(void)state;
	assert_int_equal(life_lock(&v, -1), 0);
	assert_int_equal(image_claim(&v, &info, &slot), 0);
	assert_int_equal(member_ready(&v, slot), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(block_alloc_to(&v, me, BLOCK,
						view_off(&v, &me->msg_block)),
				 0);
		assert_int_equal(message_post(&v, me, slot,
					      view_member(&v, slot)->id, &h,
					      NULL, NULL),
				 0);
	}
	hold(span_lock());
	assert_int_equal(life_depart(&v, slot, true), -ETIMEDOUT);
	let_go(span_lock());
	assert_int_equal(life_depart(&v, slot, true), 0);
	assert_int_equal(runs(), before);
	life_unlock(&v);
}

/* A member with a queue that is taken and not linked yet. */
static uint32_t make_unlinked_queue(struct ring *ret)
{
	struct member_info info = {.pid = getpid(), .role = 1};
	struct member_rec *m;
	uint32_t slot;

	assert_int_equal(life_lock(&v, -1), 0);
	assert_int_equal(image_claim(&v, &info, &slot), 0);
	assert_int_equal(member_ready(&v, slot), 0);
	m = view_member(&v, slot);
	assert_int_equal(message_queue(&v, other, slot, m->id, ret), 0);
	store_relaxed(&m->ring, 0u);
	return slot;
}

static void say_it_opens(struct thread_rec *t, uint32_t slot, uint32_t ring,
			 bool has_it)
{
	struct member_rec *m = view_member(&v, slot);

	t->msg.kind = ring;
	t->msg.a[0] = m->id;
	t->msg.a[1] = view_off(&v, &m->ring);
	t->msg.a[2] = has_it;
	t->msg.op = MSG_OP_OPEN;
}

static void depart(uint32_t slot)
{
	assert_true(life_depart(&v, slot, false) >= 0);
	life_unlock(&v);
}

/* The living one tries the same ring, and moves on. */
static void ring_that_a_dead_opener_has_is_given_back(void **state)
{
	struct thread_rec *t;
	struct ring q;
	uint32_t slot = make_unlinked_queue(&q);

	(void)state;
	assert_int_equal(thread_claim(&v, &t), 0);
	say_it_opens(t, slot, q.index, true);
	say_it_opens(other, slot, q.index, false);
	assert_int_equal(ring_recover(&v, t), 0);
	assert_int_equal(q.ctl->owner, 0);
	store_relaxed(&other->msg.op, 0u);
	thread_release(&v, t);
	depart(slot);
}

/* It died before it gave the ring an owner.  The other does not have the ring,
 * though it announces the same. */
static void ring_in_the_hands_of_a_dead_opener_is_given_back(void **state)
{
	struct thread_rec *t;
	struct ring q;
	uint32_t slot = make_unlinked_queue(&q);

	(void)state;
	assert_int_equal(thread_claim(&v, &t), 0);
	store_relaxed(&q.ctl->owner, RING_HANDS | thread_slot(&v, t));
	say_it_opens(t, slot, q.index, false);
	say_it_opens(other, slot, q.index, false);
	assert_int_equal(ring_recover(&v, other), 0);
	assert_int_equal(q.ctl->owner, RING_HANDS | thread_slot(&v, t));
	assert_int_equal(ring_recover(&v, t), 0);
	assert_int_equal(q.ctl->owner, 0);
	thread_release(&v, t);
	depart(slot);
}

/* It died before it took the ring, which another has. */
static void ring_that_a_dead_opener_had_not_taken_stays(void **state)
{
	struct thread_rec *t;
	struct ring q;
	uint32_t slot = make_unlinked_queue(&q);

	(void)state;
	assert_int_equal(thread_claim(&v, &t), 0);
	say_it_opens(t, slot, q.index, false);
	say_it_opens(other, slot, q.index, true);
	assert_int_equal(ring_recover(&v, t), 0);
	assert_int_equal(q.ctl->owner, view_member(&v, slot)->id);
	assert_int_equal(ring_recover(&v, other), 0);
	assert_int_equal(q.ctl->owner, 0);
	thread_release(&v, t);
	depart(slot);
}

/* The slot has another member by now, and that has the same ring. */
static void opener_for_a_member_that_has_gone_unlinks_nothing(void **state)
{
	struct thread_rec *t;
	struct ring q;
	uint32_t slot = make_unlinked_queue(&q);
	struct member_rec *m = view_member(&v, slot);

	(void)state;
	assert_int_equal(thread_claim(&v, &t), 0);
	store_relaxed(&m->ring, q.index + 1);
	say_it_opens(t, slot, q.index, true);
	t->msg.a[0] = m->id + 1000;
	assert_int_equal(ring_recover(&v, t), 0);
	assert_int_equal(m->ring, q.index + 1);
	assert_int_equal(message_queue(&v, me, slot, m->id, &q), 0);
	thread_release(&v, t);
	depart(slot);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(destruction_of_a_ref_goes_on_with_the_next_call),
		TEST(destruction_of_another_ref_finishes_the_first),
		TEST(row_of_a_ref_that_is_destroyed_is_freed_later),
		TEST(object_that_is_reaped_again_loses_no_ref),
		TEST(object_that_is_reaped_again_loses_no_item),
		TEST(block_that_was_not_sent_is_kept_until_it_is_freed),
		TEST(queue_of_a_dead_member_is_kept_until_it_is_empty),
		TEST(ring_that_a_dead_opener_has_is_given_back),
		TEST(ring_in_the_hands_of_a_dead_opener_is_given_back),
		TEST(ring_that_a_dead_opener_had_not_taken_stays),
		TEST(opener_for_a_member_that_has_gone_unlinks_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
