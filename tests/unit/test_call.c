/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls, between this process and a child that owns "server"
 *
 * What the server's handler does is in the low byte of the word.
 */
#include "tests/unit/heap_member.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "docs/migrate-0.1.h"
#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/locks/lend.h"
#include "libfusion/core/locks/skirmish_cond.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/locks/skirmish_recover.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/talk/borrow.h"
#include "libfusion/core/talk/call_chain.h"
#include "libfusion/core/talk/call_recover.h"
#include "libfusion/core/talk/call_request.h"
#include "libfusion/core/talk/call_return.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/call_visit.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/call_answer.h"
#include "libfusion/talk/call_handler.h"
#include "libfusion/talk/dispatch.h"

#define SECOND 1000000000LL

enum what {
	ECHO, /* the bytes, and word + 256 */
	NOTHING,
	FAIL,  /* -ENOENT */
	ERROR, /* -(word >> 8) */
	DIE,
	HANG,  /* until killed */
	DEFER, /* another thread answers */
	DEFER_FOREVER,
	ZEROS,	 /* as many as word >> 8 */
	BACK,	 /* the caller's "back", word - 256 until 0 */
	DESTROY, /* itself, and goes on */
	COUNT,	 /* how many of the next there were */
	TICK,
	GATE,	 /* until the parent writes a byte */
	WHO,	 /* the caller's id */
	LOCK,	 /* "lock", twice, and calls back as BACK does */
	HOLD,	 /* "lock", in the gate */
	HOLD_ON, /* the same, and then in the gate without it */
	KEEP,	 /* "lock", and does not give it back */
	LOCK_AND_DIE,
};

static struct fusion_arena *arena;
static struct fusion_call *server;
static pid_t child;
static int to_child, from_child;

/* --- The child ------------------------------------------------------------ */

static struct {
	struct fusion_arena *arena;
	struct fusion_call *call, *back;
	uint64_t serial;
	uint64_t ticks;
	int in, out;
} me;

static void *answer_later(void *unused)
{
	(void)unused;
	/* Late enough that the handler has returned, now and then. */
	sched_yield();
	fusion_call_return(me.call, me.serial, 77, "later", 6);
	return NULL;
}

static int answer_from_thread(uint64_t serial)
{
	pthread_t thread;

	me.serial = serial;
	if (pthread_create(&thread, NULL, answer_later, NULL) != 0)
		return -EAGAIN;
	pthread_detach(thread);
	return FUSION_CALL_DEFER;
}

static int reply_zeros(const struct fusion_call_request *rq, size_t n)
{
	char *p = calloc(1, n + 1);
	int r = fusion_call_reply(rq, n, p, n);

	free(p);
	return r;
}

static int call_back(const struct fusion_call_request *rq)
{
	uint64_t word = 0;
	char data[200] = "down";
	size_t size = 0;
	int r;

	if (!me.back)
		fusion_call_lookup(me.arena, "back", &me.back);
	r = call_for_bytes(me.back, NULL, rq->word, data,
			   rq->size ? sizeof(data) : 0, &word, data,
			   sizeof(data), &size);
	return r < 0 ? r : fusion_call_reply(rq, word + 1, data, size);
}

/* -1: it does not say. */
static int levels_of(struct fusion_skirmish *lock)
{
	uint64_t levels;

	return fusion_skirmish_lock_count(lock, &levels) ? -1 : (int)levels;
}

static int with_lock(const struct fusion_call_request *rq, uint64_t what)
{
	struct fusion_skirmish *lock;
	int had, r = fusion_skirmish_lookup(me.arena, "lock", &lock);
	char c;

	if (r < 0)
		return r;
	had = levels_of(lock);
	r = fusion_skirmish_prevail_timed(lock, SECOND, 0);
	if (r < 0)
		return r;
	if (what == LOCK_AND_DIE)
		kill(getpid(), SIGKILL);
	if (what == KEEP)
		return 0;
	if (what == HOLD || what == HOLD_ON)
		r = write(me.out, "g", 1) == 1 && read(me.in, &c, 1) == 1
			    ? 0
			    : -EIO;
	else if (fusion_skirmish_swoop(lock) != 0 ||
		 levels_of(lock) != had + 2 ||
		 fusion_skirmish_dismiss(lock) != 0)
		r = -EBADMSG;
	else if (rq->word >> 8)
		r = call_back(rq);
	if (fusion_skirmish_dismiss(lock) != 0 || levels_of(lock) != had)
		return -EBADMSG;
	if (what == HOLD_ON && read(me.in, &c, 1) != 1)
		return -EIO;
	return r;
}

static int serve(const struct fusion_call_request *rq, void *ctx)
{
	char c;

	(void)ctx;
	switch ((enum what)(rq->word & 0xff)) {
	case ECHO:
		return fusion_call_reply(rq, rq->word + 256, rq->data,
					 rq->size);
	case NOTHING:
		return 0;
	case FAIL:
		return -ENOENT;
	case ERROR:
		return -(int)(rq->word >> 8);
	case DIE:
		kill(getpid(), SIGKILL);
		return 0;
	case HANG:
		for (;;)
			pause();
	case DEFER:
		return answer_from_thread(fusion_call_serial(rq));
	case DEFER_FOREVER:
		me.serial = fusion_call_serial(rq);
		return FUSION_CALL_DEFER;
	case ZEROS:
		return reply_zeros(rq, rq->word >> 8);
	case BACK:
		return call_back(rq);
	case DESTROY:
		return fusion_call_destroy(me.call);
	case COUNT:
		return fusion_call_reply(rq, me.ticks, NULL, 0);
	case TICK:
		me.ticks++;
		return 0;
	case GATE:
		return write(me.out, "g", 1) == 1 && read(me.in, &c, 1) == 1
			       ? 0
			       : -EIO;
	case LOCK:
	case HOLD:
	case HOLD_ON:
	case KEEP:
	case LOCK_AND_DIE:
		return with_lock(rq, rq->word & 0xff);
	case WHO:
		return fusion_call_reply(rq, rq->caller, NULL, 0);
	}
	return -EINVAL;
}

static int create_call(struct fusion_arena *a, const char *name,
		       fusion_call_fn fn, void *ctx, struct fusion_call **ret)
{
	struct fusion_call_options o = FUSION_CALL_OPTIONS_INIT;

	o.fn = fn;
	o.ctx = ctx;
	return fusion_call_create(a, name, &o, ret);
}

static void run_child(int fd)
{
	char c = 'r';

	me.arena = image_enter(fd);
	if (create_call(me.arena, "server", serve, NULL, &me.call) < 0 ||
	    write(me.out, &c, 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void kill_child(void)
{
	int status;

	if (!child)
		return;
	kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	child = 0;
}

static int set_up(void **state)
{
	int down[2], up[2];
	char c;

	(void)state;
	arena = image_enter(image_create(64ull << 20, 0));
	assert_int_equal(pipe(down), 0);
	assert_int_equal(pipe(up), 0);
	child = fork();
	if (!child) {
		me.in = down[0];
		me.out = up[1];
		close(down[1]);
		close(up[0]);
		run_child(image_reopen(arena));
	}
	close(down[0]);
	close(up[1]);
	to_child = down[1];
	from_child = up[0];
	assert_int_equal(read(from_child, &c, 1), 1);
	assert_int_equal(fusion_call_lookup(arena, "server", &server), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct fusion_heap_stat stats;

	(void)state;
	kill_child();
	life_sweep(&arena->view);
	dispatch_stop(arena);
	calls_stop(arena);
	assert_int_equal(fusion_heap_stat(arena, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.blocks, 0);
	assert_int_equal(arena_check(&arena->view, print_fault, NULL), 0);
	image_leave(arena);
	close(to_child);
	close(from_child);
	return 0;
}

/* @timeout_ns 0: does not wait. */
static int execute(unsigned flags, int64_t timeout_ns, uint64_t word,
		   uint64_t *ret)
{
	const struct fusion_call_execute_options o = {sizeof(o), flags, 0,
						      timeout_ns ?: 1};

	return call_for_bytes(server, &o, word, NULL, 0, ret, NULL, 0, NULL);
}

/* --- What goes there and comes back --------------------------------------- */

static void word_goes_there_and_back(void **state)
{
	uint64_t word;

	(void)state;
	for (uint64_t i = 0; i < 1000; i++) {
		assert_int_equal(call_for_word(server, i << 8, &word), 0);
		assert_int_equal(word, (i + 1) << 8);
	}
	assert_int_equal(call_for_word(server, WHO, &word), 0);
	assert_int_equal(word, arena->id);
}

static void bytes_of_any_size_go_there_and_back(void **state)
{
	static unsigned char in[300000], out[sizeof(in)];
	uint64_t word;
	size_t size, got;

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (unsigned char)(i * 7 + i / 251);
	for (size = 0; size <= sizeof(in); size += size < 1200 ? 1 : size / 3) {
		memset(out, 0, size);
		assert_int_equal(call_for_bytes(server, NULL, ECHO, in, size,
						&word, out, sizeof(out), &got),
				 0);
		assert_int_equal(got, size);
		assert_memory_equal(in, out, size);
	}
}

/* Row 8. */
static void answer_without_room_gets_memory(void **state)
{
	struct fusion_call_answer a = FUSION_CALL_ANSWER_INIT;
	char out[5000];

	(void)state;
	assert_int_equal(fusion_call_execute(server, NULL, 4000ull << 8 | ZEROS,
					     NULL, 0, &a),
			 0);
	assert_int_equal(a.status, 0);
	assert_int_equal(a.word, 4000);
	assert_int_equal(a.length, 4000);
	assert_int_equal(a.capacity, 0);
	assert_non_null(a.data);
	memset(out, 0, sizeof(out));
	assert_memory_equal(a.data, out, 4000);
	free(a.data);
	/* No bytes, no memory. */
	a.data = NULL;
	assert_int_equal(fusion_call_execute(server, NULL, WHO, NULL, 0, &a),
			 0);
	assert_int_equal(a.word, arena->id);
	assert_int_equal(a.length, 0);
	assert_null(a.data);
	/* Nobody wants it. */
	assert_int_equal(fusion_call_execute(server, NULL, 100 << 8 | ZEROS,
					     NULL, 0, NULL),
			 0);
}

static void answer_larger_than_its_room_is_lost(void **state)
{
	struct fusion_call_answer a = FUSION_CALL_ANSWER_INIT;
	char out[5000];

	(void)state;
	memset(out, 1, sizeof(out));
	a.data = out;
	for (a.capacity = 0; a.capacity < 4000; a.capacity += 3999) {
		a.status = 1;
		a.word = a.length = 1;
		assert_int_equal(fusion_call_execute(server, NULL,
						     4000ull << 8 | ZEROS, NULL,
						     0, &a),
				 -EMSGSIZE);
		assert_int_equal(a.status, 0);
		assert_int_equal(a.word, 4000);
		assert_int_equal(a.length, 4000);
		assert_ptr_equal(a.data, out);
		assert_int_equal(out[0], 1);
	}
	a.capacity = 4000;
	assert_int_equal(fusion_call_execute(server, NULL, 4000ull << 8 | ZEROS,
					     NULL, 0, &a),
			 0);
	assert_int_equal(out[3999], 0);
	assert_int_equal(out[4000], 1);
}

/* Post a request of this thread, and answer it with 4000 bytes. */
static struct execution answered(struct fusion_call_answer *answer)
{
	static const char bytes[4000];
	struct execution x = {
		.cache = tls_cache(arena),
		.arena = arena,
		.v = &arena->view,
		.me = thread_rec_of(arena),
		.rq.call = handle_entry(server),
		.rq.id = ((struct call *)handle_entry(server))->id,
		.answer = answer,
	};

	assert_int_equal(call_begin(x.v, x.me, &x.rq, &x.slot), 0);
	x.serial =
		CALL_SERIAL(call_slot_index(x.v, x.slot), SLOT_SEQ(x.slot->st));
	assert_int_equal(
		fusion_call_return(server, x.serial, 7, bytes, sizeof(bytes)),
		0);
	return x;
}

/* A member scribbles over a slot: what it says is checked first. */
static void spoilt_answer_is_an_error(void **state)
{
	static char out[5000], mine[5000];
	struct fusion_call_answer a = FUSION_CALL_ANSWER_INIT;

	(void)state;
	a.data = out;
	a.capacity = sizeof(out);
	a.word = 1;
	for (unsigned i = 0; i < 10; i++) {
		struct execution x = answered(&a);
		uint64_t block = x.slot->block;
		const uint64_t bad[] = {
			0,
			1,
			block + 1,
			block + 16,
			UINT64_MAX,
			(uintptr_t)mine,
			(uintptr_t)arena->view.base,
			(uintptr_t)x.slot,
		};

		if (i < 8)
			store_release(&x.slot->block, bad[i]);
		else
			store_release(&x.slot->len,
				      i == 8 ? UINT32_MAX : 1u << 20);
		assert_int_equal(call_collect(&x), -EIO);
		assert_int_equal(a.word, 1);
		if (i >= 8)
			continue;
		store_release(&x.slot->block, 0ull);
		fusion_free((void *)(uintptr_t)block);
	}
	for (int i = 0; i < 2; i++) {
		struct execution x = answered(&a);

		assert_int_equal(call_collect(&x), 0);
		assert_int_equal(a.length, 4000);
	}
}

/* Row 9. */
static void empty_answer_is_success(void **state)
{
	uint64_t word = 1;
	size_t size = 1;

	(void)state;
	assert_int_equal(call_for_bytes(server, NULL, NOTHING, "x", 1, &word,
					NULL, 0, &size),
			 0);
	assert_int_equal(word, 0);
	assert_int_equal(size, 0);
	assert_int_equal(call_for_word(server, FAIL, &word), -ENOENT);
}

static int fail_as_asked(const struct fusion_call_request *rq, void *ctx)
{
	uint64_t serial = rq->word >> 63 ? fusion_call_serial(rq) : 0;
	int error = -(int)(rq->word & 0xffff);

	(void)ctx;
	if (!serial)
		return error;
	assert_int_equal(fusion_call_return_error(rq->call, serial, error), 0);
	return FUSION_CALL_DEFER;
}

/* What the handler returns is never taken for what became of the call. */
static void error_of_the_handler_is_the_status(void **state)
{
	const int errors[] = {EHOSTDOWN, ECONNRESET, ETIMEDOUT,	 ECANCELED,
			      EIDRM,	 EMSGSIZE,   EOWNERDEAD, 4095};
	struct fusion_call_answer a = FUSION_CALL_ANSWER_INIT;
	struct fusion_call_execute_options o = FUSION_CALL_EXECUTE_OPTIONS_INIT;
	struct fusion_call_options c = FUSION_CALL_OPTIONS_INIT;
	struct fusion_call *own;

	(void)state;
	c.fn = fail_as_asked;
	assert_int_equal(fusion_call_create(arena, NULL, &c, &own), 0);
	for (unsigned i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
		const uint64_t e = (uint64_t)errors[i];

		for (int how = 0; how < 4; how++) {
			a.word = a.length = 1;
			a.status = 0;
			o.flags = how == 2 ? FUSION_CALL_NODIRECT : 0;
			assert_int_equal(
				fusion_call_execute(how ? own : server, &o,
						    how == 3 ? e | 1ull << 63
						    : how    ? e
							     : e << 8 | ERROR,
						    "bytes", 6, &a),
				0);
			assert_int_equal(a.status, -errors[i]);
			assert_int_equal(a.word, 0);
			assert_int_equal(a.length, 0);
		}
	}
	assert_int_equal(fusion_call_execute(server, NULL, 4096 << 8 | ERROR,
					     NULL, 0, &a),
			 -EBADMSG);
	assert_non_null(strstr(fusion_strerror(-EBADMSG), "of arena"));
	assert_non_null(strstr(fusion_strerror(-EBADMSG), "undefined value"));
	assert_int_equal(fusion_call_destroy(own), 0);
}

static void answer_may_come_later(void **state)
{
	char out[8];
	uint64_t word;
	size_t size;

	(void)state;
	for (int i = 0; i < 200; i++) {
		assert_int_equal(call_for_bytes(server, NULL, DEFER, NULL, 0,
						&word, out, sizeof(out), &size),
				 0);
		assert_int_equal(word, 77);
		assert_int_equal(size, 6);
		assert_string_equal(out, "later");
	}
	assert_int_equal(fusion_call_return(server, 4711, 0, NULL, 0), -EINVAL);
	assert_int_equal(fusion_call_return_error(server, 1ull << 32, 5),
			 -EINVAL);
}

/* --- One's own ------------------------------------------------------------ */

static int mirror(const struct fusion_call_request *rq, void *ctx)
{
	uint64_t *serial = ctx;

	if (rq->word == 1) {
		*serial = fusion_call_serial(rq);
		return FUSION_CALL_DEFER;
	}
	if (rq->word == 2) {
		*serial = fusion_call_serial(rq);
		assert_int_equal(
			fusion_call_return(rq->call, *serial, 5, "now", 4), 0);
		return FUSION_CALL_DEFER;
	}
	if (rq->word == 3)
		return FUSION_CALL_DEFER;
	if (rq->word == 4)
		return -EXDEV;
	return fusion_call_reply(rq, (uint64_t)(uintptr_t)pthread_self(),
				 rq->data, rq->size);
}

static void own_call_runs_at_once(void **state)
{
	const struct fusion_call_execute_options o = {
		sizeof(o), FUSION_CALL_NODIRECT, 0, FUSION_FOREVER};
	const struct fusion_call_execute_options short_o = {sizeof(o), 0, 0,
							    1000000};
	struct fusion_call *own, *other;
	uint64_t word = 0, serial;
	char out[200], in[200] = "in";
	size_t size;

	(void)state;
	assert_int_equal(create_call(arena, "own", mirror, &serial, &own), 0);
	assert_int_equal(create_call(arena, "own", mirror, NULL, &other),
			 -EEXIST);
	assert_int_equal(call_for_word(own, 0, &word), 0);
	assert_true(pthread_equal((pthread_t)word, pthread_self()));
	assert_int_equal(
		call_for_bytes(own, &o, 0, NULL, 0, &word, NULL, 0, NULL), 0);
	assert_false(pthread_equal((pthread_t)word, pthread_self()));
	assert_int_equal(call_for_word(own, 4, &word), -EXDEV);
	assert_int_equal(call_for_bytes(own, NULL, 0, in, sizeof(in), &word,
					out, 10, &size),
			 -EMSGSIZE);
	assert_int_equal(size, sizeof(in));
	assert_int_equal(call_for_bytes(own, &short_o, 1, NULL, 0, &word, out,
					10, &size),
			 -ETIMEDOUT);
	assert_int_equal(fusion_call_return(own, serial, 0, NULL, 0),
			 -ECANCELED);
	assert_int_equal(
		call_for_bytes(own, NULL, 2, NULL, 0, &word, out, 10, &size),
		0);
	assert_int_equal(word, 5);
	assert_string_equal(out, "now");
	/* Nobody can answer that. */
	assert_int_equal(call_for_word(own, 3, &word), -EBADMSG);
	assert_int_equal(fusion_call_destroy(own), 0);
	assert_int_equal(fusion_call_destroy(own), -EIDRM);
	assert_int_equal(call_for_word(own, 0, &word), -EIDRM);
}

/* --- Calls within calls (row 6) ------------------------------------------- */

static int back(const struct fusion_call_request *rq, void *ctx)
{
	uint64_t word = rq->word, ret = 0;
	char data[200];
	size_t size = 0;
	int r = 0;

	(*(unsigned *)ctx)++;
	if (word >> 8)
		r = call_for_bytes(server, NULL, word - 256, rq->data, rq->size,
				   &ret, data, sizeof(data), &size);
	return r < 0 ? r : fusion_call_reply(rq, ret + 1, rq->data, rq->size);
}

static void members_call_each_other_at_any_depth(void **state)
{
	struct fusion_call *call;
	unsigned n = 0;
	uint64_t word;
	char data[200] = "down", out[200];
	size_t size;

	(void)state;
	assert_int_equal(create_call(arena, "back", back, &n, &call), 0);
	for (uint64_t depth = 0; depth < 30; depth++) {
		n = 0;
		assert_int_equal(
			call_for_word(server, depth << 8 | BACK, &word), 0);
		assert_int_equal(word, 2 * (depth + 1));
		assert_int_equal(n, depth + 1);
		assert_int_equal(call_for_bytes(server, NULL, depth << 8 | BACK,
						data, sizeof(data), &word, out,
						sizeof(out), &size),
				 0);
		assert_int_equal(size, sizeof(data));
		assert_string_equal(out, "down");
	}
}

static uint64_t ticks(void);
static void wait_pending(uint32_t n);

/* --- Lending (rows 5 and 6) ----------------------------------------------- */

static struct fusion_skirmish *make_lock(void)
{
	struct fusion_skirmish *lock;

	assert_int_equal(fusion_skirmish_create(arena, "lock", NULL, &lock), 0);
	return lock;
}

/* Another thread cannot have it. */
static void *swoop(void *lock)
{
	return (void *)(intptr_t)fusion_skirmish_swoop(lock);
}

static void assert_taken(struct fusion_skirmish *lock)
{
	pthread_t thread;
	void *r;

	assert_int_equal(pthread_create(&thread, NULL, swoop, lock), 0);
	assert_int_equal(pthread_join(thread, &r), 0);
	assert_int_equal((intptr_t)r, -EBUSY);
}

static int back_with_lock(const struct fusion_call_request *rq, void *ctx)
{
	struct fusion_skirmish *lock = ctx;
	uint64_t ret = 0;
	int r = fusion_skirmish_prevail(lock);

	assert_int_equal(r, 0);
	assert_taken(lock);
	if (rq->word >> 8)
		r = call_for_word(server, rq->word - 256, &ret);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	return r < 0 ? r : fusion_call_reply(rq, ret + 1, NULL, 0);
}

static void lock_is_lent_at_any_depth(void **state)
{
	struct fusion_skirmish *lock = make_lock();
	struct fusion_call *call;
	uint64_t word;

	(void)state;
	assert_int_equal(
		create_call(arena, "back", back_with_lock, lock, &call), 0);
	for (uint64_t depth = 0; depth < 8; depth++) {
		assert_int_equal(fusion_skirmish_prevail(lock), 0);
		assert_int_equal(fusion_skirmish_prevail(lock), 0);
		assert_int_equal(
			call_for_word(server, depth << 8 | LOCK, &word), 0);
		assert_int_equal(levels_of(lock), 2);
		assert_taken(lock);
		assert_int_equal(fusion_skirmish_dismiss(lock), 0);
		assert_int_equal(fusion_skirmish_dismiss(lock), 0);
		assert_int_equal(fusion_skirmish_dismiss(lock), -EPERM);
	}
	/* It comes back, also if the borrower forgets it. */
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(call_for_word(server, KEEP, &word), 0);
	assert_int_equal(call_for_word(server, KEEP, &word), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_swoop(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
}

static void borrower_dies(void **state)
{
	struct fusion_skirmish *lock = make_lock();
	uint64_t word;

	(void)state;
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(call_for_word(server, LOCK_AND_DIE, &word),
			 -ECONNRESET);
	/* What it guards may be half done. */
	assert_int_equal(levels_of(lock), 1);
	assert_int_equal(fusion_skirmish_consistent(lock), 0);
	assert_taken(lock);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_swoop(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	waitpid(child, NULL, 0);
	child = 0;
}

struct lender {
	struct fusion_skirmish *lock;
	pthread_t thread;
	uint32_t ended; /* atomic */
	int result;
};

static void *lend(void *arg)
{
	struct lender *l = arg;

	if (fusion_skirmish_prevail(l->lock) != 0)
		abort();
	/* Until it has borrowed, and is given up. */
	l->result = execute(0, 50000000, HOLD_ON, NULL);
	store_release(&l->ended, 1u);
	fusion_skirmish_dismiss(l->lock);
	return NULL;
}

/* Nobody else calls. */
static void wait_closed(void)
{
	const struct call_slot *s;
	uint64_t seen = 0;
	uint32_t at;

	while (!(seen & SLOT_CLOSED))
		for (at = 0; (s = call_slot_next(&arena->view, &at));
		     sched_yield())
			seen |= load_acquire(&s->st);
}

static void lender_waits_for_who_has_borrowed(void **state)
{
	struct lender l = {.lock = make_lock()};
	char c;

	(void)state;
	assert_int_equal(pthread_create(&l.thread, NULL, lend, &l), 0);
	assert_int_equal(read(from_child, &c, 1), 1);
	wait_closed();
	assert_int_equal(load_acquire(&l.ended), 0);
	assert_int_equal(fusion_skirmish_swoop(l.lock), -EBUSY);
	assert_int_equal(load_acquire(&l.ended), 0);
	assert_int_equal(write(to_child, "x", 1), 1);
	assert_int_equal(pthread_join(l.thread, NULL), 0);
	assert_int_equal(l.result, -ETIMEDOUT);
	assert_int_equal(write(to_child, "x", 1), 1);
	assert_int_equal(fusion_skirmish_swoop(l.lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(l.lock), 0);
}

static void lender_dies(void **state)
{
	struct fusion_skirmish *lock = make_lock();
	pid_t pid = fork();
	int status;
	char c;

	(void)state;
	if (!pid) {
		struct fusion_arena *a = image_enter(image_reopen(arena));

		if (fusion_skirmish_prevail(lock) == 0)
			call_for_word(server, HOLD, NULL);
		(void)a;
		_exit(1);
	}
	assert_int_equal(read(from_child, &c, 1), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(life_sweep(&arena->view), 1);
	/* The borrower has it. */
	assert_int_equal(fusion_skirmish_swoop(lock), -EBUSY);
	assert_int_equal(write(to_child, "x", 1), 1);
	/* It had not been told: who has it next is. */
	assert_int_equal(fusion_skirmish_prevail(lock), -EOWNERDEAD);
	assert_int_equal(fusion_skirmish_consistent(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(fusion_skirmish_prevail(lock), 0);
	assert_int_equal(fusion_skirmish_dismiss(lock), 0);
	assert_int_equal(ticks(), 0);
}

/* --- Lending, step by step: a chain of threads that are records only ------ */

#define CHAIN 6

struct chain {
	struct view *v;
	struct skirmish *lock;
	struct thread_rec *t[CHAIN];
	struct call_slot *s[CHAIN]; /* in which t[i] waits for t[i + 1] */
};

/* The first has the lock.  Recovery finds the first record of those who have
 * borrowed: @upwards, it is that of the one furthest down. */
static void make_chain_of(struct chain *c, bool upwards, uint32_t flags)
{
	struct call_request rq = {.unlimited = true, .flags = flags};
	struct fusion_call *own;

	c->v = &arena->view;
	c->lock = handle_entry(make_lock());
	assert_int_equal(create_call(arena, NULL, mirror, NULL, &own), 0);
	rq.call = handle_entry(own);
	rq.id = rq.call->id;
	for (int i = 0; i < CHAIN; i++)
		assert_int_equal(
			thread_claim(c->v, &c->t[upwards ? CHAIN - 1 - i : i]),
			0);
	assert_int_equal(skirmish_try(c->v, c->t[0], c->lock), 0);
	for (int i = 0; i + 1 < CHAIN; i++) {
		assert_int_equal(call_begin(c->v, c->t[i], &rq, &c->s[i]), 0);
		call_enter(c->t[i + 1],
			   CALL_SERIAL(call_slot_index(c->v, c->s[i]),
				       SLOT_SEQ(c->s[i]->st)));
	}
}

static void make_chain(struct chain *c, bool upwards)
{
	make_chain_of(c, upwards, 0);
}

static void dies(struct chain *c, int i)
{
	assert_int_equal(life_lock(c->v, -1), 0);
	assert_int_equal(recover_thread(c->v, c->t[i]), 0);
	life_unlock(c->v);
	c->t[i] = NULL;
}

static uint32_t owner_of(const struct chain *c)
{
	return SKIRMISH_OWNER(load_relaxed(&c->lock->word));
}

static void end_chain(struct chain *c)
{
	for (int i = CHAIN; i-- > 0;)
		if (c->t[i])
			dies(c, i);
	assert_int_equal(owner_of(c), 0);
	assert_int_equal(call_check(c->v, NULL, NULL), 0);
	assert_int_equal(skirmish_check(c->v, NULL, NULL), 0);
	assert_int_equal(
		fusion_skirmish_destroy(entry_handle(c->lock, c->lock->id)), 0);
}

/* Nobody is left who knows that both have borrowed it but they themselves. */
static void inherit(bool upwards)
{
	struct chain c;
	uint32_t token;

	make_chain(&c, upwards);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	assert_int_equal(skirmish_try(c.v, c.t[3], c.lock), 0);
	dies(&c, 2);
	assert_int_equal(SLOT_STATE(c.s[1]->st), SLOT_FAILED);
	dies(&c, 0);
	assert_int_equal(owner_of(&c),
			 c.t[upwards ? 3 : 1]->token & TOKEN_MASK);
	/* The one above goes on when the one below has given back. */
	assert_int_equal(lend_is_out(c.v, c.t[1], &token), 1);
	assert_int_equal(token, c.t[3]->token & TOKEN_MASK);
	assert_true(skirmish_unlock(c.v, c.t[3], c.lock) >= 0);
	assert_int_equal(lend_is_out(c.v, c.t[1], &token), 0);
	assert_int_equal(owner_of(&c), c.t[1]->token & TOKEN_MASK);
	assert_true(skirmish_unlock(c.v, c.t[1], c.lock) >= 0);
	assert_int_equal(owner_of(&c), 0);
	/* And its death is told. */
	assert_int_equal(skirmish_try(c.v, c.t[3], c.lock), -EOWNERDEAD);
	assert_true(skirmish_unlock(c.v, c.t[3], c.lock) >= 0);
	end_chain(&c);
}

static void inherited_lock_goes_to_the_next_borrower(void **state)
{
	(void)state;
	inherit(false);
	inherit(true);
}

/* Two time-outs that meet. */
static void who_gives_up_waits_for_all_below(void **state)
{
	struct chain c;
	uint32_t token;
	uint64_t st;

	(void)state;
	make_chain(&c, false);
	assert_int_equal(skirmish_try(c.v, c.t[2], c.lock), 0);
	assert_int_equal(lend_close(c.v, c.t[0], c.s[0], &token), 1);
	assert_int_equal(lend_close(c.v, c.t[1], c.s[1], &token), 1);
	/* Through what is closed, as it waits anyway; or from who has it. */
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	assert_true(skirmish_unlock(c.v, c.t[1], c.lock) >= 0);
	assert_int_equal(skirmish_try(c.v, c.t[3], c.lock), 0);
	assert_int_equal(lend_close(c.v, c.t[2], c.s[2], &token), 1);
	assert_int_equal(token, c.t[3]->token & TOKEN_MASK);
	assert_true(skirmish_unlock(c.v, c.t[3], c.lock) >= 0);
	assert_int_equal(lend_close(c.v, c.t[2], c.s[2], &token), 0);
	assert_true(call_withdraw(c.v, c.t[2], c.s[2], &st));
	assert_int_equal(lend_close(c.v, c.t[1], c.s[1], &token), 1);
	assert_true(skirmish_unlock(c.v, c.t[2], c.lock) >= 0);
	assert_int_equal(lend_close(c.v, c.t[1], c.s[1], &token), 0);
	assert_int_equal(lend_close(c.v, c.t[0], c.s[0], &token), 0);
	assert_false(c.s[0]->st & SLOT_LENT);
	assert_int_equal(skirmish_try(c.v, c.t[2], c.lock), -EBUSY);
	end_chain(&c);
}

/* What an upcall forgets is given back, and what was borrowed before is not. */
static void only_what_is_borrowed_since_is_given_back(void **state)
{
	struct lend_mark mark;
	struct chain c;

	(void)state;
	make_chain(&c, false);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	lend_mark(c.v, c.t[1], &mark);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	assert_int_equal(skirmish_levels(c.v, c.t[1], c.lock), 3);
	lend_return(c.v, c.t[1], &mark);
	assert_int_equal(skirmish_levels(c.v, c.t[1], c.lock), 1);
	lend_return(c.v, c.t[1], NULL);
	assert_int_equal(skirmish_levels(c.v, c.t[1], c.lock), 0);
	assert_int_equal(owner_of(&c), c.t[0]->token & TOKEN_MASK);
	end_chain(&c);
}

/* Row 6: all of them at once, and each but the last waits. */
static void lock_is_lent_down_a_chain(void **state)
{
	struct chain c;

	(void)state;
	make_chain(&c, false);
	for (int i = 1; i < CHAIN; i++)
		assert_int_equal(skirmish_try(c.v, c.t[i], c.lock), 0);
	for (int i = CHAIN; i-- > 1;) {
		assert_int_equal(skirmish_levels(c.v, c.t[i], c.lock), 1);
		assert_true(skirmish_unlock(c.v, c.t[i], c.lock) >= 0);
	}
	assert_int_equal(skirmish_try(c.v, c.t[CHAIN - 1], c.lock), 0);
	assert_true(skirmish_unlock(c.v, c.t[CHAIN - 1], c.lock) >= 0);
	assert_int_equal(skirmish_unlock(c.v, c.t[CHAIN - 1], c.lock), -EPERM);
	assert_int_equal(owner_of(&c), c.t[0]->token & TOKEN_MASK);
	end_chain(&c);
}

/* Row 5: it has its answer, and has not gone on with the lock that was lent.
 * @early: who answered still has it. */
static void lender_dies_with_an_answer(bool early)
{
	struct call_slot *s;
	struct chain c;

	make_chain(&c, false);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	if (!early)
		assert_true(skirmish_unlock(c.v, c.t[1], c.lock) >= 0);
	assert_int_equal(
		call_return_begin(c.v, c.t[1], call_executes(c.t[1]), &s), 0);
	call_return_end(c.v, c.t[1], s, SLOT_DONE, 0);
	assert_int_equal(SLOT_STATE(c.s[0]->st), SLOT_DONE);
	assert_true(c.s[0]->st & SLOT_LENT);
	dies(&c, 0);
	if (early) {
		assert_int_equal(owner_of(&c), c.t[1]->token & TOKEN_MASK);
		assert_int_equal(skirmish_try(c.v, c.t[3], c.lock), 0);
		assert_true(skirmish_unlock(c.v, c.t[3], c.lock) >= 0);
		assert_true(skirmish_unlock(c.v, c.t[1], c.lock) >= 0);
	}
	assert_int_equal(owner_of(&c), 0);
	assert_int_equal(skirmish_try(c.v, c.t[3], c.lock), -EOWNERDEAD);
	assert_true(skirmish_unlock(c.v, c.t[3], c.lock) >= 0);
	end_chain(&c);
}

static void lender_dies_before_it_goes_on(void **state)
{
	(void)state;
	lender_dies_with_an_answer(false);
	lender_dies_with_an_answer(true);
}

/* Who made it does not wait: neither lends nor executes what comes back. */
static void nobody_waits_in_a_one_way_slot(void **state)
{
	struct chain c;
	uint64_t st;

	(void)state;
	make_chain_of(&c, false, SLOT_ONEWAY);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), -EBUSY);
	assert_false(c.s[0]->st & SLOT_LENT);
	assert_null(call_waits_above(c.v, c.t[1], 0, &st));
	for (int i = 0; i + 1 < CHAIN; i++)
		call_drop(c.v, c.t[i], c.s[i],
			  SLOT_SEQ(load_relaxed(&c.s[i]->st)));
	end_chain(&c);
}

/* Else each would wait for the other. */
static void who_is_waited_for_may_borrow_more(void **state)
{
	struct skirmish *more[2];
	uint32_t token, more_token;
	struct chain c;
	uint64_t st;

	(void)state;
	make_chain(&c, false);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			skirmish_create(c.v, c.t[0], NULL, 0, 0, &more[i]), 0);
		assert_int_equal(skirmish_try(c.v, c.t[0], more[i]), 0);
	}
	/* The one at the top has given up. */
	assert_int_equal(skirmish_try(c.v, c.t[2], c.lock), 0);
	assert_int_equal(lend_close(c.v, c.t[0], c.s[0], &token), 1);
	assert_int_equal(skirmish_try(c.v, c.t[2], more[0]), 0);
	assert_true(skirmish_unlock(c.v, c.t[2], more[0]) >= 0);
	assert_int_equal(skirmish_try(c.v, c.t[3], more[0]), 0);
	assert_int_equal(lend_close(c.v, c.t[0], c.s[0], &token), 1);
	/* Or has an answer, as the call was destroyed. */
	call_fail_seen(c.v, c.s[0], c.s[0]->st, EIDRM);
	assert_int_equal(skirmish_try(c.v, c.t[3], more[1]), 0);
	assert_int_equal(lend_is_out(c.v, c.t[0], &token), 1);
	for (int i = 0; i < 2; i++)
		assert_true(skirmish_unlock(c.v, c.t[3], more[i]) >= 0);
	assert_true(skirmish_unlock(c.v, c.t[2], c.lock) >= 0);
	/* It goes on: no more. */
	assert_int_equal(lend_is_out(c.v, c.t[0], &more_token), 0);
	assert_int_equal(skirmish_try(c.v, c.t[2], c.lock), -EBUSY);
	assert_int_equal(skirmish_try(c.v, c.t[3], more[0]), -EBUSY);
	st = load_acquire(&c.s[0]->st);
	assert_int_equal(SLOT_STATE(st), SLOT_FAILED);
	end_chain(&c);
	for (int i = 0; i < 2; i++)
		assert_int_equal(skirmish_destroy(c.v, life_rec(c.v), more[i]),
				 0);
}

static struct skirmish *make_again(struct chain *c, const struct skirmish *was)
{
	struct skirmish *s;

	assert_int_equal(skirmish_create(c->v, c->t[0], NULL, 0, 0, &s), 0);
	assert_ptr_equal(s, was);
	return s;
}

/* What was borrowed is gone, and a new one is in its place. */
static void borrowed_lock_is_destroyed(void **state)
{
	struct skirmish *s;
	struct chain c;

	(void)state;
	make_chain(&c, false);
	/* By another. */
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	assert_int_equal(skirmish_destroy(c.v, c.t[0], c.lock), 0);
	assert_int_equal(skirmish_unlock(c.v, c.t[1], c.lock), -EIDRM);
	assert_int_equal(skirmish_unlock(c.v, c.t[1], c.lock), -EIDRM);
	s = make_again(&c, c.lock);
	assert_int_equal(skirmish_try(c.v, c.t[0], s), 0);
	assert_int_equal(skirmish_try(c.v, c.t[1], s), 0);
	assert_int_equal(skirmish_destroy(c.v, c.t[0], s), 0);
	s = make_again(&c, c.lock);
	assert_int_equal(skirmish_levels(c.v, c.t[1], s), 0);
	assert_int_equal(skirmish_try(c.v, c.t[1], s), 0);
	assert_int_equal(owner_of(&c), c.t[1]->token & TOKEN_MASK);
	assert_int_equal(skirmish_try(c.v, c.t[0], s), -EBUSY);
	assert_int_equal(skirmish_unlock(c.v, c.t[1], s), 0);
	assert_int_equal(owner_of(&c), 0);
	/* By the borrower itself. */
	assert_int_equal(skirmish_try(c.v, c.t[0], s), 0);
	assert_int_equal(skirmish_try(c.v, c.t[1], s), 0);
	assert_int_equal(skirmish_destroy(c.v, c.t[1], s), 0);
	s = make_again(&c, c.lock);
	assert_int_equal(skirmish_try(c.v, c.t[1], s), 0);
	assert_int_equal(owner_of(&c), c.t[1]->token & TOKEN_MASK);
	assert_int_equal(skirmish_unlock(c.v, c.t[1], s), 0);
	/* Whoever had it: who dies now has nothing of it. */
	assert_int_equal(skirmish_try(c.v, c.t[0], s), 0);
	assert_int_equal(skirmish_try(c.v, c.t[1], s), 0);
	assert_int_equal(skirmish_destroy(c.v, c.t[0], s), 0);
	s = make_again(&c, c.lock);
	assert_int_equal(skirmish_try(c.v, c.t[3], s), 0);
	dies(&c, 1);
	assert_false(load_relaxed(&s->word) & SKIRMISH_DIED);
	dies(&c, 3);
	assert_int_equal(owner_of(&c), 0);
	end_chain(&c);
}

/* In an upcall, as others have borrowed it, that are to find it so. */
static void lent_lock_is_not_waited_for(void **state)
{
	struct wait over = {.deadline_ns = 0};
	struct chain c;

	(void)state;
	make_chain(&c, false);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	call_enter(c.t[0], CALL_SERIAL(call_slot_index(c.v, c.s[2]),
				       SLOT_SEQ(c.s[2]->st)));
	assert_int_equal(skirmish_wait(c.v, c.t[0], c.lock, &over), -EPERM);
	assert_true(skirmish_unlock(c.v, c.t[1], c.lock) >= 0);
	assert_int_equal(skirmish_wait(c.v, c.t[0], c.lock, &over), -ETIMEDOUT);
	call_enter(c.t[0], 0);
	end_chain(&c);
}

static void thread_borrows_a_few_and_no_more(void **state)
{
	struct skirmish *more[THREAD_LENT];
	struct fusion_skirmish *s;
	struct chain c;

	(void)state;
	make_chain(&c, false);
	assert_int_equal(skirmish_try(c.v, c.t[1], c.lock), 0);
	for (int i = 0; i < THREAD_LENT; i++) {
		assert_int_equal(fusion_skirmish_create(arena, NULL, NULL, &s),
				 0);
		more[i] = handle_entry(s);
		assert_int_equal(skirmish_try(c.v, c.t[0], more[i]), 0);
		assert_int_equal(skirmish_try(c.v, c.t[1], more[i]),
				 i < THREAD_LENT - 1 ? 0 : -ENOLCK);
	}
	/* One given back in the middle makes room for that. */
	assert_true(skirmish_unlock(c.v, c.t[1], more[3]) >= 0);
	assert_int_equal(skirmish_try(c.v, c.t[1], more[THREAD_LENT - 1]), 0);
	assert_int_equal(skirmish_try(c.v, c.t[1], more[3]), -ENOLCK);
	for (int i = 0; i < THREAD_LENT; i++) {
		assert_int_equal(skirmish_levels(c.v, c.t[1], more[i]), i != 3);
		if (i != 3)
			assert_true(skirmish_unlock(c.v, c.t[1], more[i]) >= 0);
		assert_true(skirmish_unlock(c.v, c.t[0], more[i]) >= 0);
		assert_int_equal(fusion_skirmish_destroy(
					 entry_handle(more[i], more[i]->id)),
				 0);
	}
	assert_true(skirmish_unlock(c.v, c.t[1], c.lock) >= 0);
	end_chain(&c);
}

/* --- One-way -------------------------------------------------------------- */

static uint64_t ticks(void)
{
	uint64_t n = 0;

	assert_int_equal(call_for_word(server, COUNT, &n), 0);
	return n;
}

static void one_way_is_executed_once(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 2000; i++) {
		assert_int_equal(execute(FUSION_CALL_ONEWAY, -1, TICK, NULL),
				 0);
		if (i % 100 == 0)
			assert_int_equal(ticks(), i);
	}
}

static int count_back(const struct fusion_call_request *rq, void *ctx)
{
	(void)rq;
	add_relaxed((uint32_t *)ctx, 1);
	return 0;
}

/* With a quota it has a slot; but nobody waits there who could execute it. */
static void one_way_may_call_back(void **state)
{
	int64_t until = clock_monotonic_ns() + 20 * SECOND;
	struct fusion_call_stat stats;
	struct fusion_call *call;
	uint32_t n = 0;

	(void)state;
	assert_int_equal(create_call(arena, "back", count_back, &n, &call), 0);
	assert_int_equal(fusion_call_set_quota(server, FUSION_NONE, 5), -ESRCH);
	assert_int_equal(fusion_call_set_quota(server, FUSION_ALL, 5), 0);
	assert_int_equal(execute(FUSION_CALL_ONEWAY, -1, BACK, NULL), 0);
	while (!load_relaxed(&n) && clock_monotonic_ns() < until)
		sched_yield();
	assert_int_equal(load_relaxed(&n), 1);
	/* And the one that made it goes on. */
	while (fusion_call_stat(server, &stats, sizeof(stats)) == 0 &&
	       !stats.executed)
		sched_yield();
	assert_int_equal(stats.failed, 0);
}

/* Row 21. */
static void lone_queued_call_is_delivered(void **state)
{
	struct fusion_call_stat before, stats;

	(void)state;
	for (int i = 0; i < 20; i++) {
		assert_int_equal(
			fusion_call_stat(server, &before, sizeof(before)), 0);
		assert_int_equal(execute(FUSION_CALL_ONEWAY | FUSION_CALL_QUEUE,
					 FUSION_FOREVER, TICK, NULL),
				 0);
		do
			assert_int_equal(
				fusion_call_stat(server, &stats, sizeof(stats)),
				0);
		while (stats.executed == before.executed);
	}
	assert_int_equal(execute(FUSION_CALL_QUEUE, 0, TICK, NULL), -EINVAL);
}

/* --- How it ends otherwise ------------------------------------------------ */

/* Give a call up whose handler has begun, and stays in the gate. */
static void give_up_in_the_gate(void)
{
	struct pollfd p = {.fd = from_child, .events = POLLIN};
	int64_t timeout_ns = 1000000;
	char c;

	do {
		assert_int_equal(execute(0, timeout_ns, GATE, NULL),
				 -ETIMEDOUT);
		timeout_ns *= 2;
	} while (poll(&p, 1, 0) == 0);
	assert_int_equal(read(from_child, &c, 1), 1);
}

static void late_answer_is_dropped(void **state)
{
	(void)state;
	for (int i = 0; i < 5; i++) {
		give_up_in_the_gate();
		/* Given up before they are begun. */
		assert_int_equal(execute(0, 1000000, TICK, NULL), -ETIMEDOUT);
		assert_int_equal(execute(FUSION_CALL_NOWAIT, 0, TICK, NULL),
				 -ETIMEDOUT);
		assert_int_equal(write(to_child, "x", 1), 1);
		assert_int_equal(ticks(), 0);
	}
}

struct caller {
	pthread_t thread;
	uint64_t what;
	int result;
};

static void *run_caller(void *arg)
{
	struct caller *c = arg;
	uint64_t word;

	c->result = call_for_word(server, c->what, &word);
	return NULL;
}

static void start(struct caller *c, uint64_t what)
{
	c->what = what;
	assert_int_equal(pthread_create(&c->thread, NULL, run_caller, c), 0);
}

static int end(struct caller *c)
{
	assert_int_equal(pthread_join(c->thread, NULL), 0);
	return c->result;
}

static void wait_pending(uint32_t n)
{
	struct fusion_call_stat stats;

	do
		assert_int_equal(
			fusion_call_stat(server, &stats, sizeof(stats)), 0);
	while (stats.pending != n);
}

/* Until the handlers of @n pending calls have begun. */
static void wait_begun(unsigned n)
{
	const struct call_slot *s;
	unsigned begun = 0;

	while (begun != n) {
		uint32_t at = 0;

		sched_yield();
		for (begun = 0; (s = call_slot_next(&arena->view, &at));) {
			uint64_t st = load_acquire(&s->st);

			begun += SLOT_STATE(st) == SLOT_POSTED &&
				 call_gone_error(&arena->view, s, st) ==
					 ECONNRESET;
		}
	}
}

static void cancelled_call_ends(void **state)
{
	struct caller a, b;

	(void)state;
	start(&a, DEFER_FOREVER);
	start(&b, DEFER_FOREVER);
	wait_pending(2);
	assert_int_equal(fusion_call_cancel(server), 2);
	assert_int_equal(end(&a), -ECANCELED);
	assert_int_equal(end(&b), -ECANCELED);
	assert_int_equal(fusion_call_cancel(server), 0);
}

/* Nobody waits for it, be it counted or not. */
static void cancelling_leaves_one_way_calls(void **state)
{
	char c;

	(void)state;
	assert_int_equal(execute(FUSION_CALL_ONEWAY, 0, GATE, NULL), 0);
	assert_int_equal(read(from_child, &c, 1), 1);
	assert_int_equal(execute(FUSION_CALL_ONEWAY, 0, TICK, NULL), 0);
	assert_int_equal(fusion_call_set_quota(server, FUSION_ALL, 9), 0);
	assert_int_equal(execute(FUSION_CALL_ONEWAY, 0, TICK, NULL), 0);
	assert_int_equal(fusion_call_cancel(server), 0);
	assert_int_equal(write(to_child, "x", 1), 1);
	assert_int_equal(ticks(), 2);
}

static void destroyed_call_ends(void **state)
{
	struct caller a;
	uint64_t word;

	(void)state;
	start(&a, DEFER_FOREVER);
	wait_pending(1);
	assert_int_equal(fusion_call_destroy(server), 0);
	assert_int_equal(end(&a), -EIDRM);
	assert_int_equal(call_for_word(server, 0, &word), -EIDRM);
}

static void handler_may_destroy_its_call(void **state)
{
	uint64_t word;

	(void)state;
	assert_int_equal(call_for_word(server, DESTROY, &word), -EIDRM);
}

/* Row 7. */
static void dead_owner_is_said_at_once(void **state)
{
	struct fusion_call *again;
	struct caller a, b, c;
	uint64_t word;

	(void)state;
	start(&a, DEFER_FOREVER);
	wait_pending(1);
	start(&b, HANG);
	wait_pending(2);
	/* It waits in the queue, as the dispatcher hangs. */
	start(&c, ECHO);
	wait_pending(3);
	wait_begun(2);
	kill_child();
	assert_int_equal(end(&a), -ECONNRESET);
	assert_int_equal(end(&b), -ECONNRESET);
	assert_int_equal(end(&c), -EHOSTDOWN);
	assert_int_equal(call_for_word(server, 0, &word), -EHOSTDOWN);
	assert_non_null(strstr(fusion_strerror(-EHOSTDOWN), "not executed"));
	assert_int_equal(execute(FUSION_CALL_ONEWAY, 0, TICK, NULL),
			 -EHOSTDOWN);
	/* Its name is free. */
	assert_int_equal(create_call(arena, "server", mirror, NULL, &again), 0);
	assert_int_equal(call_for_word(again, 0, &word), 0);
}

static void owner_dies_over_it(void **state)
{
	uint64_t word;

	(void)state;
	assert_int_equal(call_for_word(server, DIE, &word), -ECONNRESET);
	assert_non_null(
		strstr(fusion_strerror(-ECONNRESET), "may have executed"));
	waitpid(child, NULL, 0);
	child = 0;
}

/* A thread of the owner that ends without a word, in a handler. */
static void dead_thread_of_the_owner_is_said(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *t, *caller;
	struct call_slot *s, *kept;
	struct fusion_call *own;
	struct call_request rq = {0};
	uint64_t serial;

	(void)state;
	assert_int_equal(create_call(arena, NULL, mirror, NULL, &own), 0);
	rq.call = handle_entry(own);
	rq.id = rq.call->id;
	assert_int_equal(thread_claim(v, &t), 0);
	assert_int_equal(thread_claim(v, &caller), 0);
	assert_int_equal(call_begin(v, caller, &rq, &s), 0);
	serial = CALL_SERIAL(call_slot_index(v, s), SLOT_SEQ(s->st));
	assert_int_equal(call_enter(t, serial), 0);
	/* It has called on, in there. */
	assert_int_equal(call_begin(v, t, &rq, &kept), 0);
	assert_int_equal(call_enter(t, 0), serial);
	assert_int_equal(life_lock(v, -1), 0);
	assert_int_equal(recover_thread(v, t), 0);
	life_unlock(v);
	assert_int_equal(SLOT_STATE(s->st), SLOT_FAILED);
	assert_int_equal(SLOT_EXTRA(s->st), ECONNRESET);
	assert_int_equal(SLOT_STATE(kept->st), SLOT_IDLE);
	call_slot_free(v, caller, s);

	/* And one that dies while it returns. */
	assert_int_equal(thread_claim(v, &t), 0);
	assert_int_equal(call_begin(v, caller, &rq, &s), 0);
	serial = CALL_SERIAL(call_slot_index(v, s), SLOT_SEQ(s->st));
	assert_int_equal(call_return_begin(v, t, serial, &kept), 0);
	assert_ptr_equal(kept, s);
	assert_int_equal(fusion_malloc_to(arena, 3000, (void **)&s->block), 0);
	assert_int_equal(life_lock(v, -1), 0);
	assert_int_equal(recover_thread(v, t), 0);
	life_unlock(v);
	assert_int_equal(SLOT_STATE(s->st), SLOT_FAILED);
	assert_int_equal(s->block, 0);
	call_slot_free(v, caller, s);

	/* And the caller, meanwhile. */
	assert_int_equal(thread_claim(v, &t), 0);
	assert_int_equal(call_begin(v, caller, &rq, &s), 0);
	serial = CALL_SERIAL(call_slot_index(v, s), SLOT_SEQ(s->st));
	assert_int_equal(call_return_begin(v, t, serial, &kept), 0);
	assert_int_equal(fusion_malloc_to(arena, 3000, (void **)&s->block), 0);
	assert_int_equal(life_lock(v, -1), 0);
	assert_int_equal(recover_thread(v, caller), 0);
	life_unlock(v);
	assert_int_equal(SLOT_STATE(s->st), SLOT_RETURNING);
	call_return_end(v, t, s, SLOT_DONE, 0);
	assert_int_equal(SLOT_STATE(s->st), SLOT_IDLE);
	assert_int_equal(s->block, 0);
	thread_release(v, t);
}

/* The end of the call frees a one-way slot, and another thread may have it. */
static void one_way_slot_of_another_is_not_dropped(void **state)
{
	struct call *c = handle_entry(server);
	const struct call_request rq = {
		.call = c, .id = c->id, .caller = 1, .flags = SLOT_ONEWAY};
	struct call_slot *s, *again;
	struct view *v = &arena->view;
	struct thread_rec *t[2];
	uint32_t seq;

	(void)state;
	for (int i = 0; i < 2; i++)
		assert_int_equal(thread_claim(v, &t[i]), 0);
	assert_int_equal(call_begin(v, t[0], &rq, &s), 0);
	seq = SLOT_SEQ(s->st);
	assert_int_equal(call_fail_all(v, c, c->id, CALL_ANYBODY, EIDRM), 1);
	assert_int_equal(call_begin(v, t[1], &rq, &again), 0);
	assert_ptr_equal(again, s);
	call_drop(v, t[0], s, seq);
	assert_int_equal(SLOT_STATE(s->st), SLOT_POSTED);
	call_drop(v, t[1], s, SLOT_SEQ(s->st));
	assert_int_equal(SLOT_STATE(s->st), SLOT_IDLE);
	assert_int_equal(s->owner, 0);
	for (int i = 0; i < 2; i++)
		thread_release(v, t[i]);
}

static uint64_t post_own(struct fusion_call *own, struct thread_rec *caller,
			 struct call_slot **ret)
{
	struct call_request rq = {
		.call = handle_entry(own),
		.id = ((struct call *)handle_entry(own))->id,
		.size = 1000,
	};
	struct call_slot *s;

	assert_int_equal(call_begin(&arena->view, caller, &rq, &s), 0);
	store_relaxed(&s->len, 1000u);
	assert_int_equal(fusion_malloc_to(arena, 1000, (void **)&s->block), 0);
	*ret = s;
	return CALL_SERIAL(call_slot_index(&arena->view, s), SLOT_SEQ(s->st));
}

/* A request in a slot, for who waits further up. */
static void spoilt_request_is_an_error(void **state)
{
	struct view *v = &arena->view;
	struct thread_rec *caller;
	struct fusion_call *own;
	struct call_slot *s;
	uint64_t serial;

	(void)state;
	assert_int_equal(create_call(arena, NULL, mirror, NULL, &own), 0);
	assert_int_equal(thread_claim(v, &caller), 0);
	for (int i = 0; i < 4; i++) {
		uint64_t block;

		serial = post_own(own, caller, &s);
		block = s->block;
		if (i == 1)
			store_release(&s->block, block + 16);
		else if (i == 2)
			store_release(&s->block, (uintptr_t)v->base);
		else if (i == 3)
			store_release(&s->len, UINT32_MAX);
		call_run_upcall(arena, serial);
		assert_int_equal(SLOT_STATE(s->st),
				 i ? SLOT_FAILED : SLOT_DONE);
		assert_int_equal(SLOT_EXTRA(s->st), i ? EIO : 0);
		if (i)
			store_release(&s->block, block);
		call_slot_free(v, caller, s);
	}
	thread_release(v, caller);
}

/* --- Quotas (row 10) ------------------------------------------------------ */

static void quota_limits_what_is_pending(void **state)
{
	struct caller c[3];
	uint64_t word;

	(void)state;
	assert_int_equal(fusion_call_set_quota(server, FUSION_ALL, 0), 0);
	assert_int_equal(execute(FUSION_CALL_NOWAIT, -1, ECHO, &word), -EAGAIN);
	assert_int_equal(execute(0, 1000000, ECHO, &word), -ETIMEDOUT);
	assert_int_equal(execute(FUSION_CALL_ONEWAY | FUSION_CALL_NOWAIT, -1,
				 TICK, NULL),
			 -EAGAIN);
	for (uint32_t n = 1; n <= 3; n++) {
		assert_int_equal(fusion_call_set_quota(server, arena->id, n),
				 0);
		for (uint32_t i = 0; i < n; i++)
			start(&c[i], DEFER_FOREVER);
		wait_pending(n);
		assert_int_equal(execute(FUSION_CALL_NOWAIT, -1, ECHO, &word),
				 -EAGAIN);
		/* As soon as one ends. */
		assert_int_equal(fusion_call_cancel(server), (int)n);
		assert_int_equal(execute(0, FUSION_FOREVER, ECHO, &word), 0);
		for (uint32_t i = 0; i < n; i++)
			assert_int_equal(end(&c[i]), -ECANCELED);
	}
	for (int i = 0; i < 100; i++)
		assert_int_equal(execute(FUSION_CALL_ONEWAY, -1, TICK, NULL),
				 0);
	assert_int_equal(ticks(), 100);
	/* Who waits is told of another limit. */
	assert_int_equal(fusion_call_set_quota(server, arena->id, 0), 0);
	start(&c[0], TICK);
	assert_int_equal(
		fusion_call_set_quota(server, arena->id, FUSION_CALL_NO_LIMIT),
		0);
	assert_int_equal(
		fusion_call_set_quota(server, FUSION_ALL, FUSION_CALL_NO_LIMIT),
		0);
	assert_int_equal(end(&c[0]), 0);
	for (uint32_t i = 1; i <= 12; i++)
		assert_int_equal(fusion_call_set_quota(server, i, 5), 0);
	assert_int_equal(fusion_call_set_quota(server, 13, 5), -ENOSPC);
}

/* Of another member's, too: the visitors', say. */
static void full_queue_is_said(void **state)
{
	unsigned n = 0;
	char data[900] = "";
	const struct fusion_call_execute_options o = {
		sizeof(o), FUSION_CALL_ONEWAY | FUSION_CALL_NOWAIT, 0, 1};
	int r;

	(void)state;
	assert_int_equal(execute(FUSION_CALL_ONEWAY, 0, GATE, NULL), 0);
	do
		r = call_for_bytes(server, &o, TICK, data, sizeof(data), NULL,
				   NULL, 0, NULL);
	while (r == 0 && ++n);
	assert_int_equal(r, -EAGAIN);
	assert_int_equal(write(to_child, "x", 1), 1);
	assert_int_equal(ticks(), n);
}

/* --- Visitors ------------------------------------------------------------- */

static void visitor_need_not_sleep(void **state)
{
	static char data[5000], got[5000];
	struct call *c = handle_entry(server);
	struct view *v = &arena->view;
	uint32_t i = call_index(v, c), bell;
	struct call_answer a = {0};
	struct thread_rec *t;
	char gate;
	int r;

	(void)state;
	memset(data, 'v', sizeof(data));
	assert_int_equal(thread_claim(v, &t), 0);
	assert_int_equal(call_poll(v, t, &a), -ENODATA);
	for (uint32_t size = 0; size <= sizeof(data); size += 500) {
		bell = load_acquire(&v->sb->visitor_bell);
		assert_int_equal(call_post(v, t, i, c->id, ECHO, data, size),
				 0);
		assert_int_equal(call_post(v, t, i, c->id, ECHO, data, size),
				 -EBUSY);
		while (load_acquire(&v->sb->visitor_bell) == bell)
			sched_yield();
		assert_int_equal(call_poll(v, t, &a), 0);
		assert_int_equal(a.word, 256);
		assert_int_equal(a.size, size);
		memcpy(got, a.data, size);
		assert_memory_equal(got, data, size);
		call_end(v, t);
	}
	assert_int_equal(call_post(v, t, i, c->id, FAIL, NULL, 0), 0);
	while ((r = call_poll(v, t, &a)) == -EAGAIN)
		sched_yield();
	assert_int_equal(r, 0);
	assert_int_equal(a.status, -ENOENT);
	assert_int_equal(a.size, 0);
	call_end(v, t);
	assert_int_equal(call_poll(v, t, &a), -ENODATA);
	assert_int_equal(call_post(v, t, i, c->id, DEFER_FOREVER, NULL, 0), 0);
	call_end(v, t);
	assert_int_equal(call_post(v, t, i, c->id + 1, FAIL, NULL, 0), -EIDRM);
	assert_int_equal(call_post(v, t, i, c->id, GATE, NULL, 0), 0);
	assert_int_equal(read(from_child, &gate, 1), 1);
	kill_child();
	assert_int_equal(life_sweep(v), 1);
	assert_int_equal(call_poll(v, t, &a), -ECONNRESET);
	assert_int_equal(call_post(v, t, i, c->id, HANG, NULL, 0), -EHOSTDOWN);
	thread_release(v, t);
}

/* A limit for all is used up; then it is lifted. */
static void bell_rings_for_a_quota(void **state)
{
	struct call *c = handle_entry(server);
	struct view *v = &arena->view;
	uint32_t i = call_index(v, c), bell;
	struct thread_rec *t[2];
	struct call_slot *s;

	(void)state;
	for (int k = 0; k < 2; k++)
		assert_int_equal(thread_claim(v, &t[k]), 0);
	assert_int_equal(fusion_call_set_quota(server, FUSION_ALL, 1), 0);
	assert_int_equal(call_post(v, t[0], i, c->id, DEFER_FOREVER, NULL, 0),
			 0);
	assert_int_equal(call_post(v, t[1], i, c->id, NOTHING, NULL, 0),
			 -EAGAIN);
	bell = load_acquire(&v->sb->visitor_bell);
	call_end(v, t[0]);
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell + 1);
	assert_int_equal(fusion_call_set_quota(server, FUSION_ALL, 0), 0);
	assert_int_equal(call_post(v, t[1], i, c->id, NOTHING, NULL, 0),
			 -EAGAIN);
	bell = load_acquire(&v->sb->visitor_bell);
	assert_int_equal(
		fusion_call_set_quota(server, FUSION_ALL, FUSION_CALL_NO_LIMIT),
		0);
	assert_int_equal(load_acquire(&v->sb->visitor_bell), bell + 1);
	/* What is in no state is no reason to wait. */
	assert_int_equal(call_post(v, t[1], i, c->id, DEFER_FOREVER, NULL, 0),
			 0);
	s = call_slot_at(v, thread_slot(v, t[1]));
	store_release(&s->st, SLOT_MAKE(SLOT_SEQ(s->st), 6, SLOT_VISITOR, 0));
	assert_int_equal(call_poll(v, t[1], &(struct call_answer){0}), -EIO);
	store_release(&s->st, 0ull);
	for (int k = 0; k < 2; k++)
		thread_release(v, t[k]);
}

static void statistics_count(void **state)
{
	struct fusion_call_stat stats;
	fusion_id_t owner;
	uint64_t word;

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(call_for_word(server, ECHO, &word), 0);
	assert_int_equal(call_for_word(server, FAIL, &word), -ENOENT);
	assert_int_equal(fusion_call_stat(server, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.executed, 11);
	assert_int_equal(stats.failed, 1);
	assert_int_equal(stats.pending, 0);
	assert_true(stats.mean_ns > 0 && stats.mean_ns <= stats.max_ns);
	assert_int_equal(stats.id, fusion_call_id(server));
	owner = fusion_call_owner(server);
	assert_int_equal(owner, stats.owner);
	assert_int_not_equal(owner, arena->id);
}

static void stat_grows(void **state)
{
	struct {
		struct fusion_call_stat known;
		uint64_t more;
	} later = {.more = 1};
	struct fusion_call_stat stat;

	(void)state;
	assert_int_equal(call_for_word(server, ECHO, NULL), 0);
	assert_int_equal(fusion_call_stat(server, &later.known, sizeof(later)),
			 0);
	assert_int_equal(later.known.executed, 1);
	assert_int_equal(later.more, 0);
	memset(&stat, 0xff, sizeof(stat));
	assert_int_equal(
		fusion_call_stat(server, &stat,
				 offsetof(struct fusion_call_stat, failed)),
		0);
	assert_int_equal(stat.executed, 1);
	assert_int_equal(stat.failed, UINT64_MAX);
	assert_int_equal(fusion_call_stat(server, &stat, 0), -EINVAL);
	assert_int_equal(fusion_call_stat(server, NULL, 8), -EINVAL);
}

/* --- Finding -------------------------------------------------------------- */

static void call_is_found_by_its_id(void **state)
{
	struct fusion_call_options o = FUSION_CALL_OPTIONS_INIT;
	struct fusion_call *own, *found = NULL;
	fusion_id_t id, other;

	(void)state;
	o.fn = mirror;
	assert_int_equal(fusion_call_create(arena, NULL, &o, &own), 0);
	id = fusion_call_id(own);
	assert_int_not_equal(id, 0);
	assert_int_equal(fusion_call_owner(own), arena->id);
	assert_int_equal(fusion_call_get(arena, id, &found), 0);
	assert_ptr_equal(found, own);
	other = fusion_call_id(server);
	assert_int_not_equal(other, id);
	assert_int_equal(fusion_call_get(arena, other, &found), 0);
	assert_ptr_equal(found, server);
	assert_int_equal(fusion_call_destroy(own), 0);
	assert_int_equal(fusion_call_get(arena, id, &found), -ENOENT);
	assert_int_equal(fusion_call_get(arena, 0, &found), -EINVAL);
	assert_int_equal(fusion_call_get(NULL, id, &found), -EINVAL);
	assert_int_equal(fusion_call_id(own), 0);
	assert_int_equal(fusion_call_owner(own), FUSION_NONE);
	assert_int_equal(fusion_call_id(NULL), 0);
	assert_int_equal(fusion_call_owner((void *)&found), FUSION_NONE);
	assert_int_equal(fusion_call_destroy(NULL), 0);
}

struct opener {
	pthread_t thread;
	struct fusion_call *call;
	int result;
};

static void *open_both(void *arg)
{
	struct fusion_call_options options = FUSION_CALL_OPTIONS_INIT;
	struct opener *o = arg;

	options.fn = mirror;
	o->result = fusion_call_open(arena, "both", &options, &o->call);
	return NULL;
}

static void one_of_many_creates_what_they_open(void **state)
{
	struct fusion_call_options options = FUSION_CALL_OPTIONS_INIT;
	struct opener o[8];
	fusion_id_t owner;

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < 8; i++)
			assert_int_equal(pthread_create(&o[i].thread, NULL,
							open_both, &o[i]),
					 0);
		for (int i = 0; i < 8; i++) {
			assert_int_equal(pthread_join(o[i].thread, NULL), 0);
			assert_int_equal(o[i].result, 0);
			assert_ptr_equal(o[i].call, o[0].call);
		}
		assert_int_equal(fusion_call_destroy(o[0].call), 0);
	}
	/* That of another member; and of a dead one. */
	options.fn = mirror;
	assert_int_equal(fusion_call_open(arena, "server", &options, &o->call),
			 0);
	assert_ptr_equal(o->call, server);
	kill_child();
	assert_int_equal(fusion_call_open(arena, "server", &options, &o->call),
			 0);
	owner = fusion_call_owner(o->call);
	assert_int_equal(owner, arena->id);
	assert_int_equal(fusion_call_open(arena, NULL, &options, &o->call),
			 -EINVAL);
	assert_int_equal(fusion_call_open(arena, "a/b", &options, &o->call),
			 -EINVAL);
}

static void *open_late(void *arg)
{
	struct fusion_call *none;

	while (fusion_call_lookup(arena, "both", &none) == -ENOENT &&
	       !load_acquire((uint32_t *)&((struct opener *)arg)->result))
		sched_yield();
	return open_both(arg);
}

static void wait_ends_when_a_call_is_created(void **state)
{
	struct opener o = {.result = 0};
	struct fusion_call *call = NULL;

	(void)state;
	assert_int_equal(fusion_call_wait(arena, "server", 0, 0, &call), 0);
	assert_ptr_equal(call, server);
	assert_int_equal(fusion_call_wait(arena, "both", 0, 0, &call),
			 -ETIMEDOUT);
	assert_int_equal(fusion_call_wait(arena, "both", 1000000,
					  FUSION_WAIT_INTERRUPTIBLE, &call),
			 -ETIMEDOUT);
	assert_int_equal(fusion_call_wait(arena, "both", -2,
					  FUSION_WAIT_INTERRUPTIBLE, &call),
			 -EINVAL);
	assert_int_equal(fusion_call_wait(arena, "a/b", 0, 0, &call), -EINVAL);
	assert_int_equal(fusion_call_wait(arena, "both", 0, 0, NULL), -EINVAL);
	assert_ptr_equal(call, server);
	assert_int_equal(pthread_create(&o.thread, NULL, open_late, &o), 0);
	store_release((uint32_t *)&o.result, 1u);
	assert_int_equal(fusion_call_wait(arena, "both", FUSION_FOREVER,
					  FUSION_WAIT_INTERRUPTIBLE, &call),
			 0);
	assert_int_equal(pthread_join(o.thread, NULL), 0);
	assert_int_equal(o.result, 0);
	assert_ptr_equal(call, o.call);
	/* One whose owner is dead is none. */
	kill_child();
	assert_int_equal(fusion_call_wait(arena, "server", 0, 0, &call),
			 -ETIMEDOUT);
}

/* --- Arguments ------------------------------------------------------------ */

static void options_grow(void **state)
{
	struct {
		struct fusion_call_execute_options known;
		uint64_t more;
	} later = {.known = {.size = sizeof(later)}};
	struct {
		struct fusion_call_options known;
		uint64_t more;
	} create = {.known = {.size = sizeof(create), .fn = mirror}};
	struct {
		struct fusion_call_answer known;
		uint64_t more;
	} answer = {.known = {.size = sizeof(answer)}};
	struct fusion_call *call;

	(void)state;
	assert_int_equal(fusion_call_execute(server, &later.known, ECHO, NULL,
					     0, &answer.known),
			 0);
	assert_int_equal(answer.known.word, 256);
	later.more = 1;
	assert_int_equal(
		fusion_call_execute(server, &later.known, ECHO, NULL, 0, NULL),
		-E2BIG);
	later.known.size = sizeof(later.known) - 1;
	assert_int_equal(
		fusion_call_execute(server, &later.known, ECHO, NULL, 0, NULL),
		-EINVAL);
	answer.more = 1;
	assert_int_equal(
		fusion_call_execute(server, NULL, ECHO, NULL, 0, &answer.known),
		-E2BIG);
	answer.known.size = sizeof(answer.known) - 1;
	assert_int_equal(
		fusion_call_execute(server, NULL, ECHO, NULL, 0, &answer.known),
		-EINVAL);
	answer.known.size = sizeof(answer.known);
	answer.known.capacity = 1;
	assert_int_equal(
		fusion_call_execute(server, NULL, ECHO, NULL, 0, &answer.known),
		-EINVAL);
	assert_int_equal(fusion_call_create(arena, "x", &create.known, &call),
			 0);
	create.more = 1;
	assert_int_equal(fusion_call_create(arena, "y", &create.known, &call),
			 -E2BIG);
	create.known.size = sizeof(create.known);
	create.known.flags = 1;
	assert_int_equal(fusion_call_create(arena, "y", &create.known, &call),
			 -EINVAL);
	create.known.size = 8;
	assert_int_equal(fusion_call_create(arena, "y", &create.known, &call),
			 -EINVAL);
	assert_int_equal(fusion_call_create(arena, "y", NULL, &call), -EINVAL);
}

/* 0 is the default, which has no limit. */
static void time_outs_mean_the_same_everywhere(void **state)
{
	struct fusion_call_execute_options o = FUSION_CALL_EXECUTE_OPTIONS_INIT;
	struct fusion_call_answer a = FUSION_CALL_ANSWER_INIT;

	(void)state;
	assert_int_equal(fusion_call_execute(server, &o, DEFER, NULL, 0, &a),
			 0);
	assert_int_equal(a.word, 77);
	assert_string_equal(a.data, "later");
	free(a.data);
	a.data = NULL;
	o.timeout_ns = FUSION_FOREVER;
	assert_int_equal(fusion_call_execute(server, &o, DEFER, NULL, 0, NULL),
			 0);
	o.timeout_ns = INT64_MAX;
	assert_int_equal(fusion_call_execute(server, &o, DEFER, NULL, 0, NULL),
			 0);
	o.timeout_ns = -2;
	assert_int_equal(fusion_call_execute(server, &o, ECHO, NULL, 0, &a),
			 -EINVAL);
	o.timeout_ns = 0;
	o.reserved = 1;
	assert_int_equal(fusion_call_execute(server, &o, ECHO, NULL, 0, &a),
			 -EINVAL);
	assert_non_null(strstr(fusion_strerror(-EINVAL), "reserved"));
	o.reserved = 0;
	o.timeout_ns = 1;
	assert_int_equal(fusion_call_execute(server, &o, HANG, NULL, 0, &a),
			 -ETIMEDOUT);
}

static void wrong_arguments_are_refused(void **state)
{
	const struct fusion_call_execute_options o = {4, 0, 0, 0};
	struct fusion_call *call;

	(void)state;
	assert_int_equal(create_call(arena, "x", NULL, NULL, &call), -EINVAL);
	assert_int_equal(create_call(arena, "", serve, NULL, &call), -EINVAL);
	assert_int_equal(fusion_call_lookup(arena, "nobody", &call), -ENOENT);
	assert_int_equal(call_for_word(NULL, 0, NULL), -EINVAL);
	assert_int_equal(call_for_word((struct fusion_call *)&o, 0, NULL),
			 -EINVAL);
	assert_int_equal(
		call_for_bytes(server, &o, 0, NULL, 0, NULL, NULL, 0, NULL),
		-EINVAL);
	assert_int_equal(
		call_for_bytes(server, NULL, 0, NULL, 1, NULL, NULL, 0, NULL),
		-EINVAL);
	assert_int_equal(execute(0x100, 0, 0, NULL), -EINVAL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(word_goes_there_and_back),
		TEST(bytes_of_any_size_go_there_and_back),
		TEST(answer_without_room_gets_memory),
		TEST(answer_larger_than_its_room_is_lost),
		TEST(spoilt_answer_is_an_error),
		TEST(empty_answer_is_success),
		TEST(error_of_the_handler_is_the_status),
		TEST(answer_may_come_later),
		TEST(own_call_runs_at_once),
		TEST(members_call_each_other_at_any_depth),
		TEST(lock_is_lent_at_any_depth),
		TEST(borrower_dies),
		TEST(lender_waits_for_who_has_borrowed),
		TEST(lender_dies),
		TEST(inherited_lock_goes_to_the_next_borrower),
		TEST(who_gives_up_waits_for_all_below),
		TEST(only_what_is_borrowed_since_is_given_back),
		TEST(lock_is_lent_down_a_chain),
		TEST(lender_dies_before_it_goes_on),
		TEST(nobody_waits_in_a_one_way_slot),
		TEST(one_way_slot_of_another_is_not_dropped),
		TEST(who_is_waited_for_may_borrow_more),
		TEST(borrowed_lock_is_destroyed),
		TEST(lent_lock_is_not_waited_for),
		TEST(thread_borrows_a_few_and_no_more),
		TEST(one_way_is_executed_once),
		TEST(one_way_may_call_back),
		TEST(lone_queued_call_is_delivered),
		TEST(late_answer_is_dropped),
		TEST(cancelled_call_ends),
		TEST(cancelling_leaves_one_way_calls),
		TEST(destroyed_call_ends),
		TEST(handler_may_destroy_its_call),
		TEST(dead_owner_is_said_at_once),
		TEST(owner_dies_over_it),
		TEST(dead_thread_of_the_owner_is_said),
		TEST(spoilt_request_is_an_error),
		TEST(quota_limits_what_is_pending),
		TEST(full_queue_is_said),
		TEST(visitor_need_not_sleep),
		TEST(bell_rings_for_a_quota),
		TEST(statistics_count),
		TEST(stat_grows),
		TEST(call_is_found_by_its_id),
		TEST(one_of_many_creates_what_they_open),
		TEST(wait_ends_when_a_call_is_created),
		TEST(options_grow),
		TEST(time_outs_mean_the_same_everywhere),
		TEST(wrong_arguments_are_refused),
	};

	return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
