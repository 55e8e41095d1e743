/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls without a library: `raw`, two lines of shared memory that both look at
 * all the time, the least there can be; `futex`, the same words, and who waits
 * sleeps; `eventfd`, two of them; `unix`, a pair of seqpacket sockets
 */
#include <stdbool.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static void turn(bool on);
#define CALL_TURN(on) turn(on)

#include "call_load.h"

static struct {
	struct {
		uint32_t word, pad[31];
	} there, back, on;
} * lines;
static uint32_t laps; /* words of shared memory count for ever */
static int fd[2];

static void wait_spinning(uint32_t *word, uint32_t seen)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == seen)
#ifdef __x86_64__
		__builtin_ia32_pause()
#endif
			;
}

static void wait_asleep(uint32_t *word, uint32_t seen)
{
	while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == seen)
		futex_wait(word, seen);
}

static void raw_serve(void)
{
	uint32_t on = 0;

	for (uint32_t seen = 0;; seen++) {
		/* Between two turns it sleeps.  It looks before it answers:
		 * then only the turn's last lap can tell it to. */
		if (!on)
			wait_asleep(&lines->on.word, 0);
		wait_spinning(&lines->there.word, seen);
		on = __atomic_load_n(&lines->on.word, __ATOMIC_RELAXED);
		__atomic_store_n(&lines->back.word, seen + 1, __ATOMIC_RELEASE);
	}
}

static int64_t raw_once(uint32_t word)
{
	uint32_t seen = laps++;

	__atomic_store_n(&lines->there.word, laps, __ATOMIC_RELEASE);
	wait_spinning(&lines->back.word, seen);
	return (int64_t)word + 1;
}

static void raw_turn(bool on)
{
	__atomic_store_n(&lines->on.word, on, __ATOMIC_RELEASE);
	if (on)
		futex_wake(&lines->on.word);
	else
		raw_once(0);
}

static void futex_serve(void)
{
	for (uint32_t seen = 0;; seen++) {
		wait_asleep(&lines->there.word, seen);
		__atomic_store_n(&lines->back.word, seen + 1, __ATOMIC_RELEASE);
		futex_wake(&lines->back.word);
	}
}

static int64_t futex_once(uint32_t word)
{
	uint32_t seen = laps++;

	__atomic_store_n(&lines->there.word, laps, __ATOMIC_RELEASE);
	futex_wake(&lines->there.word);
	wait_asleep(&lines->back.word, seen);
	return (int64_t)word + 1;
}

static int eventfd_prepare(void)
{
	fd[0] = eventfd(0, EFD_CLOEXEC);
	fd[1] = eventfd(0, EFD_CLOEXEC);
	return fd[0] < 0 || fd[1] < 0 ? -errno : 0;
}

/* An eventfd cannot carry a zero. */
static void eventfd_serve(void)
{
	eventfd_t value;

	while (!eventfd_read(fd[0], &value) && !eventfd_write(fd[1], value + 1))
		;
}

static int64_t eventfd_once(uint32_t word)
{
	eventfd_t value;

	if (eventfd_write(fd[0], (eventfd_t)word + 1) ||
	    eventfd_read(fd[1], &value))
		return -errno;
	return (int64_t)value - 1;
}

static int unix_prepare(void)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fd) ? -errno : 0;
}

static void unix_serve(void)
{
	uint64_t word;

	while (recv(fd[1], &word, sizeof(word), 0) == sizeof(word)) {
		word++;
		if (send(fd[1], &word, sizeof(word), 0) != sizeof(word))
			break;
	}
}

static int64_t unix_once(uint32_t word)
{
	uint64_t value = word;

	if (send(fd[0], &value, sizeof(value), 0) != sizeof(value) ||
	    recv(fd[0], &value, sizeof(value), 0) != sizeof(value))
		return -errno;
	return (int64_t)value;
}

static int lines_prepare(void)
{
	lines = peers_share(sizeof(*lines));
	return 0;
}

static const struct means {
	const char *name;
	int (*prepare)(void);
	void (*serve)(void);
	int64_t (*once)(uint32_t word);
	void (*turn)(bool on);
} all_means[] = {
	{"raw", lines_prepare, raw_serve, raw_once, raw_turn},
	{"futex", lines_prepare, futex_serve, futex_once, NULL},
	{"eventfd", eventfd_prepare, eventfd_serve, eventfd_once, NULL},
	{"unix", unix_prepare, unix_serve, unix_once, NULL},
	{0},
};
static const struct means *means = all_means;

static int call_prepare(void)
{
	return means->prepare();
}

static void call_serve(void)
{
	peers_ready();
	means->serve();
}

static int call_enter(void)
{
	return 0;
}

static int64_t call_once(uint32_t word)
{
	return means->once(word);
}

static void turn(bool on)
{
	if (means->turn)
		means->turn(on);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "raw";

	while (means->name && strcmp(means->name, name))
		means++;
	if (!means->name)
		worker_fail(name, EINVAL);
	return call_main();
}
