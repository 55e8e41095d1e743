/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members, their lives and deaths, without a daemon: by direct calls. */
#include "tests/unit/arena_image.h"
#include "tests/unit/image_witness.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <fusion/arena.h>

#include "libfusion/arena/act.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/event.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/talk/ring_recover.h"

static struct view v; /* the undertaker's: this process */
static int fd;
static int witnesses[8]; /* by slot: held here until the member has them */

static void print_fault(void *ctx, const char *what)
{
	(void)ctx;
	print_message("# fault: %s\n", what);
}

static int arena_setup(void **state)
{
	(void)state;
	fd = image_create(SPAN_MIN, 0);
	image_map(&v, fd);
	v.acts = &member_acts;
	assert_int_equal(life_undertake(&v), 0);
	return 0;
}

/* Nobody of this process has the witness of @slot any more. */
static void forget(uint32_t slot)
{
	if (witnesses[slot])
		close(witnesses[slot]);
	witnesses[slot] = 0;
}

static int arena_teardown(void **state)
{
	(void)state;
	assert_int_equal(arena_check(&v, print_fault, NULL), 0);
	view_unmap(&v);
	close(fd);
	for (uint32_t i = 0; i < 8; i++)
		forget(i);
	return 0;
}

/* Let @pid in, as the daemon does. */
static uint32_t claim(pid_t pid, uint32_t role)
{
	struct member_info info = {
		.pid = pid,
		.start_time = process_start_time(pid),
		.role = role,
		.witness = description_of(fd),
		.comm = "test",
	};
	uint32_t slot = 0;

	assert_int_equal(life_lock(&v, -1), 0);
	assert_int_equal(member_claim(&v, &info, &slot), 0);
	life_unlock(&v);
	assert_true(slot < 8);
	witnesses[slot] = info.witness;
	return slot;
}

static uint32_t id_of(uint32_t slot)
{
	return view_member(&v, slot)->id;
}

static void ready(uint32_t slot)
{
	assert_int_equal(life_lock(&v, -1), 0);
	assert_int_equal(member_ready(&v, slot), 0);
	life_unlock(&v);
}

static int depart(uint32_t slot, bool died)
{
	int r;

	assert_int_equal(life_lock(&v, -1), 0);
	r = life_depart(&v, slot, died);
	life_unlock(&v);
	return r;
}

static int exit_begin(uint32_t slot)
{
	int r;

	assert_int_equal(life_lock(&v, -1), 0);
	r = life_exit_begin(&v, slot);
	life_unlock(&v);
	return r;
}

/* A member in a process of its own: opens the file anew, as an exec'ed one
 * would, maps it, stands witness, and does @work before it waits to die. */
struct actor {
	pid_t pid;
	uint32_t slot;
	int to[2], from[2];
};

typedef void (*work_fn)(struct view *mine);

static int actor_in, actor_out; /* in the actor's process */

static void act(struct actor *a, uint32_t slot, uint32_t id, work_fn work)
{
	struct view mine = {.fd = -1};
	int own = description_of(fd);
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(a->to[1]);
	close(a->from[0]);
	actor_in = a->to[0];
	actor_out = a->from[1];
	view_unmap(&v);
	for (uint32_t i = 0; i < 8; i++)
		forget(i);
	if (view_map(&mine, own, IMAGE_BASE) < 0 ||
	    image_witness(&mine, slot) < 0 || life_witness(&mine, slot, id) < 0)
		_exit(1);
	if (write(a->from[1], "r", 1) != 1 || read(a->to[0], &c, 1) != 1)
		_exit(2);
	if (work)
		work(&mine);
	if (write(a->from[1], "w", 1) != 1)
		_exit(2);
	while (read(a->to[0], &c, 1) == 0)
		;
	_exit(0);
}

static void actor_start(struct actor *a, uint32_t role, work_fn work)
{
	uint32_t go[2];
	char c;

	assert_int_equal(pipe(a->to), 0);
	assert_int_equal(pipe(a->from), 0);
	a->pid = fork();
	if (!a->pid) {
		if (read(a->to[0], go, sizeof(go)) != sizeof(go))
			_exit(3);
		act(a, go[0], go[1], work);
	}
	a->slot = claim(a->pid, role);
	go[0] = a->slot;
	go[1] = id_of(a->slot);
	forget(a->slot);
	assert_int_equal(write(a->to[1], go, sizeof(go)), sizeof(go));
	assert_int_equal(read(a->from[0], &c, 1), 1);
	ready(a->slot);
	assert_int_equal(write(a->to[1], "g", 1), 1);
	assert_int_equal(read(a->from[0], &c, 1), 1);
}

static void actor_kill(struct actor *a)
{
	kill(a->pid, SIGKILL);
	assert_int_equal(waitpid(a->pid, NULL, 0), a->pid);
	close(a->to[0]);
	close(a->to[1]);
	close(a->from[0]);
	close(a->from[1]);
}

/* --- The rows of the life ---------------------------------------------------
 */

static void first_in_is_master_of_an_initializing_arena(void **state)
{
	uint32_t slot = claim(getpid(), FUSION_ROLE_MASTER);

	(void)state;
	assert_int_equal(v.sb->state, ARENA_INITIALIZING);
	assert_int_equal(v.sb->master, id_of(slot));
	assert_int_equal(view_member(&v, slot)->state, MEMBER_JOINING);
	ready(slot);
	assert_int_equal(v.sb->state, ARENA_RUNNING);
	assert_int_equal(view_member(&v, slot)->state, MEMBER_ALIVE);
	assert_int_equal(member_find(&v, id_of(slot)), slot);
	assert_int_equal(exit_begin(slot), EXIT_LAST);
	assert_int_equal(v.sb->state, ARENA_SHUTTING_DOWN);
	/* Asked again, as after a restart of the daemon: the same answer. */
	assert_int_equal(exit_begin(slot), EXIT_LAST);
	assert_int_equal(depart(slot, false), 0);
	assert_int_equal(v.sb->state, ARENA_GONE);
	assert_int_equal(depart(slot, false), 0);
	assert_int_equal(v.sb->deaths, 0);
}

static void failed_initialize_leaves_nobody(void **state)
{
	uint32_t slot = claim(getpid(), FUSION_ROLE_MASTER);

	(void)state;
	assert_int_equal(depart(slot, false), 0);
	assert_int_equal(v.sb->state, ARENA_GONE);
	assert_int_equal(v.sb->master, 0);
}

static void shutdown_that_refuses_keeps_the_arena(void **state)
{
	uint32_t slot = claim(getpid(), FUSION_ROLE_MASTER);

	(void)state;
	ready(slot);
	assert_int_equal(exit_begin(slot), EXIT_LAST);
	ready(slot);
	assert_int_equal(v.sb->state, ARENA_RUNNING);
	assert_int_equal(view_member(&v, slot)->state, MEMBER_ALIVE);
	assert_int_equal(exit_begin(slot), EXIT_LAST);
	assert_int_equal(depart(slot, false), 0);
}

static void master_leaves_as_a_slave_does_while_others_live(void **state)
{
	uint32_t master = claim(getpid(), FUSION_ROLE_MASTER);
	struct actor slave;

	(void)state;
	ready(master);
	actor_start(&slave, FUSION_ROLE_SLAVE, NULL);
	assert_int_equal(exit_begin(master), EXIT_NOT_LAST);
	assert_int_equal(view_member(&v, master)->state, MEMBER_LEAVING);
	assert_int_equal(depart(master, false), 1);
	assert_int_equal(v.sb->master, 0);
	assert_int_equal(v.sb->state, ARENA_RUNNING);
	actor_kill(&slave);
	assert_int_equal(life_sweep(&v), 1);
	assert_int_equal(v.sb->state, ARENA_GONE);
}

static void exit_beside_a_corpse_is_the_last(void **state)
{
	uint32_t master = claim(getpid(), FUSION_ROLE_MASTER);
	struct actor slave;

	(void)state;
	ready(master);
	actor_start(&slave, FUSION_ROLE_SLAVE, NULL);
	actor_kill(&slave);
	assert_int_equal(exit_begin(master), EXIT_LAST);
	assert_int_equal(v.sb->deaths, 1);
	assert_int_equal(depart(master, false), 0);
}

/* --- With no record left ---------------------------------------------------
 */

/* All that there are, and a lock that its recovery wants. */
static void take_all_records(struct view *mine)
{
	struct thread_rec *me = NULL, *t;

	while (thread_claim(mine, &t) == 0)
		me = t;
	if (!me || core_lock(mine, me, &mine->sb->lend) < 0)
		_exit(4);
}

/* As far as to take a lock with the record that is reserved. */
static void begin_to_recover(struct view *mine)
{
	struct thread_rec *me;

	if (life_lock(mine, -1) < 0)
		_exit(4);
	me = life_rec(mine);
	if (me != view_thread(mine, THREAD_RESERVED) ||
	    core_lock(mine, me, &mine->sb->tables[KIND_FIELD].lock) < 0)
		_exit(5);
}

/* As a member does: it has no record but those that all can have. */
static int sweep_as_member(void)
{
	struct thread_rec *rec = v.rec;
	int n;

	v.rec = NULL;
	n = life_sweep(&v);
	v.rec = rec;
	return n;
}

static void recovery_with_all_records_taken_uses_the_reserved_one(void **state)
{
	struct actor a;

	(void)state;
	actor_start(&a, FUSION_ROLE_MASTER, take_all_records);
	actor_kill(&a);
	assert_int_equal(sweep_as_member(), 1);
	assert_int_equal(v.sb->lend.word, 0);
	assert_int_equal(view_thread(&v, THREAD_RESERVED)->member, 0);
	assert_int_equal(v.sb->state, ARENA_GONE);
}

static void recoverer_killed_with_the_reserved_record_is_recovered(void **state)
{
	struct actor a, b;

	(void)state;
	actor_start(&a, FUSION_ROLE_MASTER, take_all_records);
	actor_start(&b, FUSION_ROLE_SLAVE, begin_to_recover);
	actor_kill(&a);
	actor_kill(&b);
	assert_int_equal(view_thread(&v, THREAD_RESERVED)->member, b.slot + 1);
	assert_int_equal(sweep_as_member(), 2);
	assert_int_equal(v.sb->lend.word, 0);
	assert_int_equal(v.sb->tables[KIND_FIELD].lock.word, 0);
	assert_int_equal(view_thread(&v, THREAD_RESERVED)->member, 0);
	assert_int_equal(v.sb->state, ARENA_GONE);
}

/* Not -EIO for trouble that passes: the daemon would call the arena corrupt. */
static void error_of_the_reserved_record_comes_out_as_it_is(void **state)
{
	struct thread_rec *rec = v.rec, *reserved, *me, *t, *last = NULL,
			  *idle = NULL;
	struct pool_place pool;

	(void)state;
	reserved = view_thread(&v, THREAD_RESERVED);
	assert_int_equal(pool_create(&v, rec, "pool", 0, &pool), 0);
	while (thread_claim(&v, &t) == 0) {
		idle = last;
		last = t;
	}
	assert_non_null(idle);
	v.rec = NULL;
	assert_int_equal(life_lock(&v, -1), 0);

	/* Taken, and left there by somebody who died; a living thread has a
	 * lock that its recovery needs. */
	assert_int_equal(life_rec_get(&v, &me), 0);
	assert_ptr_equal(me, reserved);
	v.gate.rec = NULL;
	assert_int_equal(core_lock(&v, last, &heap_super(&v)->span_lock), 0);
	v.patience_ns = 1000000;
	assert_int_equal(life_rec_get(&v, &me), -ETIMEDOUT);
	assert_null(life_rec(&v));
	/* Recovery of a thread that announces nothing needs a record, too. */
	assert_int_equal(recover_thread(&v, idle), -ETIMEDOUT);
	/* So does a ring that was being opened. */
	store_relaxed(&idle->msg.op, (uint32_t)MSG_OP_OPEN);
	assert_int_equal(ring_recover(&v, idle), -ETIMEDOUT);
	store_relaxed(&idle->msg.op, 0u);
	core_unlock(&v, last, &heap_super(&v)->span_lock);

	reserved->pool.op = UINT32_MAX;
	assert_int_equal(life_rec_get(&v, &me), -EIO);
	reserved->pool.op = 0;

	assert_int_equal(life_rec_get(&v, &me), 0);
	assert_ptr_equal(me, reserved);
	v.patience_ns = 0;
	life_unlock(&v);
	v.rec = rec;
}

static void exit_waits_for_those_who_join_or_leave(void **state)
{
	uint32_t a = claim(getpid(), FUSION_ROLE_MASTER), b;

	(void)state;
	ready(a);
	b = claim(getpid(), FUSION_ROLE_SLAVE);
	assert_int_equal(exit_begin(a), EXIT_WAIT);
	ready(b);
	assert_int_equal(exit_begin(a), EXIT_NOT_LAST);
	assert_int_equal(exit_begin(b), EXIT_WAIT);
	assert_int_equal(depart(a, false), 1);
	assert_int_equal(exit_begin(b), EXIT_LAST);
	assert_int_equal(depart(b, false), 0);
}

static void slots_run_out_with_ENOSPC_and_come_back(void **state)
{
	struct member_info info = {
		.pid = getpid(),
		.start_time = process_start_time(getpid()),
		.role = FUSION_ROLE_SLAVE,
	};
	uint32_t n = v.geo.max_members, slot, last;

	(void)state;
	assert_int_equal(life_lock(&v, -1), 0);
	for (uint32_t i = 1; i <= n; i++) {
		assert_int_equal(member_claim(&v, &info, &slot), 0);
		assert_int_equal(slot, i);
	}
	last = id_of(slot);
	assert_int_equal(member_claim(&v, &info, &slot), -ENOSPC);
	assert_int_equal(life_depart(&v, 5, false), n - 1);
	assert_int_equal(member_claim(&v, &info, &slot), 0);
	assert_int_equal(slot, 5);
	assert_true(id_of(5) > last);
	for (uint32_t i = 1; i <= n; i++)
		life_depart(&v, i, false);
	life_unlock(&v);
}

static void ids_run_out_with_EOVERFLOW_and_never_come_back(void **state)
{
	struct member_info info = {
		.pid = getpid(),
		.start_time = process_start_time(getpid()),
		.role = FUSION_ROLE_SLAVE,
	};
	uint32_t slot;

	(void)state;
	assert_int_equal(life_lock(&v, -1), 0);
	v.sb->next_id = UINT32_MAX - 1;
	assert_int_equal(member_claim(&v, &info, &slot), 0);
	assert_int_equal(id_of(slot), UINT32_MAX - 1);
	for (int i = 0; i < 3; i++)
		assert_int_equal(member_claim(&v, &info, &slot), -EOVERFLOW);
	assert_int_equal(v.sb->next_id, UINT32_MAX);
	assert_int_equal(life_depart(&v, slot, false), 0);
	life_unlock(&v);
}

static void member_numbers_are_checked(void **state)
{
	(void)state;
	assert_false(member_at(&v, 0, 1));
	assert_false(member_at(&v, 1, 1));
	assert_false(member_at(&v, UINT32_MAX, 1));
	assert_false(member_is_dead(&v, UINT32_MAX));
	assert_int_equal(depart(7777, true), -ESRCH);
	assert_int_equal(exit_begin(7777), -ESRCH);
	assert_int_equal(member_find(&v, 99), 0);
	assert_string_equal(life_state_name(ARENA_RUNNING), "running");
	assert_string_equal(life_state_name(999), "corrupt");
	assert_string_equal(member_state_name(MEMBER_DEAD), "dead");
}

/* --- Death ------------------------------------------------------------------
 */

static void die_with_locks(struct view *mine)
{
	struct thread_rec *t;

	if (thread_claim(mine, &t) < 0 ||
	    core_lock(mine, t, &mine->sb->tables[KIND_FIELD].lock) < 0 ||
	    core_lock(mine, t, &mine->sb->event_lock) < 0)
		_exit(4);
}

static void dead_member_is_found_and_its_locks_are_freed(void **state)
{
	struct actor a;

	(void)state;
	actor_start(&a, FUSION_ROLE_MASTER, die_with_locks);
	assert_false(member_is_dead(&v, a.slot));
	actor_kill(&a);
	assert_true(member_is_dead(&v, a.slot));
	assert_int_equal(life_sweep(&v), 1);
	assert_int_equal(life_sweep(&v), 0);
	assert_int_equal(v.sb->tables[KIND_FIELD].lock.word, 0);
	assert_int_equal(v.sb->deaths, 1);
	assert_int_equal(v.sb->state, ARENA_GONE);
}

/* Another process has the life lock, and is stopped. */
static void recoverer_does_not_wait_for_the_life_lock(void **state)
{
	struct flock lock = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = LIFE_LOCK_BYTE,
		.l_len = 1,
	};
	int other = description_of(v.lockfd);
	struct actor a[3];
	int64_t before;

	(void)state;
	for (int i = 0; i < 3; i++) {
		actor_start(&a[i], i ? FUSION_ROLE_SLAVE : FUSION_ROLE_MASTER,
			    die_with_locks);
		actor_kill(&a[i]);
	}
	assert_int_equal(fcntl(other, F_OFD_SETLK, &lock), 0);
	before = clock_monotonic_ns();
	assert_int_equal(life_sweep(&v), 0);
	assert_true(clock_monotonic_ns() - before < 900000000);
	close(other);
	/* One may be recovered in the course of another's recovery. */
	while (life_sweep(&v) > 0)
		;
	assert_int_equal(v.sb->deaths, 3);
	assert_int_equal(v.sb->state, ARENA_GONE);
}

static void waiter_recovers_a_dead_owner_by_itself(void **state)
{
	uint32_t me = claim(getpid(), FUSION_ROLE_MASTER);
	struct thread_rec *t;
	struct actor a;
	struct view mine;

	(void)state;
	ready(me);
	actor_start(&a, FUSION_ROLE_SLAVE, die_with_locks);
	actor_kill(&a);
	/* As a member, not as the undertaker. */
	mine = v;
	mine.slot = me;
	mine.rec = NULL;
	assert_int_equal(thread_claim(&mine, &t), 0);
	assert_int_equal(core_lock(&mine, t, &mine.sb->tables[KIND_FIELD].lock),
			 0);
	core_unlock(&mine, t, &mine.sb->tables[KIND_FIELD].lock);
	thread_release(&mine, t);
	assert_int_equal(view_member(&v, a.slot)->state, MEMBER_FREE);
	depart(me, false);
}

/* All but the pipe to the test.  Then it opens the file again, and closes it:
 * at that a POSIX lock would fall. */
static void close_all(struct view *mine)
{
	int again = description_of(mine->fd);

	for (int i = 3; i < 1024; i++)
		if (i != again && i != actor_in && i != actor_out)
			close(i);
	close(again);
}

static void member_without_descriptors_is_alive(void **state)
{
	struct actor a;

	(void)state;
	actor_start(&a, FUSION_ROLE_MASTER, close_all);
	assert_false(member_is_dead(&v, a.slot));
	actor_kill(&a);
	assert_int_equal(life_sweep(&v), 1);
}

static void close_and_unmap(struct view *mine)
{
	close(mine->fd);
	view_unmap(mine);
	witness_drop(&mine->witness);
}

static void member_that_no_longer_maps_is_dead(void **state)
{
	struct actor a;

	(void)state;
	actor_start(&a, FUSION_ROLE_MASTER, close_and_unmap);
	assert_true(member_is_dead(&v, a.slot));
	assert_int_equal(life_sweep(&v), 1);
	actor_kill(&a);
}

static void stopped_member_is_alive(void **state)
{
	struct actor a;
	int status;

	(void)state;
	actor_start(&a, FUSION_ROLE_MASTER, NULL);
	kill(a.pid, SIGSTOP);
	assert_int_equal(waitpid(a.pid, &status, WUNTRACED), a.pid);
	assert_false(member_is_dead(&v, a.slot));
	actor_kill(&a);
	assert_int_equal(life_sweep(&v), 1);
}

/* Whatever pid and start time its record has. */
static void member_is_alive_as_long_as_its_witness_is_held(void **state)
{
	uint32_t slot = claim(getpid(), FUSION_ROLE_MASTER);

	(void)state;
	view_member(&v, slot)->start_time--;
	assert_false(member_is_dead(&v, slot));
	view_member(&v, slot)->pid = 1 << 22;
	assert_false(member_is_dead(&v, slot));
	assert_true(life_witness_held(&v, slot));
	forget(slot);
	assert_false(life_witness_held(&v, slot));
	assert_true(member_is_dead(&v, slot));
	assert_int_equal(member_signal(&v, slot, SIGKILL), -ESRCH);
	assert_int_equal(life_sweep(&v), 1);
}

/* A process that does not map the arena. */
static pid_t stranger(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	view_unmap(&v);
	for (;;)
		pause();
}

static void
signal_reaches_nobody_but_a_process_that_maps_the_arena(void **state)
{
	struct member_rec *m;
	pid_t pid = stranger();
	struct actor a;

	(void)state;
	actor_start(&a, FUSION_ROLE_MASTER, NULL);
	m = view_member(&v, a.slot);
	assert_int_equal(member_signal(&v, a.slot, 0), 0);
	m->pid = m->own_pid = (uint32_t)pid;
	m->start_time = process_start_time(pid);
	while (member_signal(&v, a.slot, 0) == 0)
		sched_yield();
	assert_int_equal(member_signal(&v, a.slot, SIGKILL), -ESRCH);
	assert_int_equal(kill(pid, 0), 0);
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	m->pid = m->own_pid = (uint32_t)getppid();
	assert_true(member_signal(&v, a.slot, 0) < 0);
	m->pid = m->own_pid = (uint32_t)a.pid;
	assert_int_equal(member_signal(&v, a.slot, SIGKILL), 0);
	actor_kill(&a);
	assert_int_equal(life_sweep(&v), 1);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void *last_thread(void *arg)
{
	char c;

	while (read(*(int *)arg, &c, 1) > 0)
		;
	return NULL;
}

static void process_whose_main_thread_ended_is_alive(void **state)
{
	uint64_t start;
	int p[2], q[2];
	pid_t pid;
	char c;

	(void)state;
	assert_int_equal(pipe(p), 0);
	assert_int_equal(pipe(q), 0);
	pid = fork();
	if (!pid) {
		pthread_t t;

		close(p[1]);
		pthread_create(&t, NULL, last_thread, p);
		c = write(q[1], "r", 1);
		pthread_exit(NULL);
	}
	assert_int_equal(read(q[0], &c, 1), 1);
	start = process_start_time(pid);
	assert_true(start > 0);
	close(p[1]);
	/* A zombie until it is waited for: dead. */
	while (process_start_time(pid))
		sched_yield();
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	close(p[0]);
	close(q[0]);
	close(q[1]);
}

static void master_death(uint32_t policy, uint32_t expect_master)
{
	struct actor a, b, c;

	v.sb->on_master_death = policy;
	actor_start(&a, FUSION_ROLE_MASTER, NULL);
	actor_start(&b, FUSION_ROLE_SLAVE, NULL);
	actor_start(&c, FUSION_ROLE_SLAVE, NULL);
	actor_kill(&a);
	assert_true(life_sweep(&v) >= 1);
	assert_int_equal(v.sb->master, expect_master ? id_of(b.slot) : 0);
	if (policy == MASTER_DEATH_KILL) {
		assert_int_not_equal(v.sb->state, ARENA_RUNNING);
		/* Both have got their signal. */
		assert_int_equal(waitpid(b.pid, NULL, 0), b.pid);
		assert_int_equal(waitpid(c.pid, NULL, 0), c.pid);
		life_sweep(&v);
	} else {
		assert_int_equal(v.sb->state, ARENA_RUNNING);
		actor_kill(&b);
		actor_kill(&c);
		assert_true(life_sweep(&v) > 0);
	}
	assert_int_equal(v.sb->state, ARENA_GONE);
}

static void death_of_the_master_is_told(void **state)
{
	(void)state;
	master_death(MASTER_DEATH_NOTIFY, 0);
}

static void death_of_the_master_promotes_the_oldest(void **state)
{
	(void)state;
	master_death(MASTER_DEATH_PROMOTE, 1);
}

static void death_of_the_master_kills_all(void **state)
{
	(void)state;
	master_death(MASTER_DEATH_KILL, 0);
}

/* --- The undertaker ----------------------------------------------------------
 */

static void undertaker_comes_after_a_dead_one(void **state)
{
	struct thread_rec *t = view_thread(&v, 0);
	uint32_t slot = claim(getpid(), FUSION_ROLE_MASTER);
	struct view next = {.fd = -1};

	(void)state;
	assert_int_equal(life_witness(&v, slot, id_of(slot)), 0);
	v.slot = 0;
	ready(slot);
	forget(claim(getpid(), FUSION_ROLE_SLAVE)); /* never told */
	assert_int_equal(core_lock(&v, t, &v.sb->tables[KIND_FIELD].lock), 0);
	view_unmap(&v);

	image_map(&next, fd);
	assert_int_equal(life_undertake(&next), 1);
	v = next;
	assert_int_equal(v.sb->tables[KIND_FIELD].lock.word, 0);
	assert_int_equal(view_member(&v, slot)->state, MEMBER_ALIVE);
	depart(slot, false);
	assert_int_equal(v.sb->state, ARENA_GONE);
}

static void second_undertaker_is_EBUSY(void **state)
{
	struct view second;
	int status;
	pid_t pid;

	(void)state;
	pid = fork();
	if (!pid) {
		view_unmap(&v);
		if (view_map(&second, description_of(fd), NULL) < 0)
			_exit(2);
		_exit(life_undertake(&second) == -EBUSY ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* --- The life lock
 * ------------------------------------------------------------ */

static void life_lock_is_recursive_and_times_out(void **state)
{
	struct view other = {.fd = -1};
	char path[40];
	int own;

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_RDWR | O_CLOEXEC);
	assert_int_equal(view_map(&other, own, NULL), 0);
	assert_int_equal(life_lock(&v, -1), 0);
	assert_int_equal(life_lock(&v, 0), 0);
	assert_int_equal(life_lock(&other, 1000000), -ETIMEDOUT);
	life_unlock(&v);
	assert_int_equal(life_lock(&other, 0), -ETIMEDOUT);
	life_unlock(&v);
	assert_int_equal(life_lock(&other, 0), 0);
	life_unlock(&other);
	view_unmap(&other);
	/* Closes a descriptor of the file: the undertaker's witness stays. */
	close(own);
	assert_false(member_is_dead(&v, 0));
}

#define LOCK_ROUNDS 2000

static void *count_under_life_lock(void *arg)
{
	uint64_t *counter = arg;

	for (int i = 0; i < LOCK_ROUNDS; i++) {
		uint64_t seen;

		if (life_lock(&v, -1) < 0)
			return NULL;
		seen = *counter;
		sched_yield();
		*counter = seen + 1;
		life_unlock(&v);
	}
	return arg;
}

static void life_lock_excludes_threads(void **state)
{
	uint64_t counter = 0;
	pthread_t t[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&t[i], NULL,
						count_under_life_lock,
						&counter),
				 0);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(counter, 3 * LOCK_ROUNDS);
}

/* --- A thread that went without a word
 * ---------------------------------------- */

static void *leave_a_lock(void *arg)
{
	struct thread_rec *t;

	if (thread_claim(arg, &t) == 0 &&
	    core_lock(arg, t, &v.sb->tables[KIND_FIELD].lock) == 0)
		return t;
	return NULL;
}

static void thread_that_vanished_is_recovered(void **state)
{
	uint32_t me = claim(getpid(), FUSION_ROLE_MASTER);
	struct thread_rec *t;
	struct view mine = v;
	pthread_t thread;
	void *ret;

	(void)state;
	mine.rec = NULL;
	assert_int_equal(life_witness(&mine, me, id_of(me)), 0);
	ready(me);
	assert_int_equal(pthread_create(&thread, NULL, leave_a_lock, &mine), 0);
	assert_int_equal(pthread_join(thread, &ret), 0);
	assert_non_null(ret);
	assert_true(thread_is_dead(&mine, ret));
	assert_int_equal(thread_claim(&mine, &t), 0);
	assert_false(thread_is_dead(&mine, t));
	assert_int_equal(core_lock(&mine, t, &mine.sb->tables[KIND_FIELD].lock),
			 0);
	core_unlock(&mine, t, &mine.sb->tables[KIND_FIELD].lock);
	thread_release(&mine, t);
	assert_int_equal(((struct thread_rec *)ret)->member, 0);
	depart(me, false);
}

#define LIFE_TEST(f) \
	cmocka_unit_test_setup_teardown(f, arena_setup, arena_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LIFE_TEST(first_in_is_master_of_an_initializing_arena),
		LIFE_TEST(failed_initialize_leaves_nobody),
		LIFE_TEST(shutdown_that_refuses_keeps_the_arena),
		LIFE_TEST(master_leaves_as_a_slave_does_while_others_live),
		LIFE_TEST(exit_beside_a_corpse_is_the_last),
		LIFE_TEST(
			recovery_with_all_records_taken_uses_the_reserved_one),
		LIFE_TEST(
			recoverer_killed_with_the_reserved_record_is_recovered),
		LIFE_TEST(error_of_the_reserved_record_comes_out_as_it_is),
		LIFE_TEST(exit_waits_for_those_who_join_or_leave),
		LIFE_TEST(slots_run_out_with_ENOSPC_and_come_back),
		LIFE_TEST(ids_run_out_with_EOVERFLOW_and_never_come_back),
		LIFE_TEST(member_numbers_are_checked),
		LIFE_TEST(dead_member_is_found_and_its_locks_are_freed),
		LIFE_TEST(recoverer_does_not_wait_for_the_life_lock),
		LIFE_TEST(waiter_recovers_a_dead_owner_by_itself),
		LIFE_TEST(member_without_descriptors_is_alive),
		LIFE_TEST(member_that_no_longer_maps_is_dead),
		LIFE_TEST(stopped_member_is_alive),
		LIFE_TEST(member_is_alive_as_long_as_its_witness_is_held),
		LIFE_TEST(
			signal_reaches_nobody_but_a_process_that_maps_the_arena),
		LIFE_TEST(process_whose_main_thread_ended_is_alive),
		LIFE_TEST(death_of_the_master_is_told),
		LIFE_TEST(death_of_the_master_promotes_the_oldest),
		LIFE_TEST(death_of_the_master_kills_all),
		LIFE_TEST(undertaker_comes_after_a_dead_one),
		LIFE_TEST(second_undertaker_is_EBUSY),
		LIFE_TEST(life_lock_is_recursive_and_times_out),
		LIFE_TEST(life_lock_excludes_threads),
		LIFE_TEST(thread_that_vanished_is_recovered),
	};

	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
