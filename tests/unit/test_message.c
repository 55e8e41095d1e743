/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages and the dispatcher
 *
 * Threads stand for members where ThreadSanitizer is to look on.  Nothing here
 * sleeps to let others come first.
 */
#include "tests/unit/heap_member.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/talk/message.h"
#include "libfusion/core/talk/ring_consume.h"
#include "libfusion/core/talk/ring_produce.h"
#include "libfusion/core/talk/ring_room.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/dispatch_thread.h"

#define SECOND 1000000000LL

static struct fusion_arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = image_enter(image_create(64ull << 20, 0));
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	dispatch_stop(arena);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	return 0;
}

static int send(uint32_t type, const void *data, size_t size)
{
	return fusion_message_send(arena, fusion_arena_id(arena), type, data,
				   size, 0, FUSION_FOREVER);
}

static uint64_t blocks(void)
{
	struct fusion_heap_stat stats;

	assert_int_equal(fusion_heap_stat(arena, &stats, sizeof(stats)), 0);
	return stats.blocks;
}

static struct ring *queue(void)
{
	static struct ring r;
	uint32_t i = load_acquire(
		&view_member(&arena->view, arena->view.slot)->ring);

	assert_int_equal(ring_map(&arena->view, i - 1, &r), 0);
	return &r;
}

/* What came, in the order in which it came. */
static struct {
	unsigned n;
	uint32_t type;
	fusion_id_t sender;
	size_t size;
	unsigned char data[5000];
	bool is_block;
	void *taken;
} got;

static void note(const struct fusion_message *m, void *ctx)
{
	got.n++;
	got.type = m->type;
	got.sender = m->sender;
	got.size = m->size;
	got.is_block = m->is_block;
	memcpy(got.data, m->data,
	       m->size < sizeof(got.data) ? m->size : sizeof(got.data));
	if (ctx)
		got.taken = fusion_message_take(m);
}

static void bytes_arrive_as_they_were_sent(void **state)
{
	static unsigned char data[5000];

	(void)state;
	memset(&got, 0, sizeof(got));
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 7);
	assert_int_equal(
		fusion_message_handle(arena, 7, note, NULL, NULL, NULL), 0);
	for (size_t size = 0; size <= sizeof(data);
	     size += size < 1100 ? 1 : 97) {
		assert_int_equal(send(7, data, size), 0);
		assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0),
				 0);
		assert_int_equal(got.type, 7);
		assert_int_equal(got.sender, arena->id);
		assert_int_equal(got.size, size);
		assert_false(got.is_block);
		assert_memory_equal(got.data, data, size);
	}
	assert_int_equal(queue()->ctl->received, got.n);
	assert_int_equal(blocks(), 0);
}

static void block_is_freed_unless_taken(void **state)
{
	char *block = fusion_malloc(arena, 300);

	(void)state;
	memset(&got, 0, sizeof(got));
	memset(block, 'x', 300);
	assert_int_equal(
		fusion_message_handle(arena, 1, note, NULL, NULL, NULL), 0);
	assert_int_equal(
		fusion_message_handle(arena, 2, note, &got, NULL, NULL), 0);
	assert_int_equal(fusion_message_send_block(arena, arena->id, 1, block,
						   0, FUSION_FOREVER),
			 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_true(got.is_block);
	assert_true(got.size >= 300);
	assert_int_equal(got.data[299], 'x');
	assert_int_equal(blocks(), 0);

	block = fusion_malloc(arena, 300);
	assert_int_equal(fusion_message_send_block(arena, arena->id, 2, block,
						   0, FUSION_FOREVER),
			 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_ptr_equal(got.taken, block);
	assert_int_equal(blocks(), 1);
	assert_int_equal(fusion_free(block), 0);

	/* What is no block is refused, and nothing is lost. */
	assert_int_equal(
		fusion_message_send_block(arena, arena->id, 1, &got, 0, 0),
		-EINVAL);
	assert_int_equal(fusion_message_send_block(arena, 4711, 1, NULL, 0, 0),
			 -EINVAL);
	block = fusion_malloc(arena, 10);
	assert_int_equal(fusion_message_send_block(arena, 4711, 1, block, 0, 0),
			 -ESRCH);
	assert_int_equal(fusion_free(block), 0);
	assert_int_equal(blocks(), 0);
}

static void wrong_arguments_are_refused(void **state)
{
	(void)state;
	assert_int_equal(fusion_message_send(NULL, 1, 1, "a", 1, 0, 0),
			 -EINVAL);
	assert_int_equal(fusion_message_send(arena, 4711, 1, "a", 1, 0, 0),
			 -ESRCH);
	assert_int_equal(send(FUSION_ANY_TYPE, "a", 1), -EINVAL);
	assert_int_equal(send(1, NULL, 1), -EINVAL);
	assert_int_equal(fusion_message_send(arena, arena->id, 1, "a", 1, 8, 0),
			 -EINVAL);
	assert_int_equal(
		fusion_message_send(arena, arena->id, 1, "a", 1, 0, -2),
		-EINVAL);
	assert_int_equal(
		fusion_message_send_block(arena, arena->id, 1, NULL, 0, 0),
		-EINVAL);
	assert_int_equal(fusion_arena_dispatch(NULL, 0, 0), -EINVAL);
	assert_int_equal(fusion_arena_fd(NULL), -EINVAL);
	assert_int_equal(fusion_arena_sync(NULL, 0, 0), -EINVAL);
	assert_int_equal(fusion_set_spin(2 * SECOND), -EINVAL);
}

/* Nobody dispatches: the queue fills. */
static void full_queue_is_said_or_waited_for_or_counted(void **state)
{
	unsigned sent = 0;
	int r;

	(void)state;
	memset(&got, 0, sizeof(got));
	do
		r = fusion_message_send(arena, arena->id, 1, &sent,
					sizeof(sent), 0, 0);
	while (r == 0 && ++sent);
	assert_int_equal(r, -EAGAIN);
	assert_true(sent >= 32);
	assert_int_equal(ring_pending(queue()), sent);
	assert_int_equal(
		fusion_message_send(arena, arena->id, 1, "", 0, 0, 2000000),
		-ETIMEDOUT);
	assert_int_equal(fusion_message_send(arena, arena->id, 1, "", 0,
					     FUSION_MESSAGE_DROP, 0),
			 0);
	assert_int_equal(queue()->ctl->dropped, 1);
	assert_int_equal(fusion_message_send_block(arena, arena->id, 1,
						   fusion_malloc(arena, 10),
						   FUSION_MESSAGE_DROP, 0),
			 0);
	assert_int_equal(queue()->ctl->dropped, 2);
	assert_int_equal(blocks(), 0);
	assert_int_equal(
		fusion_message_handle(arena, 1, note, NULL, NULL, NULL), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(got.n, sent);
	assert_int_equal(*(unsigned *)got.data, sent - 1);
	assert_int_equal(send(99, "", 0), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	/* Nobody handles that. */
	assert_int_equal(queue()->ctl->dropped, 3);
}

#define SENDERS 3
#define EACH 20000

static struct {
	uint32_t next[SENDERS];
	unsigned wrong;
} order;

static void check_order(const struct fusion_message *m, void *ctx)
{
	uint32_t seq;

	(void)ctx;
	memcpy(&seq, m->data, sizeof(seq));
	order.wrong += seq != order.next[m->type]++;
}

static void *send_many(void *arg)
{
	uint32_t type = (uint32_t)(uintptr_t)arg;
	char data[300] = "";

	for (uint32_t seq = 0; seq < EACH; seq++) {
		memcpy(data, &seq, sizeof(seq));
		if (send(type, data, 4 + (seq * (type + 1)) % 290) < 0)
			return (void *)1;
	}
	return NULL;
}

static void each_senders_order_is_kept(void **state)
{
	pthread_t threads[SENDERS];
	void *r;

	(void)state;
	memset(&order, 0, sizeof(order));
	assert_int_equal(fusion_message_handle(arena, FUSION_ANY_TYPE,
					       check_order, NULL, NULL, NULL),
			 0);
	for (uintptr_t i = 0; i < SENDERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, send_many, (void *)i),
			0);
	for (unsigned i = 0; i < SENDERS; i++) {
		assert_int_equal(pthread_join(threads[i], &r), 0);
		assert_null(r);
	}
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(order.wrong, 0);
	for (unsigned i = 0; i < SENDERS; i++)
		assert_int_equal(order.next[i], EACH);
}

static bool is_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 1;
}

static void descriptor_says_when_to_dispatch(void **state)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET};
	int fd, ep = epoll_create1(EPOLL_CLOEXEC);
	struct pollfd p;

	(void)state;
	memset(&got, 0, sizeof(got));
	image_dispatches(arena);
	assert_int_equal(
		fusion_message_handle(arena, 1, note, NULL, NULL, NULL), 0);
	fd = fusion_arena_fd(arena);
	assert_true(fd >= 0);
	assert_int_equal(fusion_arena_fd(arena), fd);
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	while (fusion_arena_dispatch(arena, 0, 0) > 0)
		;
	assert_false(is_readable(fd));
	while (epoll_wait(ep, &e, 1, 0) > 0)
		;
	for (unsigned i = 1; i <= 100; i++) {
		p = (struct pollfd){.fd = fd, .events = POLLIN};
		assert_int_equal(send(1, "hello", 5), 0);
		assert_int_equal(poll(&p, 1, 10000), 1);
		assert_int_equal(epoll_wait(ep, &e, 1, 10000), 1);
		/* Nobody but us handles it. */
		assert_int_equal(got.n, i - 1);
		assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 1);
		assert_int_equal(got.n, i);
		assert_false(is_readable(fd));
		assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	}
	close(ep);
}

static void *send_one(void *unused)
{
	(void)unused;
	return (void *)(intptr_t)send(1, "hello", 5);
}

static void dispatching_by_hand_waits(void **state)
{
	pthread_t thread;

	(void)state;
	memset(&got, 0, sizeof(got));
	image_dispatches(arena);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	assert_int_equal(fusion_arena_dispatch(arena, 3000000,
					       FUSION_WAIT_INTERRUPTIBLE),
			 0);
	assert_int_equal(
		fusion_message_handle(arena, 1, note, NULL, NULL, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, send_one, NULL), 0);
	assert_int_equal(fusion_arena_dispatch(arena, FUSION_FOREVER,
					       FUSION_WAIT_INTERRUPTIBLE),
			 1);
	assert_int_equal(got.n, 1);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(send(1, "hello", 5), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(got.n, 2);
}

static struct fusion_arena *other;
static int elsewhere[3];

static void come_back(const struct fusion_message *m, void *ctx)
{
	(void)m, (void)ctx;
	elsewhere[0] = fusion_arena_dispatch(arena, 0, 0);
}

static void dispatch_elsewhere(const struct fusion_message *m, void *ctx)
{
	(void)ctx;
	elsewhere[1] = fusion_arena_dispatch(other, 0, 0);
	elsewhere[2] = fusion_arena_sync(m->arena, 0, 0);
}

/* Who dispatches in another arena is still the dispatcher of the first. */
static void handler_dispatches_in_another_arena(void **state)
{
	(void)state;
	other = image_enter_at(IMAGE_BASE_2,
			       image_create_at(IMAGE_BASE_2, 16ull << 20, 0));
	image_dispatches(arena);
	image_dispatches(other);
	assert_int_equal(
		fusion_message_handle(other, 1, come_back, NULL, NULL, NULL),
		0);
	assert_int_equal(fusion_message_handle(arena, 1, dispatch_elsewhere,
					       NULL, NULL, NULL),
			 0);
	for (int i = 0; i < 2; i++) {
		memset(elsewhere, 0, sizeof(elsewhere));
		assert_int_equal(fusion_message_send(other,
						     fusion_arena_id(other), 1,
						     "", 0, 0, FUSION_FOREVER),
				 0);
		assert_int_equal(send(1, "", 0), 0);
		assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0),
				 0);
		assert_int_equal(elsewhere[0], -EDEADLK);
		assert_int_equal(elsewhere[1], 1);
		assert_int_equal(elsewhere[2], -EDEADLK);
	}
	dispatch_stop(other);
	image_leave(other);
}

static int in_handler[4];

static void clean(struct fusion_arena *a, void *ctx)
{
	(void)a;
	assert_int_equal(*(int *)ctx, 1);
	*(int *)ctx = 2;
}

static struct fusion_slot *slot;

static void try_things(const struct fusion_message *m, void *ctx)
{
	static int cleaned;

	(void)ctx;
	cleaned = 1;
	in_handler[0] = fusion_arena_sync(m->arena, 0, 0);
	in_handler[1] = fusion_arena_dispatch(m->arena, 0, 0);
	in_handler[2] =
		fusion_arena_dispatch_cleanup(m->arena, clean, &cleaned);
	/* By itself, while it runs. */
	in_handler[3] = fusion_slot_cancel(slot);
	assert_int_equal(cleaned, 1);
	*(int **)ctx = &cleaned;
}

static void handler_may_do_nearly_everything(void **state)
{
	int *cleaned = NULL;

	(void)state;
	assert_int_equal(fusion_message_handle(arena, 1, try_things, &cleaned,
					       NULL, &slot),
			 0);
	assert_int_equal(send(1, "", 0), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(in_handler[0], -EDEADLK);
	assert_int_equal(in_handler[1], -ENOTSUP);
	assert_int_equal(in_handler[2], 0);
	assert_int_equal(in_handler[3], 0);
	assert_non_null(cleaned);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(*cleaned, 2);
	assert_int_equal(send(1, "", 0), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(queue()->ctl->dropped, 1);
}

static char order_of[32];

static void append(const struct fusion_message *m, void *ctx)
{
	char *end = order_of + strlen(order_of);

	*end = *(const char *)ctx;
	if (m->size)
		end[1] = *(const char *)m->data;
	else
		assert_null(m->data);
}

static void append_and_take(const struct fusion_message *m, void *ctx)
{
	append(m, ctx);
	fusion_free(fusion_message_take(m));
}

static void count_destroy(void *ctx)
{
	++*(unsigned *)ctx;
}

static void send_a_block(uint32_t type)
{
	char *block = fusion_malloc(arena, 100);

	assert_non_null(block);
	*block = '+';
	assert_int_equal(fusion_message_send_block(arena, arena->id, type,
						   block, 0, FUSION_FOREVER),
			 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
}

#define HANDLE(type, fn, ctx, ret) \
	assert_int_equal(          \
		fusion_message_handle(arena, type, fn, ctx, NULL, ret), 0)

static void handlers_of_a_type_get_it_in_order(void **state)
{
	struct fusion_slot *a, *take, *c;

	(void)state;
	memset(order_of, 0, sizeof(order_of));
	HANDLE(FUSION_ANY_TYPE, append, "x", NULL);
	HANDLE(FUSION_ANY_TYPE, append, "y", NULL);
	HANDLE(1, append, "a", &a);
	HANDLE(64, append, "z", NULL); /* in the same bucket */
	HANDLE(1, append_and_take, "b", &take);
	HANDLE(1, append, "c", &c);
	send_a_block(1);
	assert_string_equal(order_of, "a+b+c");
	assert_int_equal(blocks(), 0);
	assert_int_equal(fusion_slot_cancel(take), 0);
	memset(order_of, 0, sizeof(order_of));
	send_a_block(1);
	assert_string_equal(order_of, "a+c+");
	assert_int_equal(blocks(), 0);
	assert_int_equal(fusion_slot_cancel(a), 0);
	assert_int_equal(fusion_slot_cancel(c), 0);
	memset(order_of, 0, sizeof(order_of));
	send_a_block(1);
	assert_string_equal(order_of, "x+y+");
	assert_int_equal(queue()->ctl->dropped, 0);
}

static void add_another(const struct fusion_message *m, void *ctx)
{
	append(m, ctx);
	assert_int_equal(fusion_message_handle(m->arena, m->type, append, "n",
					       NULL, NULL),
			 0);
}

static void handler_that_was_added_gets_the_next_one(void **state)
{
	(void)state;
	memset(order_of, 0, sizeof(order_of));
	HANDLE(1, add_another, "a", &slot);
	send_a_block(1);
	assert_string_equal(order_of, "a+");
	assert_int_equal(fusion_slot_cancel(slot), 0);
	send_a_block(1);
	assert_string_equal(order_of, "a+n+");
}

static void handlers_are_destroyed_at_exit(void **state)
{
	unsigned n = 0;

	(void)state;
	assert_int_equal(
		fusion_message_handle(arena, 1, note, &n, count_destroy, &slot),
		0);
	assert_int_equal(
		fusion_message_handle(arena, 1, note, &n, count_destroy, NULL),
		0);
	assert_int_equal(
		fusion_message_handle(arena, 1, NULL, &n, count_destroy, NULL),
		-EINVAL);
	assert_int_equal(n, 0);
	dispatch_stop(arena);
	assert_int_equal(n, 2);
	assert_int_equal(fusion_slot_cancel(slot), -EINVAL);
}

/* A handler that waits for another one: as a call in a handler does. */
static struct {
	uint32_t inner; /* atomic */
	bool had_turn;
} blocked;

static void outer(const struct fusion_message *m, void *ctx)
{
	char copy[8];

	(void)ctx;
	memcpy(copy, m->data, sizeof(copy));
	blocked.had_turn = dispatch_block(m->arena);
	while (!load_acquire(&blocked.inner))
		sched_yield();
	dispatch_unblock(m->arena);
	/* Its record was not given away meanwhile. */
	assert_memory_equal(copy, m->data, sizeof(copy));
}

static void inner(const struct fusion_message *m, void *ctx)
{
	(void)ctx;
	if (m->type == 2)
		store_release(&blocked.inner, 1u);
}

static void others_are_handled_while_one_waits(void **state)
{
	(void)state;
	memset(&blocked, 0, sizeof(blocked));
	assert_int_equal(
		fusion_message_handle(arena, 1, outer, NULL, NULL, NULL), 0);
	assert_int_equal(fusion_message_handle(arena, FUSION_ANY_TYPE, inner,
					       NULL, NULL, NULL),
			 0);
	for (int round = 0; round < 20; round++) {
		store_release(&blocked.inner, 0u);
		assert_int_equal(send(1, "original", 8), 0);
		/* More than are given back at a time. */
		for (int i = 0; i < 40; i++)
			assert_int_equal(send(3, "not that", 8), 0);
		assert_int_equal(send(2, "", 0), 0);
		assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0),
				 0);
		assert_true(blocked.had_turn);
	}
}

/* A producer that died between claim and commit: the rest goes on. */
static void claim_of_the_dead_is_skipped(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *t;
	uint64_t pos, before = 0;
	bool slept;

	(void)state;
	memset(&got, 0, sizeof(got));
	image_dispatches(arena);
	assert_int_equal(fusion_arena_dispatch(arena, 0, 0), 0);
	before = blocks();
	assert_int_equal(thread_claim(v, &t), 0);
	assert_int_equal(fusion_malloc_to(arena, 2000, (void **)&t->msg_block),
			 0);
	assert_int_equal(ring_claim(v, t, queue(), 1, &pos, &slept), 0);
	assert_int_equal(blocks(), before + 1);
	assert_int_equal(send(1, "hello", 5), 0);
	assert_int_equal(life_lock(v, -1), 0);
	assert_int_equal(recover_thread(v, t), 0);
	life_unlock(v);
	assert_int_equal(blocks(), before);
	assert_int_equal(
		fusion_message_handle(arena, 1, note, NULL, NULL, NULL), 0);
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(got.n, 1);
	assert_int_equal(queue()->ctl->received, 1);
}

/* --- For who must not sleep ----------------------------------------------- */

static int offer(struct thread_rec *t)
{
	const struct msg_head h = {.kind = MSG_USER, .a = 1};

	return message_offer(&arena->view, t, arena->view.slot, arena->id, &h,
			     NULL);
}

static void bell_rings_for_room(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *t;
	uint32_t bell;
	uint64_t head;
	int r;

	(void)state;
	assert_int_equal(thread_claim(v, &t), 0);
	while ((r = offer(t)) == 0)
		;
	assert_int_equal(r, -EAGAIN);
	bell = load_acquire(&v->sb->visitor_bell);
	assert_int_equal(queue()->ctl->visitors, 1);
	/* Once, for who asked. */
	head = queue()->ctl->head;
	ring_release(queue(), head, head + 1);
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell + 1);
	ring_release(queue(), head + 1, head + 2);
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell + 1);
	assert_int_equal(offer(t), 0);
	assert_int_equal(offer(t), 0);
	/* And when there will be none. */
	assert_int_equal(offer(t), -EAGAIN);
	ring_shut(queue());
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell + 2);
	assert_int_equal(offer(t), -ESRCH);
	store_release(&queue()->ctl->closed, 0u);
	thread_release(v, t);
}

/* What makes no sense is no reason to wait. */
static void queue_that_cannot_be_is_said(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *t;
	struct ring *r;
	uint64_t at, was;

	(void)state;
	assert_int_equal(thread_claim(v, &t), 0);
	while (offer(t) == 0)
		;
	r = queue();
	assert_true(ring_is_sound(r));
	for (unsigned i = 0; i < r->cells; i += 3) {
		at = (r->ctl->head + i) & r->mask;
		was = r->hdr[at];
		r->hdr[at] = HDR_MAKE(HDR_DONE, 1, 0, 1000000 + i);
		assert_false(ring_is_sound(r));
		assert_true(offer(t) == -EIO || !i);
		r->hdr[at] = was;
	}
	was = r->ctl->head;
	r->ctl->head = was + 12345;
	assert_int_equal(offer(t), -EIO);
	r->ctl->head = was;
	assert_int_equal(offer(t), -EAGAIN);
	/* Half of it given back, and some of that used. */
	ring_release(r, was, was + r->cells / 2);
	assert_int_equal(offer(t), 0);
	r->ctl->head = was;
	assert_true(ring_is_sound(r));
	r->ctl->head = was + r->cells / 2;
	thread_release(v, t);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(bytes_arrive_as_they_were_sent),
		TEST(block_is_freed_unless_taken),
		TEST(wrong_arguments_are_refused),
		TEST(full_queue_is_said_or_waited_for_or_counted),
		TEST(bell_rings_for_room),
		TEST(queue_that_cannot_be_is_said),
		TEST(each_senders_order_is_kept),
		TEST(descriptor_says_when_to_dispatch),
		TEST(dispatching_by_hand_waits),
		TEST(handler_dispatches_in_another_arena),
		TEST(handler_may_do_nearly_everything),
		TEST(handlers_of_a_type_get_it_in_order),
		TEST(handler_that_was_added_gets_the_next_one),
		TEST(handlers_are_destroyed_at_exit),
		TEST(others_are_handled_while_one_waits),
		TEST(claim_of_the_dead_is_skipped),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
