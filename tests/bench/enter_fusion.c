/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Members of the arena that $BENCH_ARENA names
 *
 *   hold       enter and stay in
 *   fields     add as many fields to the arena held
 *   enter      enter, timed, and leave
 *   round      enter and leave, both timed
 *   notice     a member is killed: until `events` (the argument) says so
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/arena.h>
#include <fusion/field.h>
#include <fusion/heap.h>

#include "worker.h"

static struct fusion_arena *held;

static int enter(struct fusion_arena **ret)
{
	struct fusion_arena_options options = {.size = sizeof(options)};
	const char *name = getenv("BENCH_ARENA");

	return fusion_arena_enter(name ? name : "bench", &options, ret);
}

static int run_hold(uint64_t n, const char *arg, double *ret_ns)
{
	int r = enter(&held);

	(void)n;
	(void)arg;
	*ret_ns = 0;
	return r < 0 ? r : 0;
}

static int run_fields(uint64_t n, const char *arg, double *ret_ns)
{
	static uint64_t made;
	char name[32], *p;
	double t;
	int r = 0;

	(void)arg;
	if (!held)
		return -EINVAL;
	p = fusion_malloc(held, 64);
	if (!p)
		return -errno;
	t = wall_ns();
	for (uint64_t i = 0; i < n && r == 0; i++) {
		snprintf(name, sizeof(name), "field-%06u", (unsigned)made++);
		r = fusion_field_create(
			held, name,
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = 64,
				.type = "bytes",
				.data = p},
			NULL);
	}
	*ret_ns = (wall_ns() - t) / (double)n;
	return r;
}

/* The time of @n times entering, and in *@ret_all that of leaving too. */
static int time_rounds(uint64_t n, double *ret_enter, double *ret_all)
{
	double entering = 0, all = 0;

	for (uint64_t i = 0; i < n; i++) {
		struct fusion_arena *a;
		double t = wall_ns();
		int r = enter(&a);

		if (r < 0)
			return r;
		entering += wall_ns() - t;
		r = fusion_arena_exit(a);
		if (r < 0)
			return r;
		all += wall_ns() - t;
	}
	*ret_enter = entering / (double)n;
	*ret_all = all / (double)n;
	return 0;
}

static int run_enter(uint64_t n, const char *arg, double *ret_ns)
{
	double unused;

	(void)arg;
	return time_rounds(n, ret_ns, &unused);
}

static int run_round(uint64_t n, const char *arg, double *ret_ns)
{
	double unused;

	(void)arg;
	return time_rounds(n, &unused, ret_ns);
}

static void victim(int fd)
{
	struct fusion_arena *a;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (enter(&a) < 0 || write(fd, "r", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start_victim(void)
{
	int fds[2];
	pid_t pid;
	char c;
	ssize_t n;

	if (pipe(fds))
		return -1;
	pid = fork();
	if (!pid)
		victim(fds[1]);
	close(fds[1]);
	n = read(fds[0], &c, 1);
	close(fds[0]);
	return n == 1 ? pid : -1;
}

/* What there is in `events` by now. */
static void skip_events(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char buf[4096];

	while (poll(&p, 1, 0) == 1 && read(fd, buf, sizeof(buf)) > 0)
		;
}

static int await_death(int fd)
{
	char buf[4096];

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 10000) != 1)
			return -ETIMEDOUT;
		n = read(fd, buf, sizeof(buf) - 1);
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		buf[n] = 0;
		if (strstr(buf, " death "))
			return 0;
	}
}

static int run_notice(uint64_t n, const char *arg, double *ret_ns)
{
	int fd = open(arg, O_RDONLY | O_CLOEXEC), r = 0;
	double sum = 0;

	if (fd < 0)
		return -errno;
	for (uint64_t i = 0; i < n && r == 0; i++) {
		pid_t pid = start_victim();
		double t;

		if (pid < 0) {
			r = -ECHILD;
			break;
		}
		skip_events(fd);
		t = wall_ns();
		kill(pid, SIGKILL);
		r = await_death(fd);
		sum += wall_ns() - t;
		waitpid(pid, NULL, 0);
	}
	close(fd);
	*ret_ns = sum / (double)n;
	return r;
}

int main(void)
{
	static const struct worker_row rows[] = {
		{"hold", run_hold},	{"fields", run_fields},
		{"enter", run_enter},	{"round", run_round},
		{"notice", run_notice}, {NULL, NULL},
	};
	int r = worker_serve(rows);

	if (held)
		fusion_arena_exit(held);
	return r;
}
