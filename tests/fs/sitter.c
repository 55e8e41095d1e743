/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that enters an arena with time-outs, and one that is in the way
 *
 *   sitter ARENA
 *
 * Does what its standard input says, a line each, and answers with one:
 *   enter MS FLAGS   enter with this time-out (0: none); FLAGS are letters:
 *                    n NOWAIT, s as a slave, d with a callback that stops the
 *                    daemon ($DAEMON), l with one that lasts twice the time-out,
 *                    i INTERRUPTIBLE, u UNTIL: MS from now, 0 long ago.
 *                    "ok" or the name of the error
 *   exit             leave; "ok" or the name of the error
 *   hold, release    the arena's life lock, as a member has it that is stopped
 *                    while it enters or leaves; "ok"
 *   has              "N descriptors, N threads"
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "libfusion/core/life/life.h"

static struct fusion_arena *arena;
static long timeout_ms;

static int stop_daemon(struct fusion_arena *a, void *ctx)
{
	const char *pid = getenv("DAEMON");

	(void)a;
	(void)ctx;
	return pid && kill(atoi(pid), SIGSTOP) == 0 ? 0 : -ESRCH;
}

static int last_long(struct fusion_arena *a, void *ctx)
{
	struct timespec ts = {
		.tv_sec = 2 * timeout_ms / 1000,
		.tv_nsec = 2 * timeout_ms % 1000 * 1000000,
	};

	(void)a;
	(void)ctx;
	while (nanosleep(&ts, &ts) < 0)
		;
	return 0;
}

static void say(int r)
{
	printf("%s\n", r < 0 ? strerrorname_np(-r) : "ok");
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ll + now.tv_nsec;
}

static void enter(const char *name, const char *args)
{
	struct fusion_arena_options o = {.size = sizeof(o)};
	char flags[16] = "";

	timeout_ms = 0;
	sscanf(args, "%ld %15s", &timeout_ms, flags);
	o.timeout_ns = timeout_ms * 1000000;
	if (strchr(flags, 'n'))
		o.flags |= FUSION_ENTER_NOWAIT;
	if (strchr(flags, 'i'))
		o.flags |= FUSION_WAIT_INTERRUPTIBLE;
	if (strchr(flags, 'u')) {
		o.flags |= FUSION_WAIT_UNTIL;
		o.timeout_ns += timeout_ms ? now_ns() : 1;
	}
	if (strchr(flags, 's'))
		o.role = FUSION_ROLE_SLAVE;
	if (strchr(flags, 'd'))
		o.initialize = o.join = stop_daemon;
	if (strchr(flags, 'l'))
		o.initialize = o.join = last_long;
	say(fusion_arena_enter(name, &o, &arena));
}

/* All descriptors of ours of the backing directory: one of them is of the file
 * that has the lock. */
static int life_lock_all(short type)
{
	struct flock lock = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = LIFE_LOCK_BYTE,
		.l_len = 1,
	};
	const char *backing = getenv("BACKING");
	int n = 0;

	for (int fd = 3; fd < 100; fd++) {
		char link[64], file[4096];
		ssize_t len;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		len = readlink(link, file, sizeof(file) - 1);
		file[len < 0 ? 0 : len] = 0;
		if (!backing || strncmp(file, backing, strlen(backing)) != 0)
			continue;
		n += fcntl(fd, F_OFD_SETLKW, &lock) == 0;
	}
	return n > 0 ? 0 : -ENOENT;
}

static void has(void)
{
	char line[128];
	long threads = 0, fds = -3; /* itself, . and .. */
	FILE *f = fopen("/proc/self/status", "re");
	DIR *d;

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Threads: %ld", &threads);
	if (f)
		fclose(f);
	d = opendir("/proc/self/fd");
	while (d && readdir(d))
		fds++;
	if (d)
		closedir(d);
	printf("%ld descriptors, %ld threads\n", fds, threads);
}

static void nothing(int sig)
{
	(void)sig;
}

int main(int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = nothing};
	char line[64];

	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGUSR1, &sa, NULL);
	printf("here\n");
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (!strncmp(line, "enter ", 6))
			enter(argv[1], line + 6);
		else if (!strcmp(line, "exit"))
			say(fusion_arena_exit(arena));
		else if (!strcmp(line, "hold"))
			say(life_lock_all(F_WRLCK));
		else if (!strcmp(line, "release"))
			say(life_lock_all(F_UNLCK));
		else if (!strcmp(line, "has"))
			has();
		else
			return 2;
	}
	return 0;
}
