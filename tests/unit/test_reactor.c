/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reactors
 *
 * Threads stand for members where ThreadSanitizer is to look on: a second
 * member of the same process has a view of its own.  Nothing here sleeps to let
 * others come first.
 */
#include "tests/unit/reactor_fixture.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "libfusion/core/file/thread.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/core/talk/reactor_dispatch.h"
#include "libfusion/core/talk/ring_consume.h"

static int set_up(void **state)
{
	(void)state;
	return reactor_set_up();
}

static int tear_down(void **state)
{
	(void)state;
	return reactor_tear_down();
}

static struct reactor *rec_of(struct fusion_reactor *r)
{
	return handle_entry(r);
}

/* --- What is heard -------------------------------------------------------- */

struct heard {
	unsigned n, ends;
	uint32_t channel;
	fusion_id_t sender;
	size_t size;
	unsigned char data[40000];
	pthread_t thread;
	enum fusion_reaction_result result;
};

static enum fusion_reaction_result hear(const struct fusion_reactor_message *m,
					void *ctx)
{
	struct heard *h = ctx;

	if (m->event != FUSION_REACTOR_DATA) {
		__atomic_add_fetch(&h->ends, 1, __ATOMIC_RELEASE);
		return FUSION_REACTION_KEEP;
	}
	h->channel = m->channel;
	h->sender = m->sender;
	h->size = m->size;
	memcpy(h->data, m->data, m->size);
	h->thread = pthread_self();
	__atomic_add_fetch(&h->n, 1, __ATOMIC_RELEASE);
	return h->result;
}

static void sync_all(void)
{
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
}

static struct fusion_reaction *attach(uint32_t channel, struct heard *h)
{
	struct fusion_reaction *reaction;

	assert_int_equal(attach_at(reactor, channel, NULL, hear, h, &reaction),
			 0);
	return reaction;
}

/* By the queue, not directly. */
static int say(uint32_t channel, const void *data, size_t size)
{
	return dispatch_at(reactor, channel, data, size, FUSION_REACTOR_SELF);
}

static void not_direct(void)
{
	assert_int_equal(fusion_reactor_set_direct(reactor, false), 0);
}

/* --- Tests ---------------------------------------------------------------- */

static void wrong_arguments_are_refused(void **state)
{
	struct fusion_reactor_options o = {.size = sizeof(o), .cells = 100};
	struct fusion_reactor_policy p = {.size = 1};
	struct fusion_reaction *x;
	struct fusion_reactor *r;
	struct heard h = {0};

	(void)state;
	assert_int_equal(fusion_reactor_create(arena, "x", &o, &r), -EINVAL);
	assert_int_equal(fusion_reactor_create(arena, "r", NULL, &r), -EEXIST);
	assert_int_equal(attach_at(reactor, 65536, NULL, hear, &h, &x),
			 -EINVAL);
	assert_int_equal(attach_at(reactor, 0, &p, hear, &h, &x), -EINVAL);
	assert_int_equal(fusion_reactor_attach(reactor, NULL, NULL, &h, &x),
			 -EINVAL);
	assert_int_equal(fusion_reactor_attach(NULL, NULL, hear, &h, &x),
			 -EINVAL);
	assert_int_equal(say(65536, "", 0), -EINVAL);
	assert_int_equal(say(0, NULL, 1), -EINVAL);
	assert_int_equal(dispatch_at(reactor, 0, "", 0, 8), -EINVAL);
	assert_int_equal(fusion_reactor_detach(NULL), 0);
	assert_int_equal(fusion_reactor_lookup(arena, "none", &r), -ENOENT);
	assert_int_equal(fusion_reactor_lookup(arena, "r", &r), 0);
	assert_ptr_equal(r, reactor);
}

static void a_reaction_without_a_handle_removes_itself(void **state)
{
	struct heard h = {.result = FUSION_REACTION_KEEP};

	(void)state;
	assert_int_equal(attach_at(reactor, 0, NULL, hear, &h, NULL), 0);
	assert_int_equal(say(0, "a", 1), 0);
	h.result = FUSION_REACTION_REMOVE;
	assert_int_equal(say(0, "b", 1), 0);
	assert_int_equal(say(0, "c", 1), 0);
	sync_all();
	assert_int_equal(h.n, 2);
}

struct longer {
	struct fusion_reactor_options known;
	uint64_t later;
};

static void options_may_be_of_another_version(void **state)
{
	struct longer o = {.known = {.size = sizeof(o), .cells = 64}};
	struct fusion_reactor_options init = FUSION_REACTOR_OPTIONS_INIT;
	struct fusion_reactor_policy p = FUSION_REACTOR_POLICY_INIT;
	struct fusion_reaction *x;
	struct fusion_reactor *r;
	struct heard h = {0};

	(void)state;
	assert_int_equal(fusion_reactor_create(arena, "a", &o.known, &r), 0);
	assert_int_equal(rec_of(r)->cells, 64);
	o.later = 1;
	assert_int_equal(fusion_reactor_create(arena, "b", &o.known, &r),
			 -E2BIG);
	o.known.size = 8;
	assert_int_equal(fusion_reactor_create(arena, "b", &o.known, &r),
			 -EINVAL);
	assert_int_equal(fusion_reactor_create(arena, "b", &init, &r), 0);
	assert_int_equal(rec_of(r)->cells, 1024);
	assert_int_equal(attach_at(r, 0, &p, hear, &h, &x), 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
	p.reserved = 1;
	assert_int_equal(attach_at(r, 0, &p, hear, &h, &x), -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "reserved"));
}

/* What its listeners are waited for, as the record says it. */
static uint32_t limit_of(int64_t limit_ns, uint32_t *ret_error)
{
	const struct fusion_reactor_policy p = {.size = sizeof(p),
						.limit_ns = limit_ns};
	struct fusion_reaction *x;
	struct heard h = {0};
	uint32_t limit = 0;
	struct ring ring;
	int r = attach_at(reactor, 0, &p, hear, &h, &x);

	*ret_error = (uint32_t)-r;
	if (r < 0)
		return 0;
	assert_int_equal(reactor_ring(&arena->view, rec_of(reactor), &ring), 0);
	limit = cursor_at(&ring, 0)->limit_ms;
	assert_int_equal(fusion_reactor_detach(x), 0);
	return limit;
}

static void limit_of_a_policy_is_checked_and_saturates(void **state)
{
	uint32_t error;

	(void)state;
	assert_int_equal(limit_of(0, &error), 100);
	assert_int_equal(limit_of(1, &error), 1);
	assert_int_equal(limit_of(2000000, &error), 2);
	assert_int_equal(limit_of(INT64_MAX, &error), REACTOR_FOREVER_MS);
	assert_int_equal(limit_of(FUSION_FOREVER, &error), REACTOR_FOREVER_MS);
	limit_of(-2, &error);
	assert_int_equal(error, EINVAL);
	limit_of(INT64_MIN, &error);
	assert_int_equal(error, EINVAL);
}

static void opened_it_is_found_or_created(void **state)
{
	const struct fusion_reactor_options o = {.size = sizeof(o),
						 .cells = 64};
	struct fusion_reactor *a = NULL, *b = NULL;

	(void)state;
	assert_int_equal(fusion_reactor_open(arena, "r", &o, &a), 0);
	assert_ptr_equal(a, reactor);
	assert_int_equal(rec_of(a)->cells, 1024);
	assert_int_equal(fusion_reactor_open(arena, "new", &o, &a), 0);
	assert_int_equal(rec_of(a)->cells, 64);
	assert_int_equal(fusion_reactor_open(arena, "new", NULL, &b), 0);
	assert_ptr_equal(a, b);
	b = NULL;
	assert_int_equal(fusion_reactor_open(arena, NULL, NULL, &b), -EINVAL);
	assert_int_equal(fusion_reactor_open(arena, "#a", NULL, &b), -EINVAL);
	assert_int_equal(fusion_reactor_open(NULL, "x", NULL, &b), -EINVAL);
	assert_int_equal(fusion_reactor_open(arena, "x", NULL, NULL), -EINVAL);
	assert_null(b);
}

#define OPENERS 4
#define OPENINGS 500

static void *open_each(void *arg)
{
	struct fusion_reactor **at = arg;
	char name[16];

	for (unsigned i = 0; i < OPENINGS; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		if (fusion_reactor_open(arena, name, NULL, &at[i]) < 0)
			return arg;
	}
	return NULL;
}

static void all_who_open_a_name_get_one_reactor(void **state)
{
	static struct fusion_reactor *got[OPENERS][OPENINGS];
	pthread_t threads[OPENERS];
	void *r;

	(void)state;
	for (unsigned i = 0; i < OPENERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, open_each, got[i]),
			0);
	for (unsigned i = 0; i < OPENERS; i++) {
		assert_int_equal(pthread_join(threads[i], &r), 0);
		assert_null(r);
	}
	for (unsigned i = 1; i < OPENERS; i++)
		assert_memory_equal(got[0], got[i], sizeof(got[0]));
}

static void it_is_found_by_its_id(void **state)
{
	fusion_id_t id = fusion_reactor_id(reactor);
	struct fusion_reactor *r = NULL;

	(void)state;
	assert_int_equal(id, rec_of(reactor)->e.id);
	assert_int_equal(fusion_reactor_get(arena, id, &r), 0);
	assert_ptr_equal(r, reactor);
	r = NULL;
	assert_int_equal(fusion_reactor_destroy(NULL), 0);
	assert_int_equal(fusion_reactor_get(arena, 0, &r), -EINVAL);
	assert_int_equal(fusion_reactor_get(arena, id, NULL), -EINVAL);
	assert_int_equal(fusion_reactor_get(arena, id + 1000, &r), -ENOENT);
	assert_int_equal(fusion_reactor_id(NULL), 0);
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	assert_int_equal(fusion_reactor_id(reactor), 0);
	assert_int_equal(fusion_reactor_get(arena, id, &r), -ENOENT);
	assert_null(r);
}

static void numbers_fit_the_callers_struct(void **state)
{
	struct {
		struct fusion_reactor_stat known;
		uint64_t later;
	} longer = {.later = 7};
	struct fusion_reactor_stat stat;
	fusion_id_t id = 0;

	(void)state;
	assert_int_equal(
		fusion_reactor_stat(reactor, &longer.known, sizeof(longer)), 0);
	assert_int_equal(longer.known.id, fusion_reactor_id(reactor));
	assert_int_equal(longer.later, 0);
	assert_int_equal(fusion_reactor_stat(reactor, (void *)&id, sizeof(id)),
			 0);
	assert_int_equal(id, longer.known.id);
	assert_int_equal(fusion_reactor_stat(reactor, &stat, 0), -EINVAL);
	assert_int_equal(fusion_reactor_stat(reactor, NULL, sizeof(stat)),
			 -EINVAL);
}

static void options_of_dispatching_are_checked(void **state)
{
	struct {
		struct fusion_reactor_dispatch_options known;
		uint64_t later;
	} o = {.known = FUSION_REACTOR_DISPATCH_OPTIONS_INIT};
	static struct heard h;
	struct fusion_reaction *x;

	(void)state;
	memset(&h, 0, sizeof(h));
	x = attach(4, &h);
	o.known.flags = FUSION_REACTOR_SELF;
	o.known.channel = 4;
	assert_int_equal(fusion_reactor_dispatch(reactor, &o.known, "a", 1), 0);
	assert_int_equal(h.n, 1);
	o.known.size = sizeof(o);
	assert_int_equal(fusion_reactor_dispatch(reactor, &o.known, "a", 1), 0);
	assert_int_equal(h.n, 2);
	o.later = 1;
	assert_int_equal(fusion_reactor_dispatch(reactor, &o.known, "a", 1),
			 -E2BIG);
	o.known.size = 8;
	assert_int_equal(fusion_reactor_dispatch(reactor, &o.known, "a", 1),
			 -EINVAL);
	assert_int_equal(h.n, 2);
	assert_int_equal(fusion_reactor_detach(x), 0);
}

/* Row 14. */
static void message_of_any_size_is_heard_or_refused(void **state)
{
	static unsigned char data[40000];
	static struct heard h;
	struct fusion_reaction *x;
	size_t most = 1024 * 64 / 2 - 32;

	(void)state;
	memset(&h, 0, sizeof(h));
	not_direct();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (unsigned char)(i * 13);
	x = attach(0, &h);
	for (size_t size = 0; size <= most; size += size < 200 ? 1 : 3777) {
		assert_int_equal(say(0, data, size), 0);
		sync_all();
		assert_int_equal(h.size, size);
		assert_memory_equal(h.data, data, size);
		assert_int_equal(h.sender, arena->id);
	}
	assert_int_equal(say(0, data, most), 0);
	sync_all();
	assert_int_equal(h.size, most);
	h.n = 0;
	assert_int_equal(say(0, data, most + 1), -EMSGSIZE);
	assert_int_equal(say(0, data, 1u << 30), -EMSGSIZE);
	sync_all();
	assert_int_equal(h.n, 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
}

static void channels_are_apart(void **state)
{
	static struct heard a, b, c;
	struct fusion_reaction *xa, *xb, *xc;

	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memset(&c, 0, sizeof(c));
	not_direct();
	xa = attach(0, &a);
	xb = attach(64, &b); /* the same bit of the mask as channel 0 */
	xc = attach(65535, &c);
	assert_int_equal(say(0, "a", 1), 0);
	assert_int_equal(say(64, "b", 1), 0);
	assert_int_equal(say(64, "b", 1), 0);
	assert_int_equal(say(65535, "c", 1), 0);
	assert_int_equal(say(7, "d", 1), 0);
	sync_all();
	assert_int_equal(a.n, 1);
	assert_int_equal(b.n, 2);
	assert_int_equal(c.n, 1);
	assert_int_equal(b.channel, 64);
	assert_int_equal(fusion_reactor_detach(xb), 0);
	assert_int_equal(say(64, "b", 1), 0);
	sync_all();
	assert_int_equal(b.n, 2);
	assert_int_equal(fusion_reactor_detach(xa), 0);
	assert_int_equal(fusion_reactor_detach(xc), 0);
	assert_int_equal(say(0, "a", 1), 0);
	sync_all();
	assert_int_equal(a.n, 1);
}

static void own_ones_run_directly_or_not_at_all(void **state)
{
	static struct heard h;
	struct fusion_reaction *x;

	(void)state;
	memset(&h, 0, sizeof(h));
	x = attach(0, &h);
	assert_int_equal(dispatch_at(reactor, 0, "x", 1, FUSION_REACTOR_SELF),
			 0);
	assert_int_equal(h.n, 1);
	assert_true(pthread_equal(h.thread, pthread_self()));
	sync_all();
	assert_int_equal(h.n, 1);
	assert_int_equal(fusion_reactor_dispatch(reactor, NULL, "x", 1), 0);
	sync_all();
	assert_int_equal(h.n, 1);
	not_direct();
	assert_int_equal(fusion_reactor_dispatch(reactor, NULL, "x", 1), 0);
	assert_int_equal(dispatch_at(reactor, 0, "x", 1, FUSION_REACTOR_SELF),
			 0);
	sync_all();
	assert_int_equal(h.n, 2);
	assert_false(pthread_equal(h.thread, pthread_self()));
	assert_int_equal(fusion_reactor_detach(x), 0);
}

/* Row 16: the originals deadlock. */
static struct fusion_reaction *victim, *self;
static struct heard added;

static enum fusion_reaction_result
detach_both(const struct fusion_reactor_message *m, void *ctx)
{
	struct heard *h = ctx;
	struct fusion_reaction *x;

	if (m->event != FUSION_REACTOR_DATA)
		return FUSION_REACTION_KEEP;
	assert_int_equal(fusion_reactor_detach(victim), 0);
	assert_int_equal(
		fusion_reactor_attach(m->reactor, NULL, hear, &added, &x), 0);
	assert_int_equal(fusion_reactor_detach(self), 0);
	h->n++;
	return FUSION_REACTION_KEEP;
}

/* Told twice, the reaction runs once, and what it attached hears the second. */
static void see_it_detach(void)
{
	static struct heard h, v;

	memset(&h, 0, sizeof(h));
	memset(&v, 0, sizeof(v));
	memset(&added, 0, sizeof(added));
	victim = attach(0, &v);
	assert_int_equal(
		fusion_reactor_attach(reactor, NULL, detach_both, &h, &self),
		0);
	assert_int_equal(say(0, "1", 1), 0);
	sync_all();
	assert_int_equal(h.n, 1);
	assert_int_equal(v.n, 0); /* newest first */
	assert_int_equal(added.n, 0);
	assert_int_equal(say(0, "2", 1), 0);
	sync_all();
	assert_int_equal(h.n, 1);
	assert_int_equal(v.n, 0);
	assert_int_equal(added.n, 1);
}

static void a_reaction_detaches_itself_and_others(void **state)
{
	(void)state;
	not_direct();
	see_it_detach();
}

/* It runs on the thread that dispatches, which is no dispatcher. */
static void a_direct_reaction_detaches_itself_and_others(void **state)
{
	(void)state;
	alarm(60); /* it would wait for itself */
	see_it_detach();
	alarm(0);
}

static struct {
	uint32_t in, go, out; /* atomic */
} lingers;

static enum fusion_reaction_result
take_long(const struct fusion_reactor_message *m, void *ctx)
{
	(void)m, (void)ctx;
	store_release(&lingers.in, 1u);
	while (!load_acquire(&lingers.go))
		sched_yield();
	store_release(&lingers.out, 1u);
	return FUSION_REACTION_KEEP;
}

static void *detach_it(void *reaction)
{
	assert_int_equal(fusion_reactor_detach(reaction), 0);
	return load_acquire(&lingers.out) ? NULL : reaction;
}

static void who_detaches_waits_for_a_running_reaction(void **state)
{
	struct fusion_reaction *x;
	pthread_t t;
	void *early;

	(void)state;
	memset(&lingers, 0, sizeof(lingers));
	not_direct();
	assert_int_equal(
		fusion_reactor_attach(reactor, NULL, take_long, NULL, &x), 0);
	assert_int_equal(say(0, "1", 1), 0);
	while (!load_acquire(&lingers.in))
		sched_yield();
	assert_int_equal(pthread_create(&t, NULL, detach_it, x), 0);
	/* It may be waiting, or be about to; it must not come out of it. */
	for (int i = 0; i < 100; i++)
		sched_yield();
	store_release(&lingers.go, 1u);
	assert_int_equal(pthread_join(t, &early), 0);
	assert_null(early);
}

static void a_reaction_is_removed_by_what_it_returns(void **state)
{
	static struct heard h;

	(void)state;
	memset(&h, 0, sizeof(h));
	h.result = FUSION_REACTION_REMOVE;
	not_direct();
	attach(3, &h);
	assert_int_equal(say(3, "1", 1), 0);
	assert_int_equal(say(3, "2", 1), 0);
	sync_all();
	assert_int_equal(h.n, 1);
}

static unsigned globals_ran[2];
static void *global_ctx;

static enum fusion_reaction_result
global_0(const struct fusion_reactor_message *m, void *ctx)
{
	assert_int_equal(m->size, 3);
	global_ctx = ctx;
	globals_ran[0]++;
	return FUSION_REACTION_KEEP;
}

static enum fusion_reaction_result
global_1(const struct fusion_reactor_message *m, void *ctx)
{
	(void)m;
	assert_null(ctx);
	/* Newest first. */
	assert_int_equal(globals_ran[0], globals_ran[1]);
	globals_ran[1]++;
	return FUSION_REACTION_KEEP;
}

static void global_reactions_run_where_it_is_dispatched(void **state)
{
	static const fusion_global_fn globals[] = {global_0, global_1};
	int *p = fusion_malloc(arena, sizeof(*p));

	(void)state;
	globals_ran[0] = globals_ran[1] = 0;
	assert_int_equal(attach_global(reactor, 0, &p), -EINVAL);
	assert_int_equal(attach_global(reactor, 0, p), 0);
	assert_int_equal(attach_global(reactor, 1, NULL), 0);
	assert_int_equal(attach_global(reactor, 9, NULL), 0);
	assert_int_equal(dispatch_globals(reactor, 0, "abc", 3, globals, 2), 0);
	assert_int_equal(globals_ran[0], 1);
	assert_int_equal(globals_ran[1], 1);
	assert_ptr_equal(global_ctx, p);
	assert_int_equal(dispatch_globals(reactor, 1, "abc", 3, globals, 2), 0);
	assert_int_equal(fusion_reactor_dispatch(reactor, NULL, "abc", 3), 0);
	assert_int_equal(globals_ran[0], 1);
	assert_int_equal(detach_global(reactor, 0, p), 0);
	assert_int_equal(detach_global(reactor, 0, p), -ENOENT);
	assert_int_equal(dispatch_globals(reactor, 0, "abc", 3, globals, 1), 0);
	assert_int_equal(globals_ran[0], 1);
	for (int i = 0; i < FUSION_REACTOR_GLOBALS - 2; i++)
		assert_int_equal(attach_global(reactor, 5, NULL), 0);
	assert_int_equal(attach_global(reactor, 5, NULL), -ENOSPC);
	assert_int_equal(fusion_free(p), 0);
}

static void options_of_global_reactions_are_checked(void **state)
{
	static const fusion_global_fn globals[] = {global_0};
	struct {
		struct fusion_reactor_global_options known;
		uint64_t later;
	} o = {.known = FUSION_REACTOR_GLOBAL_OPTIONS_INIT};

	(void)state;
	globals_ran[0] = 0;
	/* The default is index 0. */
	assert_int_equal(fusion_reactor_attach_global(reactor, NULL, NULL), 0);
	assert_int_equal(dispatch_globals(reactor, 0, "abc", 3, globals, 1), 0);
	assert_int_equal(globals_ran[0], 1);
	o.known.size = sizeof(o);
	assert_int_equal(fusion_reactor_detach_global(reactor, &o.known, NULL),
			 0);
	o.later = 1;
	assert_int_equal(fusion_reactor_attach_global(reactor, &o.known, NULL),
			 -E2BIG);
	assert_int_equal(fusion_reactor_detach_global(reactor, &o.known, NULL),
			 -E2BIG);
	o.known.size = 8;
	assert_int_equal(fusion_reactor_attach_global(reactor, &o.known, NULL),
			 -EINVAL);
	o.known.size = sizeof(o.known);
	o.known.flags = 1;
	assert_int_equal(fusion_reactor_attach_global(reactor, &o.known, NULL),
			 -EINVAL);
	o.known.flags = 0;
	o.known.index = 65535;
	assert_int_equal(fusion_reactor_attach_global(reactor, &o.known, NULL),
			 -EINVAL);
	o.known.index = 65534;
	assert_int_equal(fusion_reactor_attach_global(reactor, &o.known, NULL),
			 0);
	assert_int_equal(fusion_reactor_detach_global(reactor, &o.known, NULL),
			 0);
	assert_int_equal(fusion_reactor_detach_global(reactor, &o.known, NULL),
			 -ENOENT);
	assert_int_equal(fusion_reactor_detach_global(reactor, NULL, NULL),
			 -ENOENT);
}

/* Another listener, read by hand: it is as slow as the test wants. */
static struct listener slow;

static void take_slow(uint32_t policy, uint32_t limit_ms)
{
	struct cursor_params params = {
		.owner = arena->id,
		.slot = arena->view.slot,
		.policy = policy,
		.limit_ms = limit_ms,
		.mask = UINT64_MAX,
	};

	assert_int_equal(cursor_take(&arena->view, thread_rec_of(arena),
				     rec_of(reactor), &params, &slow),
			 0);
}

static int read_slow(uint32_t *ret)
{
	struct msg_head h;

	return cursor_read(&arena->view, &slow, 0, ret, sizeof(*ret), &h);
}

static struct cursor *slow_cursor(void)
{
	struct cursor *c;
	struct ring r;

	assert_int_equal(cursor_get(&arena->view, &slow, &r, &c), 0);
	return c;
}

/* Row 15. */
static void slow_listener_loses_what_it_cannot_hold_and_counts(void **state)
{
	static const uint32_t policies[] = {POLICY_DROP, POLICY_BLOCK};
	const uint32_t n = 5000;
	static struct heard h;
	struct fusion_reaction *x;
	uint32_t seq = 0, got, had = 0, last = 0;

	(void)state;
	not_direct();
	for (unsigned k = 0; k < 2; k++) {
		memset(&h, 0, sizeof(h));
		x = attach(0, &h);
		take_slow(policies[k], 1);
		had = 0;
		for (seq = 0; seq < n; seq++) {
			assert_int_equal(say(0, &seq, sizeof(seq)), 0);
			/* The quick one gets them all. */
			if (seq % 500 == 0)
				sync_all();
		}
		sync_all();
		assert_int_equal(h.n, n);
		/* What is left is the newest, in order. */
		while (read_slow(&got) == 1) {
			had++;
			assert_true(had == 1 || got == last + 1);
			last = got;
		}
		assert_int_equal(got, n - 1);
		assert_int_equal(had + slow_cursor()->dropped, n);
		assert_true(had >= 800);
		cursor_free(&arena->view, thread_rec_of(arena), &slow);
		assert_int_equal(fusion_reactor_detach(x), 0);
	}
}

static void slow_listener_is_disconnected(void **state)
{
	uint32_t seq = 0, got;
	struct cursor *c;
	struct ring r;

	(void)state;
	take_slow(POLICY_DISCONNECT, 1);
	while (cursor_get(&arena->view, &slow, &r, &c) == 0)
		assert_int_equal(say(0, &seq, sizeof(seq)), 0);
	assert_int_equal(read_slow(&got), -EPIPE);
	cursor_free(&arena->view, thread_rec_of(arena), &slow);
	assert_int_equal(read_slow(&got), -EIDRM);
}

static void who_does_not_wait_is_told(void **state)
{
	uint32_t seq = 0;
	int r;

	(void)state;
	take_slow(POLICY_BLOCK, REACTOR_FOREVER_MS);
	do
		r = dispatch_at(reactor, 0, &seq, sizeof(seq),
				FUSION_REACTOR_NOWAIT);
	while (r == 0 && ++seq);
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(seq, 1024);
	cursor_free(&arena->view, thread_rec_of(arena), &slow);
	assert_int_equal(dispatch_at(reactor, 0, &seq, sizeof(seq),
				     FUSION_REACTOR_NOWAIT),
			 0);
}

/* Room for less than half a ring is what one would rather have, and no reason
 * to give up on anybody. */
static void who_leaves_room_is_not_given_up_on(void **state)
{
	static const struct {
		uint32_t policy, limit_ms;
		bool impatient;
	} ways[] = {
		{POLICY_DISCONNECT, 0, false},
		{POLICY_DISCONNECT, 1, false},
		{POLICY_BLOCK, 0, false},
		{POLICY_BLOCK, REACTOR_FOREVER_MS, true},
	};
	uint32_t seq = 0, got;
	struct reactor_send send = {
		.head = {.size = sizeof(seq)},
		.data = &seq,
	};

	(void)state;
	for (unsigned k = 0; k < 4; k++) {
		struct thread_rec *me = thread_rec_of(arena);

		take_slow(ways[k].policy, ways[k].limit_ms);
		send.impatient = ways[k].impatient ? arena->id : 0;
		for (seq = 0; seq < 2000; seq++) {
			assert_int_equal(reactor_dispatch(&arena->view, me,
							  rec_of(reactor),
							  &send),
					 0);
			if (seq < 1000)
				continue;
			assert_int_equal(read_slow(&got), 1);
			assert_int_equal(got, seq - 1000);
		}
		assert_int_equal(CURSOR_STATE(slow_cursor()->st), CURSOR_LIVE);
		assert_int_equal(slow_cursor()->dropped, 0);
		/* And it is when it leaves none. */
		for (; seq < 2100; seq++)
			assert_int_equal(reactor_dispatch(&arena->view, me,
							  rec_of(reactor),
							  &send),
					 0);
		got = 0;
		assert_int_equal(read_slow(&got),
				 ways[k].policy == POLICY_BLOCK ? 1 : -EPIPE);
		assert_true(got != 1000);
		cursor_free(&arena->view, me, &slow);
	}
}

/* One bell for who rests, however much comes; none for who is at it. */
static void a_burst_rings_once(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *me = thread_rec_of(arena);
	uint32_t seq = 0, got;
	struct ring queue;

	(void)state;
	assert_int_equal(message_queue(v, me, v->slot, arena->id, &queue), 0);
	take_slow(POLICY_BLOCK, REACTOR_FOREVER_MS);
	for (uint32_t bursts = 0; bursts < 3; bursts++) {
		for (int i = 0; i < 100; i++)
			assert_int_equal(fusion_reactor_dispatch(reactor, NULL,
								 &seq,
								 sizeof(seq)),
					 0);
		assert_int_equal(ring_pending(&queue), bursts);
		while (read_slow(&got) == 1)
			;
		assert_true(cursor_rest(v, me, &slow));
		assert_int_equal(fusion_reactor_dispatch(reactor, NULL, &seq,
							 sizeof(seq)),
				 0);
		assert_int_equal(ring_pending(&queue), bursts + 1);
	}
}

/* As the daemon does it: it waits for the bell, and not for ever. */
static void who_must_not_sleep_is_rung_for(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *me = thread_rec_of(arena);
	uint32_t seq = 0, bell, got;
	int64_t nap = 0;
	struct reactor_send send = {
		.head = {.size = sizeof(seq)},
		.data = &seq,
		.nowait = true,
		.ret_nap_ns = &nap,
	};
	const struct cursor_params drops = {
		.owner = arena->id,
		.slot = arena->view.slot,
		.policy = POLICY_DROP,
	};
	struct listener other;
	struct cursor *c;
	struct ring r;
	uint64_t was;
	int e;

	(void)state;
	take_slow(POLICY_BLOCK, REACTOR_FOREVER_MS);
	while ((e = reactor_dispatch(v, me, rec_of(reactor), &send)) == 0)
		;
	assert_int_equal(e, -EAGAIN);
	assert_true(nap > 0);
	bell = load_acquire(&v->sb->visitor_bell);
	/* Who is not waited for makes no room. */
	assert_int_equal(cursor_take(v, me, rec_of(reactor), &drops, &other),
			 0);
	assert_true(cursor_rest(v, me, &other));
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell);
	/* Who reads on says so half way, and has not to rest for that. */
	assert_int_equal(cursor_get(v, &slow, &r, &c), 0);
	for (uint64_t end = c->pos + r.cells / 2; c->pos < end;) {
		assert_int_equal(load_acquire(&v->sb->visitor_bell), bell);
		assert_int_equal(read_slow(&got), 1);
	}
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell + 1);
	while (read_slow(&got) == 1)
		;
	assert_true(cursor_rest(v, me, &slow));
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell + 1);
	assert_int_equal(cursor_check(v, &slow), 0);
	while (reactor_dispatch(v, me, rec_of(reactor), &send) == 0)
		;
	/* A message, or a listener, that cannot be. */
	assert_int_equal(cursor_get(v, &slow, &r, &c), 0);
	was = r.hdr[100];
	r.hdr[100] = ~was;
	assert_int_equal(reactor_dispatch(v, me, rec_of(reactor), &send), -EIO);
	assert_int_equal(cursor_check(v, &slow), -EIO);
	r.hdr[100] = was;
	assert_int_equal(reactor_dispatch(v, me, rec_of(reactor), &send),
			 -EAGAIN);
	assert_int_equal(cursor_check(v, &slow), 0);
	c->pos += UINT64_MAX / 2;
	assert_int_equal(cursor_check(v, &slow), -EIO);
}

static void done_comes_when_all_have_it(void **state)
{
	static struct heard h;
	struct fusion_slot *slot;
	uint32_t got;

	(void)state;
	memset(&h, 0, sizeof(h));
	take_slow(POLICY_BLOCK, REACTOR_FOREVER_MS);
	assert_int_equal(fusion_reactor_on_done(reactor, hear, &h, NULL, &slot),
			 0);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(
			fusion_reactor_dispatch(
				reactor,
				&(const struct fusion_reactor_dispatch_options){
					.size = sizeof(
						struct
						fusion_reactor_dispatch_options),
					.channel = i,
				},
				&i, sizeof(i)),
			0);
	sync_all();
	assert_int_equal(h.n, 0);
	for (unsigned i = 1; i <= 5; i++)
		assert_int_equal(read_slow(&got), 1);
	assert_int_equal(read_slow(&got), 1);
	/* It tells when it rests, or somebody looks. */
	while (cursor_rest(&arena->view, thread_rec_of(arena), &slow))
		;
	while (load_acquire(&h.n) < 6)
		sched_yield();
	sync_all();
	assert_int_equal(h.n, 6);
	assert_int_equal(h.channel, 5);
	/* Who goes has processed all. */
	cursor_free(&arena->view, thread_rec_of(arena), &slow);
	while (load_acquire(&h.n) < 10)
		sched_yield();
	sync_all();
	assert_int_equal(h.n, 10);
	assert_int_equal(fusion_slot_cancel(slot), 0);
}

#define AT_ONCE 8
static pthread_barrier_t start;

/* A ring of its own, at the same moment as the others. */
static void *listen_first(void *re)
{
	const struct cursor_params params = {
		.owner = arena->id,
		.slot = arena->view.slot,
		.limit_ms = REACTOR_FOREVER_MS,
		.mask = UINT64_MAX,
	};
	struct thread_rec *me = thread_rec_of(arena);
	struct listener l;
	intptr_t r;

	pthread_barrier_wait(&start);
	r = cursor_take(&arena->view, me, re, &params, &l);
	return (void *)r;
}

static void many_listen_first_at_once(void **state)
{
	const struct fusion_reactor_options o = {.size = sizeof(o),
						 .cells = 64};
	struct fusion_reactor *re[AT_ONCE];
	pthread_t t[AT_ONCE];
	void *r;

	(void)state;
	pthread_barrier_init(&start, NULL, AT_ONCE);
	for (unsigned round = 0; round < 12; round++) {
		for (unsigned i = 0; i < AT_ONCE; i++)
			assert_int_equal(
				fusion_reactor_create(arena, NULL, &o, &re[i]),
				0);
		for (unsigned i = 0; i < AT_ONCE; i++)
			pthread_create(&t[i], NULL, listen_first,
				       rec_of(re[i]));
		for (unsigned i = 0; i < AT_ONCE; i++) {
			pthread_join(t[i], &r);
			assert_int_equal((intptr_t)r, 0);
		}
		/* At first none comes back, so that new ones are made. */
		for (unsigned i = 0; i < AT_ONCE && round >= 10; i++)
			assert_int_equal(fusion_reactor_destroy(re[i]), 0);
	}
	pthread_barrier_destroy(&start);
}

static void destroyed_it_tells_who_listens(void **state)
{
	static struct heard h;
	struct fusion_reactor *again;
	struct fusion_reaction *x;

	(void)state;
	memset(&h, 0, sizeof(h));
	x = attach(0, &h);
	sync_all();
	assert_int_equal(fusion_reactor_destroy(reactor), 0);
	while (!load_acquire(&h.ends))
		sched_yield();
	assert_int_equal(h.ends, 1);
	assert_int_equal(say(0, "", 0), -EIDRM);
	assert_int_equal(fusion_reactor_destroy(reactor), -EIDRM);
	assert_int_equal(fusion_reactor_create(arena, "r", NULL, &again), 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
	assert_int_equal(fusion_reactor_destroy(again), 0);
}

/* A ring that was made too late, for one whose record another has by now. */
static void a_ring_of_another_is_replaced(void **state)
{
	static struct heard h, g;
	struct fusion_reactor *other, *first = reactor;
	struct fusion_reaction *x, *y;

	(void)state;
	memset(&h, 0, sizeof(h));
	memset(&g, 0, sizeof(g));
	not_direct();
	x = attach(0, &h);
	assert_int_equal(fusion_reactor_create(arena, "s", NULL, &other), 0);
	store_release(&rec_of(other)->ring, load_acquire(&rec_of(first)->ring));
	reactor = other;
	assert_int_equal(say(0, "a", 1), 0);
	not_direct();
	y = attach(0, &g);
	assert_int_not_equal(rec_of(other)->ring, rec_of(first)->ring);
	assert_int_equal(say(0, "b", 1), 0);
	sync_all();
	assert_int_equal(load_acquire(&g.n), 1);
	assert_int_equal(load_acquire(&h.n), 0);
	assert_int_equal(fusion_reactor_detach(x), 0);
	assert_int_equal(fusion_reactor_detach(y), 0);
	assert_int_equal(fusion_reactor_destroy(other), 0);
}

/* Killed when it had shut out who listens, and not destroyed it. */
static void half_destroyed_it_is_open_again(void **state)
{
	struct thread_rec dead = {.call.op = CALL_OP_DESTROY};
	static struct heard h;
	struct fusion_reaction *x;

	(void)state;
	dead.call.kind = arena->view.geo.n_rings;
	dead.call.a[0] = rec_of(reactor)->e.id;
	dead.call.a[1] = (uint64_t)table_index(&arena->view, KIND_REACTOR,
					       rec_of(reactor));
	store_release(&rec_of(reactor)->ring, REACTOR_SHUT);
	assert_int_equal(fusion_reactor_attach(reactor, NULL, hear, &h, &x),
			 -EIDRM);
	assert_int_equal(reactor_recover(&arena->view, &dead), 0);
	x = attach(0, &h);
	assert_int_equal(fusion_reactor_detach(x), 0);
}

#define RACES 5000

static uint32_t race, raced; /* atomic */

static void await_race(const uint32_t *n, uint32_t want)
{
	while (load_acquire(n) != want)
		sched_yield();
}

static void *listen_once(void *arg)
{
	static struct heard h;
	struct fusion_reaction *x;
	int r;

	for (uint32_t i = 1; i <= RACES; i++) {
		await_race(&race, i);
		r = fusion_reactor_attach(reactor, NULL, hear, &h, &x);
		assert_true(r == 0 || r == -EIDRM);
		if (r == 0)
			assert_int_equal(fusion_reactor_detach(x), 0);
		store_release(&raced, i);
	}
	return arg;
}

/* Either there is no ring, or it goes: arena_check() looks. */
static void who_listens_first_races_with_its_end(void **state)
{
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, listen_once, NULL), 0);
	for (uint32_t i = 1; i <= RACES; i++) {
		store_release(&race, i);
		/* A little later each time. */
		for (volatile uint32_t spin = i % 1000; spin; spin--)
			;
		assert_int_equal(fusion_reactor_destroy(reactor), 0);
		await_race(&raced, i);
		assert_int_equal(
			fusion_reactor_create(arena, NULL, NULL, &reactor), 0);
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
}

#define SENDERS 3
#define EACH 20000

static struct {
	uint32_t next[SENDERS];
	unsigned wrong;
} order[2];

static enum fusion_reaction_result
check_order(const struct fusion_reactor_message *m, void *ctx)
{
	unsigned k = (unsigned)(uintptr_t)ctx;
	uint32_t seq;

	memcpy(&seq, m->data, sizeof(seq));
	order[k].wrong += seq != order[k].next[m->channel]++;
	return FUSION_REACTION_KEEP;
}

static void *send_many(void *arg)
{
	uint32_t channel = (uint32_t)(uintptr_t)arg;
	char data[300] = "";

	for (uint32_t seq = 0; seq < EACH; seq++) {
		memcpy(data, &seq, sizeof(seq));
		if (say(channel, data, 4 + (seq * (channel + 1)) % 290) < 0)
			return (void *)1;
	}
	return NULL;
}

static void each_senders_order_is_kept(void **state)
{
	const struct fusion_reactor_policy patient = {
		.size = sizeof(patient),
		.kind = FUSION_REACTOR_BLOCK,
		.limit_ns = FUSION_FOREVER,
	};
	struct fusion_reaction *x[2 * SENDERS];
	pthread_t threads[SENDERS];
	void *r;

	(void)state;
	memset(order, 0, sizeof(order));
	not_direct();
	for (unsigned i = 0; i < 2 * SENDERS; i++)
		assert_int_equal(
			attach_at(reactor, i % SENDERS, &patient, check_order,
				  (void *)(uintptr_t)(i / SENDERS), &x[i]),
			0);
	for (uintptr_t i = 0; i < SENDERS; i++)
		assert_int_equal(
			pthread_create(&threads[i], NULL, send_many, (void *)i),
			0);
	for (unsigned i = 0; i < SENDERS; i++) {
		assert_int_equal(pthread_join(threads[i], &r), 0);
		assert_null(r);
	}
	sync_all();
	for (unsigned k = 0; k < 2; k++) {
		assert_int_equal(order[k].wrong, 0);
		for (unsigned i = 0; i < SENDERS; i++)
			assert_int_equal(order[k].next[i], EACH);
	}
	for (unsigned i = 0; i < 2 * SENDERS; i++)
		assert_int_equal(fusion_reactor_detach(x[i]), 0);
}

/* Row 17. */
static void dead_listeners_are_pruned(void **state)
{
	struct view *v = &arena->view;
	struct fusion_reactor_stat stat;
	struct thread_rec *t;
	uint32_t seq = 0;
	struct cursor_params params = {
		.flags = CURSOR_VISITOR,
		.policy = POLICY_BLOCK,
		.limit_ms = REACTOR_FOREVER_MS,
		.mask = UINT64_MAX,
	};

	(void)state;
	assert_int_equal(thread_claim(v, &t), 0);
	assert_int_equal(cursor_take(v, t, rec_of(reactor), &params, &slow), 0);
	assert_int_equal(fusion_reactor_stat(reactor, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.listeners, 1);
	while (dispatch_at(reactor, 0, &seq, sizeof(seq),
			   FUSION_REACTOR_NOWAIT) == 0)
		;
	assert_int_equal(life_lock(v, -1), 0);
	assert_int_equal(recover_thread(v, t), 0);
	life_unlock(v);
	assert_int_equal(fusion_reactor_stat(reactor, &stat, sizeof(stat)), 0);
	assert_int_equal(stat.listeners, 0);
	assert_int_equal(stat.dispatched, 1024);
	assert_int_equal(dispatch_at(reactor, 0, &seq, sizeof(seq),
				     FUSION_REACTOR_NOWAIT),
			 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(wrong_arguments_are_refused),
		TEST(a_reaction_without_a_handle_removes_itself),
		TEST(options_may_be_of_another_version),
		TEST(limit_of_a_policy_is_checked_and_saturates),
		TEST(opened_it_is_found_or_created),
		TEST(all_who_open_a_name_get_one_reactor),
		TEST(it_is_found_by_its_id),
		TEST(numbers_fit_the_callers_struct),
		TEST(options_of_dispatching_are_checked),
		TEST(message_of_any_size_is_heard_or_refused),
		TEST(channels_are_apart),
		TEST(own_ones_run_directly_or_not_at_all),
		TEST(a_reaction_detaches_itself_and_others),
		TEST(a_direct_reaction_detaches_itself_and_others),
		TEST(who_detaches_waits_for_a_running_reaction),
		TEST(a_reaction_is_removed_by_what_it_returns),
		TEST(global_reactions_run_where_it_is_dispatched),
		TEST(options_of_global_reactions_are_checked),
		TEST(slow_listener_loses_what_it_cannot_hold_and_counts),
		TEST(slow_listener_is_disconnected),
		TEST(who_leaves_room_is_not_given_up_on),
		TEST(who_does_not_wait_is_told),
		TEST(who_must_not_sleep_is_rung_for),
		TEST(a_burst_rings_once),
		TEST(done_comes_when_all_have_it),
		TEST(many_listen_first_at_once),
		TEST(destroyed_it_tells_who_listens),
		TEST(a_ring_of_another_is_replaced),
		TEST(half_destroyed_it_is_open_again),
		TEST(who_listens_first_races_with_its_end),
		TEST(each_senders_order_is_kept),
		TEST(dead_listeners_are_pruned),
	};

	return cmocka_run_group_tests_name("reactor", tests, NULL, NULL);
}
