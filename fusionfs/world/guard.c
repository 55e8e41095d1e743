/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard: the only place from which arenas are touched
 *
 * Others can write to an arena's memory while we read it, and cut its file
 * short: then an access raises SIGBUS.  A function that runs under the guard is
 * left at such an access, by a jump, and its arena is corrupt from then on.
 *
 * A loop over shared words has a bound of its own wherever one can be given.
 * The watchdog ends the other loops, such as one along a chain that is rebuilt
 * while we walk along it.  It is a timer of the processor time of this thread.
 * If a function has run for too long, the timer takes the access to the arena
 * away from it, so that the function is left at its next access, by the jump.
 * No clock is asked and no system call made for each function that is guarded.
 *
 * The jump comes at an access to the arena and nowhere else: not inside malloc,
 * not in the middle of a system call.  So what runs under the guard
 *
 *   - may allocate, if what it has allocated is kept in what @arg leads to;
 *   - may call what formats text, also from arena memory into private memory;
 *   - touches no arena memory while it has a lock of this process (stdio's, a
 *     mutex), or a list of the daemon's own half changed;
 *   - may take the life lock, which the jump gives back, and core locks: these
 *     stay locked, in an arena that nobody uses any more.
 *
 * With -Dguard_check=true an arena is closed but to functions under its guard.
 * An access anywhere else ends the daemon: the tests run so.  While it is
 * closed it is mapped at another address, which stands nowhere, and nothing is
 * where view.base and all pointers into it point.  To move it takes the kernel
 * no longer than its page tables are many; mprotect() changes each page, and
 * all tests that list a large directory took four times as long.
 */
#include "fusionfs/world/guard.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fusionfs/world/arena.h"

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

/* Ticks of processor time.  The tables of an arena grow with its span, and so
 * does the time that a look at them takes. */
#define TICK_NS 50000000
#ifdef __SANITIZE_ADDRESS__
#define SLOWER 3
#else
#define SLOWER 1
#endif
#define TICKS_LEAST (5 * SLOWER)
#define SPAN_A_TICK ((1ull << 30) / SLOWER)

/* A function under the guard. */
struct guarded {
	struct guarded *outer;
	struct arena *arena;
	sigjmp_buf out;
};

static struct guarded *volatile inside;
static volatile sig_atomic_t
	entries; /* one more for each guarded function; wraps */
static struct sigaction old_bus, old_segv;

static bool arena_has_address(const struct arena *a, const void *p)
{
	return (uintptr_t)p - (uintptr_t)a->view.base < a->view.geo.span;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	for (struct guarded *g = inside; g; g = g->outer)
		if (arena_has_address(g->arena, info->si_addr))
			siglongjmp(g->out, sig);
	/* The fault is the daemon's own: it comes again, with the old
	 * handler. */
	sigaction(sig, sig == SIGBUS ? &old_bus : &old_segv, NULL);
}

static void set_arena_access(const struct arena *a, int access)
{
	mprotect(a->view.base, a->view.geo.span, access);
}

static unsigned patience_ticks(const struct arena *a)
{
	return TICKS_LEAST + (unsigned)(a->view.geo.span / SPAN_A_TICK);
}

static void on_tick(int sig)
{
	static sig_atomic_t seen;
	static unsigned ticks;
	int error = errno;

	(void)sig;
	if (!inside || seen != entries) {
		seen = entries;
		ticks = 0;
	} else if (++ticks > patience_ticks(inside->arena)) {
		set_arena_access(inside->arena, PROT_NONE);
	}
	errno = error;
}

static int start_watchdog(void)
{
	struct sigaction sa = {.sa_handler = on_tick, .sa_flags = SA_RESTART};
	struct itimerspec every = {
		.it_interval.tv_nsec = TICK_NS,
		.it_value.tv_nsec = TICK_NS,
	};
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID,
		.sigev_signo = SIGRTMIN,
	};
	timer_t timer;

	event.sigev_notify_thread_id = (pid_t)syscall(SYS_gettid);
	sigaction(SIGRTMIN, &sa, NULL);
	if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) < 0 ||
	    timer_settime(timer, 0, &every, NULL) < 0)
		return -errno;
	return 0;
}

int guard_init(void)
{
	struct sigaction sa = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_NODEFER | SA_SIGINFO,
	};

	sigaction(SIGBUS, &sa, &old_bus);
	sigaction(SIGSEGV, &sa, &old_segv);
	return start_watchdog();
}

/* Give back the life lock if it was held when the fault came: the kernel's lock
 * is released, and the gate is as new.  No other thread touches the gate. */
static void drop_life_lock(struct arena *a)
{
	if (!a->view.gate.owner)
		return;
	a->view.gate.depth = 1;
	a->view.gate.rec = NULL;
	life_unlock(&a->view);
}

#ifdef FUSION_GUARD_CHECK

/* A range in which the kernel and the sanitizers map nothing unless they are
 * asked to: an address that is free stays free. */
#define RANGE_START 0x200000000000ull
#define RANGE_END 0x500000000000ull
#define RANGE_STEP (1ull << 30) /* what one entry of a table maps */

static void move_mapping(const struct arena *a, void *from, void *to)
{
	size_t span = a->view.geo.span;

	if (mremap(from, span, span, MREMAP_MAYMOVE | MREMAP_FIXED, to) != to)
		abort();
}

static bool is_range_free(void *at, size_t size)
{
	void *p = mmap(at, size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
			       MAP_FIXED_NOREPLACE,
		       -1, 0);

	if (p != MAP_FAILED)
		munmap(p, size);
	return p == at;
}

/* Two free ranges side by side. */
static char *find_address_pair(size_t size)
{
	static uint64_t next = RANGE_START;

	for (uint64_t n = 0; n < (RANGE_END - RANGE_START) / RANGE_STEP; n++) {
		char *at = (char *)(uintptr_t)next;

		next += 2 * size;
		if (next > RANGE_END)
			next = RANGE_START;
		else if (is_range_free(at, 2 * size))
			return at;
	}
	abort();
}

/* Move the arena from where the kernel has mapped it. */
static void give_arena_addresses(struct arena *a)
{
	size_t size = (a->view.geo.span + RANGE_STEP - 1) & -RANGE_STEP;
	char *at = find_address_pair(size);

	move_mapping(a, a->view.base, at);
	a->view.base = at;
	a->view.sb = (struct superblock *)at;
	a->hideout = at + size;
}

void guard_close(struct arena *a)
{
	if (!a->hideout)
		give_arena_addresses(a);
	if (!a->hidden)
		move_mapping(a, a->view.base, a->hideout);
	a->hidden = true;
}

static void open_arena(struct arena *a)
{
	move_mapping(a, a->hideout, a->view.base);
	a->hidden = false;
}

void guard_unmap(struct arena *a)
{
	if (a->hidden)
		open_arena(a);
	a->hideout = NULL;
	view_unmap(&a->view);
}

#else

void guard_close(struct arena *a)
{
	(void)a;
}

static void open_arena(struct arena *a)
{
	(void)a;
}

void guard_unmap(struct arena *a)
{
	view_unmap(&a->view);
}

#endif

static bool is_guarding(const struct arena *a)
{
	for (const struct guarded *g = inside; g; g = g->outer)
		if (g->arena == a)
			return true;
	return false;
}

static int left_by_jump(struct arena *a, int sig)
{
	drop_life_lock(a);
	arena_is_corrupt(a, sig == SIGBUS ? "its backing file was cut short"
					  : "it kept the daemon busy");
	return -EIO;
}

int guarded(struct arena *a, int (*fn)(struct arena *a, void *arg), void *arg)
{
	struct guarded g = {.outer = inside, .arena = a};
	int r;

	if (a->corrupt || !a->view.base)
		return -EIO;
	if (a->unsettled)
		return -EAGAIN;
	if (is_guarding(a))
		return fn(a, arg);
	open_arena(a);
	/* The signal mask is not saved, which would take two system calls for
	 * each of 100,000 fields: SA_NODEFER leaves the mask as it was. */
	r = sigsetjmp(g.out, 0);
	if (r == 0) {
		entries = (sig_atomic_t)((unsigned)entries + 1);
		inside = &g;
		r = fn(a, arg);
		inside = g.outer;
		guard_close(a);
		return r;
	}
	inside = g.outer;
	guard_close(a);
	return left_by_jump(a, r);
}
