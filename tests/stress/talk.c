/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages and reactors while senders and receivers are killed
 *
 * Speakers send numbered messages to each listener and dispatch numbered events
 * to a reactor that all listeners hear; sizes are random, also more than a
 * queue carries itself.  One of them is killed every few milliseconds and
 * another takes its place.  A listener must get from each speaker an unbroken
 * series, with every byte as it was sent; at the end nothing may be left in the
 * arena.
 */
#include "tests/unit/heap_member.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/dispatch.h"
#include "libfusion/talk/reaction.h"

#define GOAL 100000u /* messages, and as many events */
#define LISTENERS 2
#define SPEAKERS 3
#define LIVES 20000 /* of speakers */
#define STUCK_NS 20000000000LL
#define KILL_NS 4000000
#define PATIENCE_NS 50000000

/* What all processes see. */
static struct {
	uint64_t messages, events, wrong, blocks;
	uint32_t lives;
	uint32_t id[LISTENERS]; /* member ids, 0 not there yet */
	uint32_t stop_speaking, stop;
} * shared;

/* What is sent: the head, then bytes that follow from it. */
struct head {
	uint32_t life, seq;
};

static struct fusion_arena *parent;
static uint64_t seed;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static size_t fill(unsigned char *p, struct head h, size_t size)
{
	memcpy(p, &h, sizeof(h));
	for (size_t i = sizeof(h); i < size; i++)
		p[i] = (unsigned char)(h.life + h.seq * 7 + i * 3);
	return size;
}

/* --- Listeners ------------------------------------------------------------ */

/* The next number expected of each life, + 1; 0 none has come. */
static uint32_t messages_of[LIVES], events_of[LIVES];

static void check(const char *what, uint32_t *series, bool from_start,
		  const unsigned char *p, size_t size)
{
	struct head h = {LIVES, 0};

	if (size >= sizeof(h))
		memcpy(&h, p, sizeof(h));
	if (h.life >= LIVES || (series[h.life] ? h.seq != series[h.life]
					       : from_start && h.seq != 0)) {
		fprintf(stderr, "# %s of %u: %u after %u\n", what, h.life,
			h.seq, series[h.life]);
		add_relaxed(&shared->wrong, 1);
		return;
	}
	series[h.life] = h.seq + 1;
	for (size_t i = sizeof(h); i < size; i++) {
		if (p[i] == (unsigned char)(h.life + h.seq * 7 + i * 3))
			continue;
		fprintf(stderr, "# %s %u of %u: byte %zu of %zu\n", what, h.seq,
			h.life, i, size);
		add_relaxed(&shared->wrong, 1);
		return;
	}
}

static void get_message(const struct fusion_message *m, void *ctx)
{
	(void)ctx;
	check("message", messages_of, true, m->data, m->type);
	add_relaxed(&shared->messages, 1);
	add_relaxed(&shared->blocks, m->is_block);
}

static enum fusion_reaction_result
get_event(const struct fusion_reactor_message *m, void *ctx)
{
	(void)ctx;
	if (m->event != FUSION_REACTOR_DATA) {
		fprintf(stderr, "# disconnected\n");
		add_relaxed(&shared->wrong, 1);
		return FUSION_REACTION_KEEP;
	}
	/* It may have begun before we listened. */
	check("event", events_of, false, m->data, m->size);
	add_relaxed(&shared->events, 1);
	return FUSION_REACTION_KEEP;
}

static void listen_to_all(struct fusion_arena *a, unsigned which)
{
	/* Whoever is waited for is there, or dead. */
	const struct fusion_reactor_policy patient = {
		.size = sizeof(patient),
		.limit_ns = FUSION_FOREVER,
	};
	struct fusion_reactor *reactor;
	struct fusion_reaction *x;

	if (fusion_reactor_lookup(a, "r", &reactor) < 0 ||
	    fusion_message_handle(a, FUSION_ANY_TYPE, get_message, NULL, NULL,
				  NULL) < 0 ||
	    fusion_reactor_attach(
		    reactor,
		    &(const struct fusion_reactor_attach_options){
			    .size = sizeof(
				    struct fusion_reactor_attach_options),
			    .channel = 3,
			    .policy = &patient},
		    get_event, NULL, &x) < 0)
		_exit(1);
	store_release(&shared->id[which], a->id);
	while (!load_acquire(&shared->stop))
		futex_wait(&shared->stop, 0, -1);
	if (fusion_arena_sync(a, FUSION_FOREVER, 0) < 0)
		_exit(1);
}

/* --- Speakers ------------------------------------------------------------- */

struct series {
	uint32_t id, seq;
};

/* The type is the size, for a block has more bytes than were asked for. */
static int send(struct fusion_arena *a, uint32_t to, const unsigned char *p,
		size_t size)
{
	void *block;
	int r;

	if (next() % 4)
		return fusion_message_send(a, to, (uint32_t)size, p, size, 0,
					   PATIENCE_NS);
	block = fusion_malloc(a, size);
	if (!block)
		return -ENOMEM;
	memcpy(block, p, size);
	r = fusion_message_send_block(a, to, (uint32_t)size, block, 0,
				      PATIENCE_NS);
	if (r < 0)
		fusion_free(block);
	return r;
}

static void speak_to(struct fusion_arena *a, uint32_t life, struct series *s,
		     uint32_t id)
{
	unsigned char p[3000];
	size_t size = sizeof(struct head) +
		      (next() % 8 ? next() % 100 : next() % 2900);
	int r;

	if (!id)
		return;
	if (s->id != id)
		*s = (struct series){.id = id};
	r = send(a, id, p, fill(p, (struct head){life, s->seq}, size));
	if (r == 0)
		s->seq++;
	else if (r != -ESRCH && r != -ETIMEDOUT) {
		fprintf(stderr, "# send: %d\n", r);
		add_relaxed(&shared->wrong, 1);
	}
}

static void dispatch(struct fusion_reactor *reactor, uint32_t life,
		     uint32_t *seq)
{
	unsigned char p[1000];
	size_t size = sizeof(struct head) +
		      (next() % 8 ? next() % 100 : next() % 900);
	int r;

	fill(p, (struct head){life, *seq}, size);
	r = fusion_reactor_dispatch(
		reactor,
		&(const struct fusion_reactor_dispatch_options){
			.size = sizeof(struct fusion_reactor_dispatch_options),
			.channel = 3,
		},
		p, size);
	if (r == 0)
		++*seq;
	if (r == 0)
		return;
	fprintf(stderr, "# dispatch: %d\n", r);
	add_relaxed(&shared->wrong, 1);
}

static void speak(struct fusion_arena *a)
{
	uint32_t life = add_relaxed(&shared->lives, 1), seq = 0;
	struct series series[LISTENERS] = {{0}};
	struct fusion_reactor *reactor;

	if (life >= LIVES || fusion_reactor_lookup(a, "r", &reactor) < 0)
		_exit(1);
	seed = (uint64_t)clock_monotonic_ns() | 1;
	while (!load_acquire(&shared->stop_speaking)) {
		for (unsigned i = 0; i < LISTENERS; i++)
			speak_to(a, life, &series[i],
				 load_acquire(&shared->id[i]));
		dispatch(reactor, life, &seq);
	}
}

/* --- The supervisor ------------------------------------------------------- */

static pid_t start(unsigned which)
{
	pid_t pid = fork();
	struct fusion_arena *a;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	a = image_enter(image_reopen(parent));
	if (which < LISTENERS)
		listen_to_all(a, which);
	else
		speak(a);
	dispatch_stop(a);
	calls_stop(a);
	reactor_stop(a);
	image_leave(a);
	_exit(0);
}

static void reap(pid_t pid, int signal)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (signal)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signal);
	else
		assert_int_equal(status, 0);
	assert_true(life_sweep(&parent->view) >= 0);
}

static uint64_t progress(void)
{
	uint64_t m = load_relaxed(&shared->messages),
		 e = load_relaxed(&shared->events);

	return m < e ? m : e;
}

/* Kill until enough is done.  False: nothing goes on any more. */
static bool torture(pid_t *pids)
{
	const struct timespec nap = {.tv_nsec = KILL_NS};
	int64_t changed = clock_monotonic_ns();
	uint64_t last = 0, now;

	while ((now = progress()) < GOAL) {
		unsigned i = (unsigned)(next() % (LISTENERS + SPEAKERS));

		nanosleep(&nap, NULL);
		kill(pids[i], SIGKILL);
		if (i < LISTENERS)
			store_release(&shared->id[i], 0u);
		reap(pids[i], SIGKILL);
		pids[i] = start(i);
		if (now != last)
			changed = clock_monotonic_ns();
		else if (clock_monotonic_ns() - changed > STUCK_NS)
			return false;
		last = now;
	}
	return true;
}

static void end(pid_t *pids, bool ended)
{
	store_release(&shared->stop_speaking, 1u);
	for (unsigned i = LISTENERS; ended && i < LISTENERS + SPEAKERS; i++)
		reap(pids[i], 0);
	store_release(&shared->stop, 1u);
	futex_wake(&shared->stop, INT32_MAX);
	for (unsigned i = 0; i < (ended ? LISTENERS : LISTENERS + SPEAKERS);
	     i++) {
		if (!ended)
			kill(pids[i], SIGKILL);
		reap(pids[i], ended ? 0 : SIGKILL);
	}
}

static void series_are_unbroken(void **state)
{
	struct fusion_heap_stat stats;
	pid_t pids[LISTENERS + SPEAKERS];
	struct fusion_reactor *reactor;
	bool ended;

	(void)state;
	seed = 4711;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	parent = image_enter(image_create(64ull << 20, 0));
	assert_int_equal(fusion_reactor_create(parent, "r", NULL, &reactor), 0);
	for (unsigned i = 0; i < LISTENERS + SPEAKERS; i++)
		pids[i] = start(i);
	ended = torture(pids);
	end(pids, ended);
	printf("# %llu messages, %llu of them blocks, %llu events, %u speakers\n",
	       (unsigned long long)shared->messages,
	       (unsigned long long)shared->blocks,
	       (unsigned long long)shared->events, shared->lives);
	assert_true(ended);
	assert_int_equal(shared->wrong, 0);
	assert_int_equal(fusion_heap_stat(parent, &stats, sizeof(stats)), 0);
	/* What a speaker had made and not yet given away. */
	assert_true(stats.blocks <= shared->lives);
	assert_int_equal(arena_check(&parent->view, print_fault, NULL), 0);
	image_leave(parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(series_are_unbroken),
	};

	return cmocka_run_group_tests_name("talk", tests, NULL, NULL);
}
