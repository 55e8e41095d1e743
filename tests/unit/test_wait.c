/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waits: FUSION_WAIT_INTERRUPTIBLE and FUSION_WAIT_UNTIL, of each function
 *
 * A row of the table makes one wait necessary.  A thread waits; this thread
 * sees it asleep, and sends signals to it, or ends the need.  Each test runs
 * for each row.  A waiter looks again only if it is woken (no_naps.h).
 */
#include "tests/unit/member_child.h"
#include "tests/unit/no_naps.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/property_recover.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/names/entries.h"
#include "libfusion/talk/call.h"
#include "libfusion/talk/dispatch.h"

#define SOON_NS 20000000
#define ENDURED 10 /* signals that a wait without the flag endures */

struct row {
	const char *name;
	/* Make the wait necessary. */
	void (*begin)(void);
	/* Wait, on a thread of its own. */
	int (*wait)(int64_t timeout_ns, uint32_t flags);
	/* Has the wait come as far as the test wants?  NULL: it has. */
	bool (*is_far)(void);
	/* Check that a wait that has failed has changed nothing. */
	void (*check)(void);
	/* End the need. */
	void (*let)(void);
	/* Check and undo what is left. */
	void (*end)(void);
	int done; /* what a wait returns whose need has ended */
	int over; /* what a wait returns that is over when it begins */
	int late; /* what a wait returns whose time is over */
	bool manual, no_time;
};

static const struct row *row;
static struct fusion_arena *arena;

/* --- A thread that waits ---------------------------------------------------
 */

static struct {
	pthread_t thread;
	int64_t timeout_ns;
	uint32_t flags;
	uint32_t tid;	   /* atomic */
	uint32_t returned; /* atomic */
	int result;
} waiter;

static uint32_t n_signals; /* atomic: handlers that ran on the waiter */

static void on_signal(int signal)
{
	(void)signal;
	add_relaxed(&n_signals, 1);
}

static void *wait_on_thread(void *arg)
{
	store_release(&waiter.tid, (uint32_t)gettid());
	waiter.result = row->wait(waiter.timeout_ns, waiter.flags);
	store_release(&waiter.returned, 1u);
	return arg;
}

static void start_waiter(int64_t timeout_ns, uint32_t flags)
{
	waiter.timeout_ns = timeout_ns;
	waiter.flags = flags;
	store_relaxed(&waiter.tid, 0);
	store_relaxed(&waiter.returned, 0);
	store_relaxed(&n_signals, 0);
	assert_int_equal(
		pthread_create(&waiter.thread, NULL, wait_on_thread, NULL), 0);
}

static int join_waiter(void)
{
	assert_int_equal(pthread_join(waiter.thread, NULL), 0);
	return waiter.result;
}

static bool is_asleep(void)
{
	char path[64], stat[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%u/stat",
		 load_acquire(&waiter.tid));
	f = fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(stat, sizeof(stat), f))
		stat[0] = '\0';
	fclose(f);
	return strstr(stat, ") S ") != NULL;
}

/* Until the waiter is asleep, as far as the row wants it, or has returned. */
static void await_sleep(void)
{
	while (!load_acquire(&waiter.returned) &&
	       !(load_acquire(&waiter.tid) && (!row->is_far || row->is_far()) &&
		 is_asleep()))
		sched_yield();
}

static void handle_signals(int flags)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = flags};

	assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
}

/* --- What keeps handlers from ending ---------------------------------------
 */

static uint32_t running, may_end; /* atomic */
static unsigned n_handled, n_posted;

static void block(void)
{
	store_release(&running, 1u);
	while (!load_acquire(&may_end))
		futex_wait(&may_end, 0, -1);
}

static void let_handlers_end(void)
{
	store_release(&may_end, 1u);
	futex_wake(&may_end, INT_MAX);
}

static void await_handler(void)
{
	while (!load_acquire(&running))
		sched_yield();
}

static void handle(const struct fusion_message *message, void *ctx)
{
	(void)message;
	(void)ctx;
	n_handled++;
	block();
}

static int post(uint32_t flags, int64_t timeout_ns)
{
	return fusion_message_send(arena, fusion_arena_id(arena), 1, NULL, 0,
				   flags, timeout_ns);
}

static void subscribe(void)
{
	assert_int_equal(
		fusion_message_handle(arena, 1, handle, NULL, NULL, NULL), 0);
}

/* The dispatcher is in a handler. */
static void keep_busy(void)
{
	subscribe();
	assert_int_equal(post(0, 0), 0);
	n_posted = 1;
	await_handler();
}

/* Everything that was sent was handled, and nothing else. */
static void all_is_handled(void)
{
	assert_int_equal(fusion_arena_sync(arena, FUSION_FOREVER, 0), 0);
	assert_int_equal(n_handled, n_posted);
}

/* --- Skirmishes ------------------------------------------------------------
 */

static struct fusion_skirmish *lock;

static const struct skirmish *lock_rec(void)
{
	return handle_entry(lock);
}

static void make_lock(void)
{
	assert_int_equal(fusion_skirmish_create(arena, "s", NULL, &lock), 0);
}

static void lock_here(void)
{
	make_lock();
	assert_int_equal(fusion_skirmish_lock(lock), 0);
}

static int lock_there(int64_t timeout_ns, uint32_t flags)
{
	int r = fusion_skirmish_lock_timed(lock, timeout_ns, flags);

	return r ? r : fusion_skirmish_unlock(lock);
}

static bool has_heir(void)
{
	return SKIRMISH_HEIR(load_relaxed(&lock_rec()->word)) != 0;
}

static void lock_is_here(void)
{
	uint64_t levels = 0;

	assert_int_equal(fusion_skirmish_lock_count(lock, &levels), 0);
	assert_int_equal(levels, 1);
	assert_false(has_heir());
}

static void unlock_here(void)
{
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
}

static void lock_is_free(void)
{
	assert_int_equal(fusion_skirmish_trylock(lock), 0);
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
	assert_int_equal(SKIRMISH_OWNER(load_relaxed(&lock_rec()->word)), 0);
}

static int wait_there(int64_t timeout_ns, uint32_t flags)
{
	uint64_t levels = 0;
	int r = fusion_skirmish_lock(lock);

	if (r == 0)
		r = fusion_skirmish_wait(lock, timeout_ns, flags);
	fusion_skirmish_lock_count(lock, &levels);
	if (levels != 1 || fusion_skirmish_unlock(lock))
		return -EPROTO;
	return r;
}

static void notify(void)
{
	assert_int_equal(fusion_skirmish_lock(lock), 0);
	assert_int_equal(fusion_skirmish_notify(lock, false), 0);
	assert_int_equal(fusion_skirmish_unlock(lock), 0);
}

/* --- Properties ------------------------------------------------------------
 */

static struct fusion_property *property;

static void lease_here(void)
{
	assert_int_equal(fusion_property_create(arena, "p", NULL, &property),
			 0);
	assert_int_equal(fusion_property_lease(property), 0);
}

static int lease_there(int64_t timeout_ns, uint32_t flags)
{
	int r = fusion_property_lease_timed(property, timeout_ns, flags);

	return r ? r : fusion_property_cede(property);
}

static int purchase_there(int64_t timeout_ns, uint32_t flags)
{
	int r = fusion_property_purchase_timed(property, timeout_ns, flags);

	return r ? r : fusion_property_cede(property);
}

static void lease_is_here(void)
{
	struct fusion_property_stat stat;

	assert_int_equal(fusion_property_stat(property, &stat, sizeof(stat)),
			 0);
	assert_int_equal(stat.status, FUSION_PROPERTY_LEASED);
	assert_true(stat.mine);
}

static void cede_here(void)
{
	assert_int_equal(fusion_property_cede(property), 0);
}

static void property_is_free(void)
{
	assert_int_equal(fusion_property_purchase(property), 0);
	assert_int_equal(fusion_property_cede(property), 0);
}

static struct {
	struct view daemon;
	struct thread_rec *rec;
	pid_t pid;
} shell;

/* A shell has the property.  Without the daemon nobody ends its purchase. */
static void purchase_by_shell(void)
{
	assert_int_equal(fusion_property_create(arena, "p", NULL, &property),
			 0);
	shell.pid = fork();
	if (!shell.pid)
		for (;;)
			pause();
	shell.daemon = arena->view;
	shell.daemon.slot = 0;
	view_member(&shell.daemon, 0)->pidns = process_pidns();
	assert_int_equal(thread_claim(&shell.daemon, &shell.rec), 0);
	store_relaxed(&shell.rec->tid, (uint32_t)shell.pid);
	assert_int_equal(property_try(&shell.daemon, shell.rec,
				      handle_entry(property),
				      PROPERTY_PURCHASE),
			 0);
}

static int hold_up(int64_t timeout_ns, uint32_t flags)
{
	return fusion_property_hold_up(property, timeout_ns, flags);
}

static void property_is_purchased(void)
{
	struct fusion_property_stat stat;

	assert_int_equal(fusion_property_stat(property, &stat, sizeof(stat)),
			 0);
	assert_int_equal(stat.status, FUSION_PROPERTY_PURCHASED);
}

static void end_purchase(void)
{
	kill(shell.pid, SIGKILL);
	assert_int_equal(waitpid(shell.pid, NULL, 0), shell.pid);
	assert_int_equal(
		property_recover(&arena->view, shell.rec, thread_rec_of(arena)),
		1);
}

/* --- References ------------------------------------------------------------
 */

static struct fusion_ref *ref;

static void count_up(void)
{
	assert_int_equal(fusion_ref_create(arena, "r", NULL, &ref), 0);
	assert_int_equal(fusion_ref_up(ref), 0);
}

static int lock_at_zero(int64_t timeout_ns, uint32_t flags)
{
	int r = fusion_ref_zero_lock(ref, timeout_ns, flags);

	return r ? r : fusion_ref_unlock(ref);
}

static void ref_is_not_locked(void)
{
	assert_int_equal(fusion_ref_up(ref), 0);
	assert_int_equal(fusion_ref_down(ref), 0);
}

static void count_down(void)
{
	assert_int_equal(fusion_ref_down(ref), 0);
}

/* --- Members ---------------------------------------------------------------
 */

static struct child child;

static void begin_member(void)
{
	child = have_child(arena);
}

static int wait_for_member(int64_t timeout_ns, uint32_t flags)
{
	return fusion_members_wait(arena, child.id, timeout_ns, flags);
}

static int kill_member(int64_t timeout_ns, uint32_t flags)
{
	return fusion_members_kill(arena, child.id, 0, timeout_ns, flags);
}

static void end_member(void)
{
	slay(&child);
	/* As the daemon, or a thread that looks again, finds it. */
	life_sweep(&arena->view);
}

/* --- Messages --------------------------------------------------------------
 */

static void fill_queue(void)
{
	int r;

	keep_busy();
	while ((r = post(0, 0)) == 0)
		n_posted++;
	assert_int_equal(r, -EAGAIN);
}

static int send_bytes(int64_t timeout_ns, uint32_t flags)
{
	int r = post(flags, timeout_ns);

	n_posted += r == 0;
	return r;
}

static int send_or_drop(int64_t timeout_ns, uint32_t flags)
{
	int r = post(flags | FUSION_MESSAGE_DROP, timeout_ns);

	/* Only the wait that the need ends sends something. */
	n_posted += r == 0 && timeout_ns == FUSION_FOREVER;
	return r;
}

static int send_block(int64_t timeout_ns, uint32_t flags)
{
	void *bytes = fusion_malloc(arena, 16);
	int r = fusion_message_send_block(arena, fusion_arena_id(arena), 1,
					  bytes, flags, timeout_ns);

	n_posted += r == 0;
	if (r < 0)
		fusion_free(bytes);
	return r;
}

/* --- The dispatcher --------------------------------------------------------
 */

static int dispatch(int64_t timeout_ns, uint32_t flags)
{
	return fusion_arena_dispatch(arena, timeout_ns, flags);
}

static void post_quickly(void)
{
	let_handlers_end();
	assert_int_equal(post(0, 0), 0);
	n_posted++;
}

static int sync_there(int64_t timeout_ns, uint32_t flags)
{
	return fusion_arena_sync(arena, timeout_ns, flags);
}

static pthread_t other;

static void *dispatch_elsewhere(void *arg)
{
	fusion_arena_dispatch(arena, FUSION_FOREVER, 0);
	return arg;
}

static void keep_busy_by_hand(void)
{
	subscribe();
	assert_int_equal(post(0, 0), 0);
	n_posted = 1;
	assert_int_equal(pthread_create(&other, NULL, dispatch_elsewhere, NULL),
			 0);
	await_handler();
}

static void join_other(void)
{
	assert_int_equal(pthread_join(other, NULL), 0);
}

static void join_and_count(void)
{
	join_other();
	all_is_handled();
}

/* --- Calls -----------------------------------------------------------------
 */

static struct fusion_call *call;

static int handle_call(const struct fusion_call_request *request, void *ctx)
{
	(void)request;
	(void)ctx;
	block();
	return 0;
}

static void create_call(void)
{
	struct fusion_call_options o = {.size = sizeof(o), .fn = handle_call};

	assert_int_equal(fusion_call_create(arena, "c", &o, &call), 0);
}

static int wait_for_call(int64_t timeout_ns, uint32_t flags)
{
	struct fusion_call *found;

	return fusion_call_wait(arena, "c", timeout_ns, flags, &found);
}

static int execute(int64_t timeout_ns, uint32_t flags)
{
	struct fusion_call_execute_options o = {
		.size = sizeof(o),
		.flags = flags | FUSION_CALL_NODIRECT,
		.timeout_ns = timeout_ns,
	};

	return fusion_call_execute(call, &o, 0, NULL, 0, NULL);
}

static void *execute_elsewhere(void *arg)
{
	return execute(0, 0) ? arg : NULL;
}

/* A call is executed, and there may be one only. */
static void use_quota_up(void)
{
	create_call();
	assert_int_equal(fusion_call_set_quota(call, fusion_arena_id(arena), 1),
			 0);
	assert_int_equal(pthread_create(&other, NULL, execute_elsewhere, NULL),
			 0);
	await_handler();
}

static void call_works(void)
{
	assert_int_equal(execute(0, 0), 0);
	assert_int_equal(fusion_call_destroy(call), 0);
}

static void join_and_call(void)
{
	join_other();
	call_works();
}

/* --- Reactors --------------------------------------------------------------
 */

static struct fusion_reactor *reactor;
static struct fusion_reaction *reaction;

static enum fusion_reaction_result
react(const struct fusion_reactor_message *message, void *ctx)
{
	(void)ctx;
	if (message->event != FUSION_REACTOR_DATA)
		return FUSION_REACTION_KEEP;
	n_handled++;
	block();
	return FUSION_REACTION_KEEP;
}

static int dispatch_with(uint32_t flags)
{
	struct fusion_reactor_dispatch_options o =
		FUSION_REACTOR_DISPATCH_OPTIONS_INIT;

	o.flags = FUSION_REACTOR_SELF | flags;
	return fusion_reactor_dispatch(reactor, &o, NULL, 0);
}

static void fill_reactor(void)
{
	struct fusion_reactor_policy policy = FUSION_REACTOR_POLICY_INIT;
	struct fusion_reactor_attach_options o =
		FUSION_REACTOR_ATTACH_OPTIONS_INIT;
	int r;

	policy.limit_ns = FUSION_FOREVER;
	o.policy = &policy;
	assert_int_equal(fusion_reactor_create(arena, "re", NULL, &reactor), 0);
	assert_int_equal(fusion_reactor_set_direct(reactor, false), 0);
	assert_int_equal(
		fusion_reactor_attach(reactor, &o, react, NULL, &reaction), 0);
	assert_int_equal(dispatch_with(0), 0);
	n_posted = 1;
	/* From then on nothing makes room. */
	await_handler();
	while ((r = dispatch_with(FUSION_REACTOR_NOWAIT)) == 0)
		n_posted++;
	assert_int_equal(r, -EAGAIN);
}

static int dispatch_to_reactor(int64_t timeout_ns, uint32_t flags)
{
	int r = dispatch_with(flags);

	(void)timeout_ns;
	n_posted += r == 0;
	return r;
}

/* --- Fields and lists ------------------------------------------------------
 */

static int wait_for_field(int64_t timeout_ns, uint32_t flags)
{
	void *found;

	return fusion_field_wait(arena, "f", 1, NULL, timeout_ns, flags,
				 &found);
}

static void create_field(void)
{
	struct fusion_field_options o = FUSION_FIELD_OPTIONS_INIT;

	o.data_size = 1;
	assert_int_equal(fusion_field_create(arena, "f", &o, NULL), 0);
}

static struct fusion_list *list;

static void make_list(void)
{
	struct fusion_list_options o = FUSION_LIST_OPTIONS_INIT;

	o.flags = FUSION_CONTAINER_LOCK | FUSION_CONTAINER_WORDS;
	assert_int_equal(fusion_list_create(arena, NULL, &o, &list), 0);
}

static int wait_for_change(int64_t timeout_ns, uint32_t flags)
{
	int r = fusion_list_lock(list);

	if (r == 0)
		r = fusion_list_wait(list, timeout_ns, flags);
	return fusion_list_unlock(list) < 0 ? -EPROTO : r;
}

static void change_list(void)
{
	assert_int_equal(
		fusion_list_insert_back(list, fusion_value_word(1), NULL), 0);
}

static void list_is_unlocked(void)
{
	assert_int_equal(fusion_list_unlock(list), -EPERM);
}

/* --- The table -------------------------------------------------------------
 */

static void nothing(void)
{
}

/* clang-format off */
static const struct row rows[] = {
	{"lock_timed", lock_here, lock_there, has_heir, lock_is_here,
	 unlock_here, lock_is_free, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"skirmish_wait", make_lock, wait_there, NULL, lock_is_free,
	 notify, lock_is_free, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"lease_timed", lease_here, lease_there, NULL, lease_is_here,
	 cede_here, property_is_free, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"purchase_timed", lease_here, purchase_there, NULL, lease_is_here,
	 cede_here, property_is_free, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"hold_up", purchase_by_shell, hold_up, NULL, property_is_purchased,
	 end_purchase, property_is_free, 0, 0, -ETIMEDOUT, false, false},
	{"zero_lock", count_up, lock_at_zero, NULL, ref_is_not_locked,
	 count_down, ref_is_not_locked, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"members_wait", begin_member, wait_for_member, NULL, nothing,
	 end_member, nothing, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"members_kill", begin_member, kill_member, NULL, nothing,
	 end_member, nothing, 0, 0, -ETIMEDOUT, false, false},
	{"message_send", fill_queue, send_bytes, NULL, nothing,
	 let_handlers_end, all_is_handled, 0, -EAGAIN, -ETIMEDOUT, false, false},
	{"message_send DROP", fill_queue, send_or_drop, NULL, nothing,
	 let_handlers_end, all_is_handled, 0, 0, 0, false, false},
	{"message_send_block", fill_queue, send_block, NULL, nothing,
	 let_handlers_end, all_is_handled, 0, -EAGAIN, -ETIMEDOUT, false, false},
	{"dispatch", subscribe, dispatch, NULL, nothing,
	 post_quickly, all_is_handled, 1, 0, 0, true, false},
	{"sync", keep_busy, sync_there, NULL, nothing,
	 let_handlers_end, all_is_handled, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"sync by hand", keep_busy_by_hand, sync_there, NULL, nothing,
	 let_handlers_end, join_and_count, 0, -ETIMEDOUT, -ETIMEDOUT, true, false},
	{"call_wait", nothing, wait_for_call, NULL, nothing,
	 create_call, nothing, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"call_execute", create_call, execute, NULL, nothing,
	 let_handlers_end, call_works, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"call_execute quota", use_quota_up, execute, NULL, nothing,
	 let_handlers_end, join_and_call, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"field_wait", nothing, wait_for_field, NULL, nothing,
	 create_field, nothing, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"list_wait", make_list, wait_for_change, NULL, list_is_unlocked,
	 change_list, list_is_unlocked, 0, -ETIMEDOUT, -ETIMEDOUT, false, false},
	{"reactor_dispatch", fill_reactor, dispatch_to_reactor, NULL, nothing,
	 let_handlers_end, all_is_handled, 0, 0, 0, false, true},
};
/* clang-format on */

#define N_ROWS (sizeof(rows) / sizeof(*rows))

static int set_up(void **state)
{
	row = *state;
	bound_begin(row->name);
	arena = image_enter(image_create(64ull << 20, 0));
	if (row->manual)
		image_dispatches(arena);
	store_relaxed(&running, 0);
	store_relaxed(&may_end, 0);
	n_handled = n_posted = 0;
	row->begin();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	/* A test that has failed is not to hang. */
	let_handlers_end();
	dispatch_stop(arena);
	calls_stop(arena);
	image_leave(arena);
	bound_end();
	return 0;
}

/* --- The tests -------------------------------------------------------------
 */

static void interrupt(int sa_flags)
{
	int r;

	handle_signals(sa_flags);
	start_waiter(FUSION_FOREVER, FUSION_WAIT_INTERRUPTIBLE);
	/* One signal may come just when the thread is awake. */
	for (;;) {
		await_sleep();
		if (load_acquire(&waiter.returned))
			break;
		pthread_kill(waiter.thread, SIGUSR1);
	}
	r = join_waiter();
	assert_int_equal(r, -EINTR);
	assert_true(load_relaxed(&n_signals) > 0);
	row->check();
	row->let();
	row->end();
}

static void signal_ends_wait(void **state)
{
	(void)state;
	interrupt(0);
}

static void signal_with_SA_RESTART_ends_wait(void **state)
{
	(void)state;
	interrupt(SA_RESTART);
}

static void signal_does_not_end_wait_without_flag(void **state)
{
	(void)state;
	handle_signals(0);
	start_waiter(FUSION_FOREVER, 0);
	for (uint32_t i = 0; i < ENDURED; i++) {
		await_sleep();
		assert_false(load_acquire(&waiter.returned));
		pthread_kill(waiter.thread, SIGUSR1);
		while (load_relaxed(&n_signals) == i)
			sched_yield();
	}
	await_sleep();
	assert_false(load_acquire(&waiter.returned));
	row->let();
	assert_int_equal(join_waiter(), row->done);
	row->end();
}

static int wait_until(int64_t at_ns)
{
	start_waiter(at_ns, FUSION_WAIT_UNTIL | FUSION_WAIT_INTERRUPTIBLE);
	return join_waiter();
}

static void wait_ends_at_its_time(void **state)
{
	int64_t at = clock_monotonic_ns() + SOON_NS;

	(void)state;
	if (row->no_time)
		at = FUSION_FOREVER;
	if (!row->no_time) {
		assert_int_equal(wait_until(at), row->late);
		assert_true(clock_monotonic_ns() >= at);
		row->check();
		assert_int_equal(wait_until(1), row->over);
		row->check();
	}
	row->let();
	row->end();
}

static void wait_until_forever_has_no_end(void **state)
{
	(void)state;
	start_waiter(FUSION_FOREVER, row->no_time ? 0 : FUSION_WAIT_UNTIL);
	await_sleep();
	assert_false(load_acquire(&waiter.returned));
	row->let();
	assert_int_equal(join_waiter(), row->done);
	row->end();
}

static int wait_with(int64_t timeout_ns, uint32_t flags)
{
	start_waiter(timeout_ns, flags);
	return join_waiter();
}

static void wait_with_bad_arguments_is_refused(void **state)
{
	(void)state;
	assert_int_equal(wait_with(FUSION_FOREVER, 0x20000000u), -EINVAL);
	if (row->no_time) {
		assert_int_equal(wait_with(1, FUSION_WAIT_UNTIL), -EINVAL);
	} else {
		assert_int_equal(wait_with(-2, FUSION_WAIT_UNTIL), -EINVAL);
		assert_int_equal(wait_with(INT64_MIN, FUSION_WAIT_UNTIL),
				 -EINVAL);
		assert_int_equal(wait_with(-2, FUSION_WAIT_INTERRUPTIBLE),
				 -EINVAL);
	}
	row->check();
	row->let();
	row->end();
}

static const struct {
	const char *name;
	CMUnitTestFunction fn;
} kinds[] = {
	{"signal ends wait", signal_ends_wait},
	{"signal with SA_RESTART ends wait", signal_with_SA_RESTART_ends_wait},
	{"signal does not end wait without flag",
	 signal_does_not_end_wait_without_flag},
	{"wait ends at its time", wait_ends_at_its_time},
	{"wait until for ever has no end", wait_until_forever_has_no_end},
	{"wait with bad arguments is refused",
	 wait_with_bad_arguments_is_refused},
};

#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

int main(void)
{
	static struct CMUnitTest tests[N_ROWS * N_KINDS];
	static char names[N_ROWS * N_KINDS][80];

	for (size_t i = 0; i < N_ROWS * N_KINDS; i++) {
		snprintf(names[i], sizeof(names[i]), "%s: %s",
			 rows[i / N_KINDS].name, kinds[i % N_KINDS].name);
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = kinds[i % N_KINDS].fn,
			.setup_func = set_up,
			.teardown_func = tear_down,
			.initial_state = (void *)(uintptr_t)&rows[i / N_KINDS],
		};
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
