/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The dispatcher's descriptor in loops of others
 *
 * Each loop waits for the descriptor and dispatches once when it is readable.
 * Another thread sends messages all the time, some of them while the loop is on
 * its way to sleep; there are no time-outs, so a message that the descriptor
 * does not tell of hangs the test.
 */
#include "tests/unit/heap_member.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/select.h>

#ifdef HAVE_GLIB
#include <glib-unix.h>
#endif
#ifdef HAVE_UV
#include <uv.h>
#endif

#include <fusion/fusion.h>

#include "libfusion/core/file/event.h"
#include "libfusion/life/notice.h"
#include "libfusion/talk/dispatch.h"

#define MESSAGES 2000
#define PAUSE 64 /* wait so often until all is handled: the loop sleeps */

static struct fusion_arena *arena;
static int fd;
static uint32_t handled; /* atomic */
static uint32_t notices;
static pthread_t loops;

static int set_up(void **state)
{
	(void)state;
	handled = notices = 0;
	loops = pthread_self();
	arena = image_enter(image_create(64ull << 20, 0));
	image_dispatches(arena);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	notice_stop(arena);
	dispatch_stop(arena);
	image_leave(arena);
	return 0;
}

static void handle(const struct fusion_message *m, void *ctx)
{
	(void)ctx;
	assert_true(pthread_equal(pthread_self(), loops));
	assert_int_equal(m->size, sizeof(uint32_t));
	assert_int_equal(*(const uint32_t *)m->data, load_relaxed(&handled));
	add_release(&handled, 1);
}

static void note(struct fusion_arena *a, enum fusion_notice how, fusion_id_t id,
		 void *ctx)
{
	(void)a, (void)how, (void)id, (void)ctx;
	assert_true(pthread_equal(pthread_self(), loops));
	notices++;
}

static void *send_all(void *unused)
{
	(void)unused;
	for (uint32_t i = 0; i < MESSAGES; i++) {
		while (i % PAUSE == 0 && load_acquire(&handled) < i)
			sched_yield();
		if (i == MESSAGES / 2)
			event_log(&arena->view, thread_rec_of(arena),
				  EVENT_PROMOTED, 4711, "test");
		if (fusion_message_send(arena, fusion_arena_id(arena), 1, &i,
					sizeof(i), 0, FUSION_FOREVER) < 0)
			return "cannot send";
	}
	return NULL;
}

static void begin(pthread_t *sender)
{
	fd = fusion_arena_fd(arena);
	assert_true(fd >= 0);
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL), 0);
	assert_int_equal(fusion_arena_on_leave(arena, note, NULL, NULL, NULL),
			 0);
	assert_int_equal(pthread_create(sender, NULL, send_all, NULL), 0);
}

static void end(pthread_t sender)
{
	void *wrong;

	assert_int_equal(pthread_join(sender, &wrong), 0);
	assert_null(wrong);
	assert_int_equal(load_acquire(&handled), MESSAGES);
	assert_int_equal(notices, 1);
}

static bool is_through(void)
{
	return load_acquire(&handled) == MESSAGES && notices;
}

static void dispatch(void)
{
	assert_true(fusion_arena_dispatch(arena, 0, 0) >= 0);
}

/* --- System calls --------------------------------------------------------- */

static void in_poll(void **state)
{
	struct pollfd p;
	pthread_t t;

	(void)state;
	begin(&t);
	while (!is_through()) {
		p = (struct pollfd){.fd = fd, .events = POLLIN};
		assert_int_equal(poll(&p, 1, -1), 1);
		dispatch();
	}
	end(t);
}

static void in_select(void **state)
{
	pthread_t t;
	fd_set set;

	(void)state;
	begin(&t);
	while (!is_through()) {
		FD_ZERO(&set);
		FD_SET(fd, &set);
		assert_int_equal(select(fd + 1, &set, NULL, NULL, NULL), 1);
		dispatch();
	}
	end(t);
}

static void epoll(uint32_t events)
{
	struct epoll_event e = {.events = events};
	int ep = epoll_create1(EPOLL_CLOEXEC);
	pthread_t t;

	begin(&t);
	assert_int_equal(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e), 0);
	while (!is_through()) {
		assert_int_equal(epoll_wait(ep, &e, 1, -1), 1);
		dispatch();
	}
	end(t);
	close(ep);
}

static void in_level_triggered_epoll(void **state)
{
	(void)state;
	epoll(EPOLLIN);
}

static void in_edge_triggered_epoll(void **state)
{
	(void)state;
	epoll(EPOLLIN | EPOLLET);
}

/* --- Libraries ------------------------------------------------------------ */

#ifdef HAVE_GLIB
static gboolean on_glib(gint is, GIOCondition condition, gpointer loop)
{
	assert_int_equal(is, fd);
	assert_int_equal(condition, G_IO_IN);
	dispatch();
	if (is_through())
		g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

static void in_a_glib_loop(void **state)
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	pthread_t t;
	guint source;

	(void)state;
	begin(&t);
	source = g_unix_fd_add(fd, G_IO_IN, on_glib, loop);
	g_main_loop_run(loop);
	g_source_remove(source);
	g_main_loop_unref(loop);
	end(t);
}
#endif

#ifdef HAVE_UV
static void on_uv(uv_poll_t *p, int status, int events)
{
	assert_int_equal(status, 0);
	assert_int_equal(events, UV_READABLE);
	dispatch();
	if (is_through())
		uv_poll_stop(p);
}

static void in_a_libuv_loop(void **state)
{
	uv_loop_t loop;
	uv_poll_t p;
	pthread_t t;

	(void)state;
	begin(&t);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(uv_poll_init(&loop, &p, fd), 0);
	assert_int_equal(uv_poll_start(&p, UV_READABLE, on_uv), 0);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	uv_close((uv_handle_t *)&p, NULL);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	end(t);
}
#endif

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(in_poll),
		TEST(in_select),
		TEST(in_level_triggered_epoll),
		TEST(in_edge_triggered_epoll),
#ifdef HAVE_GLIB
		TEST(in_a_glib_loop),
#endif
#ifdef HAVE_UV
		TEST(in_a_libuv_loop),
#endif
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
