/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A listener whose process has no private memory for a message
 *
 * The linker sends each realloc() of the library to __wrap_realloc() here,
 * which fails for one size as long as a test wants it to.
 */
#include "tests/unit/reactor_fixture.h"

#include <sched.h>
#include <string.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/talk/reactor.h"

#define SIZE 20000 /* more than a listener's first buffer */

static unsigned failing; /* atomic: are allocations of SIZE bytes to fail? */
static unsigned failed;	 /* atomic: how many have failed */
static unsigned logged;	 /* atomic: sentences about it */

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);

void *__wrap_realloc(void *p, size_t size)
{
	if (size == SIZE && __atomic_load_n(&failing, __ATOMIC_ACQUIRE)) {
		__atomic_add_fetch(&failed, 1, __ATOMIC_RELEASE);
		return NULL;
	}
	return __real_realloc(p, size);
}

static void count_sentence(int level, const char *text, void *ctx)
{
	(void)level;
	(void)ctx;
	if (strstr(text, "no memory"))
		__atomic_add_fetch(&logged, 1, __ATOMIC_RELEASE);
}

static void wait_for_failures(unsigned n)
{
	while (__atomic_load_n(&failed, __ATOMIC_ACQUIRE) < n)
		sched_yield();
}

/* --- Fixture -------------------------------------------------------------- */

static int set_up(void **state)
{
	(void)state;
	failing = failed = logged = 0;
	fusion_set_log(count_sentence, NULL);
	return reactor_set_up();
}

static int tear_down(void **state)
{
	(void)state;
	reactor_tear_down();
	fusion_set_log(NULL, NULL);
	return 0;
}

struct heard {
	unsigned n; /* atomic */
	size_t sizes[8];
	unsigned char last;
};

static enum fusion_reaction_result hear(const struct fusion_reactor_message *m,
					void *ctx)
{
	struct heard *h = ctx;

	if (m->event == FUSION_REACTOR_DATA) {
		h->sizes[h->n % 8] = m->size;
		h->last = ((const unsigned char *)m->data)[m->size - 1];
		__atomic_add_fetch(&h->n, 1, __ATOMIC_RELEASE);
	}
	return FUSION_REACTION_KEEP;
}

/* By the queue, so that the dispatcher reads it. */
static void say(struct fusion_reactor *r, unsigned char byte, size_t size)
{
	static unsigned char data[SIZE];

	memset(data, byte, size);
	assert_int_equal(dispatch_at(r, 0, data, size, FUSION_REACTOR_SELF), 0);
}

static void attach(struct fusion_reactor *r, struct heard *h)
{
	struct fusion_reaction *reaction;

	assert_int_equal(fusion_reactor_set_direct(r, false), 0);
	assert_int_equal(fusion_reactor_attach(r, NULL, hear, h, &reaction), 0);
}

static void sync_all(void)
{
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
}

/* --- Tests ---------------------------------------------------------------- */

/* Each failure but the last has a pause of a millisecond or more behind it. */
static void without_memory_the_dispatcher_pauses_between_attempts(void **state)
{
	struct heard h = {0};
	int64_t begin;

	(void)state;
	attach(reactor, &h);
	failing = 1;
	say(reactor, 1, SIZE);
	wait_for_failures(1);
	begin = clock_monotonic_ns();
	wait_for_failures(21);
	assert_true(clock_monotonic_ns() - begin >= 19 * 1000000ll);
	__atomic_store_n(&failing, 0, __ATOMIC_RELEASE);
	sync_all();
}

static void message_comes_in_order_when_there_is_memory_again(void **state)
{
	struct heard h = {0};

	(void)state;
	attach(reactor, &h);
	failing = 1;
	say(reactor, 1, 10);
	say(reactor, 2, SIZE);
	say(reactor, 3, 30);
	wait_for_failures(3);
	assert_int_equal(__atomic_load_n(&h.n, __ATOMIC_ACQUIRE), 1);
	__atomic_store_n(&failing, 0, __ATOMIC_RELEASE);
	sync_all();
	assert_int_equal(h.n, 3);
	assert_int_equal(h.sizes[0], 10);
	assert_int_equal(h.sizes[1], SIZE);
	assert_int_equal(h.sizes[2], 30);
	assert_int_equal(h.last, 3);
}

static void want_of_memory_is_logged_once(void **state)
{
	struct heard h = {0};

	(void)state;
	attach(reactor, &h);
	failing = 1;
	say(reactor, 1, SIZE);
	wait_for_failures(5);
	__atomic_store_n(&failing, 0, __ATOMIC_RELEASE);
	sync_all();
	assert_int_equal(h.n, 1);
	assert_int_equal(logged, 1);
}

static void other_reactors_are_heard_meanwhile(void **state)
{
	struct fusion_reactor *other;
	struct heard h = {0}, o = {0};

	(void)state;
	assert_int_equal(fusion_reactor_create(arena, "o", NULL, &other), 0);
	attach(reactor, &h);
	attach(other, &o);
	failing = 1;
	say(reactor, 1, SIZE);
	wait_for_failures(1);
	say(other, 7, 100);
	while (__atomic_load_n(&o.n, __ATOMIC_ACQUIRE) < 1)
		sched_yield();
	assert_int_equal(o.last, 7);
	assert_int_equal(__atomic_load_n(&h.n, __ATOMIC_ACQUIRE), 0);
	__atomic_store_n(&failing, 0, __ATOMIC_RELEASE);
	sync_all();
	assert_int_equal(h.n, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(without_memory_the_dispatcher_pauses_between_attempts),
		T(message_comes_in_order_when_there_is_memory_again),
		T(want_of_memory_is_logged_once),
		T(other_reactors_are_heard_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
