/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A hundred thousand calls while callers and owners are killed
 *
 * Owners hold "server0".. and answer in several ways; callers check every
 * answer.  One of them is killed every few milliseconds and another takes its
 * place.  Locks are lent on the way: nobody may be inside beside another, or
 * not be told of a death.  Each call must end, with the right answer or with an
 * error that says why; at the end nothing may be left in the arena.
 */
#include "tests/unit/heap_member.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#include "docs/migrate-0.1.h"
#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/dispatch.h"

#define CALLS 100000u
#define OWNERS 2
#define CALLERS 3
#define STUCK_NS 20000000000LL
#define KILL_NS 4000000

#define LOCKS 3

/* LEND: with a lock held, which the owner takes, too. */
enum how { ECHO, LATER, BACK, LARGE, LEND, HOWS };

/* What all processes see. */
static struct {
	uint64_t done;	/* calls that have ended */
	uint64_t good;	/* with an answer */
	uint64_t wrong; /* in a way that may not be */
	uint64_t errors[200];
	uint32_t stop;
	/* The same, unless somebody is inside, or has died there. */
	struct {
		uint64_t first, second;
	} guarded[LOCKS];
} * shared;

static struct fusion_arena *parent;
static __thread uint64_t seed;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static void fail_with(const char *what, int r)
{
	fprintf(stderr, "# %s: %d\n", what, r);
	_exit(1);
}

static void fill(unsigned char *p, size_t n, unsigned char first)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(first + i * 3);
}

static bool is_filled(const unsigned char *p, size_t n, unsigned char first)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != (unsigned char)(first + i * 3))
			return false;
	return true;
}

/* --- What is lent --------------------------------------------------------- */

static uint64_t lock_of(uint64_t word)
{
	return (word >> 4) % LOCKS;
}

static struct fusion_skirmish *find_lock(struct fusion_arena *a, uint64_t i)
{
	struct fusion_skirmish *lock;
	char name[20];
	int r;

	snprintf(name, sizeof(name), "lock%u", (unsigned)i);
	r = fusion_skirmish_lookup(a, name, &lock);
	if (r < 0)
		fail_with("lookup", r);
	return lock;
}

/* Inside: was it left whole?  @died: we have been told that it may not be. */
static void look_inside(uint64_t i, bool died)
{
	uint64_t first = load_acquire(&shared->guarded[i].first);

	if (died)
		store_release(&shared->guarded[i].second, first);
	if (load_acquire(&shared->guarded[i].second) == first)
		return;
	fprintf(stderr, "# lock%u: beside another, or not told\n", (unsigned)i);
	add_relaxed(&shared->wrong, 1);
}

static void work_inside(uint64_t i)
{
	uint64_t n = load_relaxed(&shared->guarded[i].first) + 1;

	store_release(&shared->guarded[i].first, n);
	for (int k = 0; k < 200; k++)
		if (load_acquire(&shared->guarded[i].first) != n)
			look_inside(i, false);
	store_release(&shared->guarded[i].second, n);
}

static void go_inside(struct fusion_skirmish *lock, uint64_t i)
{
	int r = fusion_skirmish_prevail(lock);

	if (r < 0 && r != -EOWNERDEAD)
		fail_with("prevail", r);
	if (r == -EOWNERDEAD)
		fusion_skirmish_consistent(lock);
	look_inside(i, r == -EOWNERDEAD);
	work_inside(i);
}

/* --- Owners --------------------------------------------------------------- */

struct later {
	struct fusion_call *call;
	uint64_t serial, word;
	size_t size;
	unsigned char data[4000];
};

static void *answer_later(void *arg)
{
	struct later *l = arg;

	fusion_call_return(l->call, l->serial, l->word, l->data, l->size);
	free(l);
	return NULL;
}

static int defer(const struct fusion_call_request *rq)
{
	struct later *l = malloc(sizeof(*l));
	pthread_t thread;

	if (!l || rq->size > sizeof(l->data))
		abort();
	l->call = rq->call;
	l->serial = fusion_call_serial(rq);
	l->word = rq->word;
	l->size = rq->size;
	memcpy(l->data, rq->data, rq->size);
	if (pthread_create(&thread, NULL, answer_later, l) != 0)
		abort();
	pthread_detach(thread);
	return FUSION_CALL_DEFER;
}

static int serve(const struct fusion_call_request *rq, void *ctx)
{
	unsigned char big[20000];
	struct fusion_skirmish *lock;
	struct fusion_call *back;
	uint64_t word = 0;
	int r;

	(void)ctx;
	switch ((enum how)(rq->word % HOWS)) {
	case LATER:
		return defer(rq);
	case LARGE:
		fill(big, sizeof(big), (unsigned char)(rq->word >> 8));
		return fusion_call_reply(rq, rq->word, big, sizeof(big));
	case BACK:
		memcpy(&back, rq->data, sizeof(back));
		r = call_for_word(back, rq->word, &word);
		if (r < 0)
			return r;
		return fusion_call_reply(rq, word, rq->data, rq->size);
	case LEND:
		lock = find_lock(rq->arena, lock_of(rq->word));
		go_inside(lock, lock_of(rq->word));
		fusion_skirmish_dismiss(lock);
		return fusion_call_reply(rq, rq->word, rq->data, rq->size);
	default:
		return fusion_call_reply(rq, rq->word, rq->data, rq->size);
	}
}

static void own(struct fusion_arena *a, unsigned which)
{
	struct fusion_call *call;
	char name[20];
	int r;

	snprintf(name, sizeof(name), "server%u", which);
	/* Its predecessor may not be buried yet. */
	do
		r = fusion_call_create(
			a, name,
			&(struct fusion_call_options){
				.size = sizeof(struct fusion_call_options),
				.fn = serve},
			&call);
	while (r == -EEXIST);
	if (r < 0)
		fail_with("create", r);
	while (!load_acquire(&shared->stop))
		futex_wait(&shared->stop, 0, -1);
}

/* --- Callers -------------------------------------------------------------- */

static int reply_word(const struct fusion_call_request *rq, void *ctx)
{
	(void)ctx;
	return fusion_call_reply(rq, rq->word, NULL, 0);
}

static void judge(int r, uint64_t word, uint64_t got, const unsigned char *out,
		  size_t size, size_t want, unsigned char first)
{
	if (r == 0 && word == got && size == want &&
	    is_filled(out, size, first))
		add_relaxed(&shared->good, 1);
	else if (r == 0 || (r != -EHOSTDOWN && r != -ECONNRESET &&
			    r != -EIDRM && r != -ETIMEDOUT)) {
		fprintf(stderr, "# call: %d word %llx got %llx size %zu/%zu\n",
			r, (unsigned long long)word, (unsigned long long)got,
			size, want);
		add_relaxed(&shared->wrong, 1);
	}
	if (r < 0 && r > -200)
		add_relaxed(&shared->errors[-r], 1);
	add_relaxed(&shared->done, 1);
}

static void call_once(struct fusion_arena *a, struct fusion_call *call,
		      struct fusion_call *back)
{
	struct fusion_skirmish *lock = NULL;
	unsigned char in[4000], out[20000];
	uint64_t word = next() & 0xffffff, got = 0;
	const struct fusion_call_execute_options o = {
		sizeof(o), 0, 0, next() % 8 ? FUSION_FOREVER : 300000};
	unsigned char first = (unsigned char)(word >> 8);
	size_t n = next() % 8 ? next() % 100 : next() % sizeof(in), size = 0;
	int r;

	fill(in, n, first);
	if (word % HOWS == BACK) {
		n = sizeof(back);
		memcpy(in, &back, n);
	}
	if (word % HOWS == LEND) {
		lock = find_lock(a, lock_of(word));
		go_inside(lock, lock_of(word));
	}
	r = call_for_bytes(call, &o, word, in, n, &got, out, sizeof(out),
			   &size);
	if (lock) {
		/* Who has borrowed it may have died inside. */
		look_inside(lock_of(word),
			    fusion_skirmish_consistent(lock) == 0);
		work_inside(lock_of(word));
		fusion_skirmish_dismiss(lock);
	}
	if (r == 0 && word % HOWS == BACK && size == n &&
	    memcmp(in, out, n) == 0)
		fill(out, n, first);
	judge(r, word, got, out, size, word % HOWS == LARGE ? sizeof(out) : n,
	      first);
}

static void *call_many(void *arg)
{
	struct fusion_arena *a = arg;
	struct fusion_call *call, *back;
	char name[20];
	int r;

	seed = (uint64_t)clock_monotonic_ns() | 1;
	r = fusion_call_create(
		a, NULL,
		&(struct fusion_call_options){
			.size = sizeof(struct fusion_call_options),
			.fn = reply_word},
		&back);
	if (r < 0)
		fail_with("create", r);
	while (!load_acquire(&shared->stop)) {
		snprintf(name, sizeof(name), "server%u",
			 (unsigned)(next() % OWNERS));
		if (fusion_call_lookup(a, name, &call) == 0)
			call_once(a, call, back);
	}
	fusion_call_destroy(back);
	return NULL;
}

static void make_calls(struct fusion_arena *a)
{
	pthread_t second;

	if (pthread_create(&second, NULL, call_many, a) != 0)
		abort();
	call_many(a);
	pthread_join(second, NULL);
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
	if (which < OWNERS)
		own(a, which);
	else
		make_calls(a);
	dispatch_stop(a);
	calls_stop(a);
	image_leave(a);
	_exit(0);
}

static void reap(pid_t pid, int signal)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (signal ? WTERMSIG(status) != signal : status)
		fprintf(stderr, "# status %x\n", (unsigned)status);
	if (signal)
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == signal);
	else
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(life_sweep(&parent->view) >= 0);
}

/* Kill until enough is done, and enough of it was answered: on a busy machine
 * an owner may be missing for long.  False: nothing goes on any more. */
static bool torture(pid_t *pids)
{
	const struct timespec nap = {.tv_nsec = KILL_NS};
	int64_t changed = clock_monotonic_ns();
	uint64_t last = 0, now;

	while ((now = load_relaxed(&shared->done)) < CALLS ||
	       load_relaxed(&shared->good) < CALLS / 2) {
		unsigned i = (unsigned)(next() % (OWNERS + CALLERS));

		nanosleep(&nap, NULL);
		kill(pids[i], SIGKILL);
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

static void make_locks(void)
{
	struct fusion_skirmish *lock;
	char name[20];

	for (unsigned i = 0; i < LOCKS; i++) {
		snprintf(name, sizeof(name), "lock%u", i);
		assert_int_equal(
			fusion_skirmish_create(parent, name, NULL, &lock), 0);
	}
}

static void each_call_ends(void **state)
{
	pid_t pids[OWNERS + CALLERS];
	struct fusion_heap_stat stats;
	bool ended;

	(void)state;
	seed = 4711;
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared, MAP_FAILED);
	parent = image_enter(image_create(64ull << 20, 0));
	make_locks();
	for (unsigned i = 0; i < OWNERS + CALLERS; i++)
		pids[i] = start(i);
	ended = torture(pids);
	/* Callers first, as they wait for the others. */
	store_release(&shared->stop, 1u);
	for (unsigned i = OWNERS; ended && i < OWNERS + CALLERS; i++)
		reap(pids[i], 0);
	futex_wake(&shared->stop, INT32_MAX);
	for (unsigned i = 0; i < (ended ? OWNERS : OWNERS + CALLERS); i++) {
		if (!ended)
			kill(pids[i], SIGKILL);
		reap(pids[i], ended ? 0 : SIGKILL);
	}
	printf("# %llu calls, %llu answered, %llu dead, %llu destroyed, %llu late\n",
	       (unsigned long long)shared->done,
	       (unsigned long long)shared->good,
	       (unsigned long long)(shared->errors[EHOSTDOWN] +
				    shared->errors[ECONNRESET]),
	       (unsigned long long)shared->errors[EIDRM],
	       (unsigned long long)shared->errors[ETIMEDOUT]);
	assert_true(ended);
	assert_int_equal(shared->wrong, 0);
	assert_int_equal(fusion_heap_stat(parent, &stats, sizeof(stats)), 0);
	assert_int_equal(stats.blocks, 0);
	assert_int_equal(arena_check(&parent->view, print_fault, NULL), 0);
	image_leave(parent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_call_ends)};

	return cmocka_run_group_tests_name("calls", tests, NULL, NULL);
}
