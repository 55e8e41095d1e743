/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program without some of its standard descriptors that enters an arena
 *
 *   closed ARENA REPORT
 *
 * It says to descriptor REPORT what is wrong: which of the numbers 0 to 2 that
 * were free at its start are not any more, if only for a moment, and which
 * descriptors of the library another program would inherit.  Then it prints to
 * the standard output and the standard error.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/fusion.h>

#define ROUNDS 10 /* of entering and leaving, while a thread looks */

static int report;
static bool was_open[1024];
static atomic_bool over;

/* O_PATH: nothing can be written there, nor read. */
static bool is_in_use(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && !(flags & O_PATH);
}

static void look(const char *when)
{
	for (int fd = 0; fd < 3; fd++)
		if (!was_open[fd] && is_in_use(fd))
			dprintf(report, "%s: %d is in use\n", when, fd);
}

static void *keep_looking(void *arg)
{
	(void)arg;
	while (!over)
		look("meanwhile");
	return NULL;
}

static void must(const char *what, int r)
{
	if (r >= 0)
		return;
	dprintf(report, "%s: %s\n", what, strerror(-r));
	exit(1);
}

static struct fusion_arena *enter(const char *name, uint32_t flags)
{
	const struct fusion_arena_options options = {
		.size = sizeof(options),
		.flags = FUSION_ENTER_FORK | flags,
	};
	struct fusion_arena *a;

	must("enter", fusion_arena_enter(name, &options, &a));
	return a;
}

static void leave(struct fusion_arena *a)
{
	must("exit", fusion_arena_exit(a));
}

static void on_leave(struct fusion_arena *a, enum fusion_notice how,
		     uint32_t id, void *ctx)
{
	(void)a;
	(void)how;
	(void)id;
	(void)ctx;
}

/* All that was not there before must end with exec. */
static void look_at_flags(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		int fd = atoi(e->d_name);

		if (fd < 1024 && !was_open[fd] && fd != dirfd(dir) &&
		    !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			dprintf(report, "%d is inherited by exec\n", fd);
	}
	if (dir)
		closedir(dir);
}

static void use(struct fusion_arena *a)
{
	struct fusion_slot *slot;
	struct fusion_ref *ref;
	pid_t child;

	must("on_leave", fusion_arena_on_leave(a, on_leave, NULL, NULL, &slot));
	must("ref", fusion_ref_create(a, NULL, NULL, &ref));
	must("up", fusion_ref_up(ref));
	look("inside");
	child = fork();
	if (child == 0) {
		look("child");
		_exit(0);
	}
	waitpid(child, NULL, 0);
	look("after fork");
	must("cancel", fusion_slot_cancel(slot));
	must("down", fusion_ref_down(ref));
}

static int is_readable(int fd, int ms)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, ms);
}

static void on_message(const struct fusion_message *m, void *ctx)
{
	(void)m;
	(void)ctx;
}

/* What the child gets makes its own descriptor readable, which has the number
 * of the parent's. */
static void poll_in_child(struct fusion_arena *a, int fd)
{
	look("child by hand");
	if (fusion_arena_fd(a) != fd)
		dprintf(report, "the child's descriptor is another number\n");
	must("handle",
	     fusion_message_handle(a, 1, on_message, NULL, NULL, NULL));
	must("dispatch", fusion_arena_dispatch(a, 0, 0));
	if (is_readable(fd, 0))
		dprintf(report, "it is readable, and there is nothing\n");
	must("send",
	     fusion_message_send(a, fusion_arena_id(a), 1, "", 0, 0, 0));
	if (is_readable(fd, 10000) != 1)
		dprintf(report, "the child is not told of a message\n");
}

static void use_by_hand(struct fusion_arena *a)
{
	int fd = fusion_arena_fd(a);
	pid_t child;

	must("fd", fd);
	must("dispatch", fusion_arena_dispatch(a, 0, 0));
	look("by hand");
	look_at_flags();
	child = fork();
	if (child == 0) {
		poll_in_child(a, fd);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	if (is_readable(fd, 0))
		dprintf(report, "the parent is told what the child got\n");
}

int main(int argc, char **argv)
{
	static const char text[] = "a text that goes nowhere\n";
	struct fusion_arena *a;
	pthread_t thread;

	if (argc != 3)
		return 2;
	report = atoi(argv[2]);
	for (int fd = 0; fd < 1024; fd++)
		was_open[fd] = fcntl(fd, F_GETFD) >= 0;
	pthread_create(&thread, NULL, keep_looking, NULL);
	for (int i = 0; i < ROUNDS; i++)
		leave(enter(argv[1], i % 2 ? FUSION_ENTER_MANUAL : 0));
	over = true;
	pthread_join(thread, NULL);
	a = enter(argv[1], 0);
	use(a);
	leave(a);
	a = enter(argv[1], FUSION_ENTER_MANUAL);
	use_by_hand(a);
	for (int fd = 1; fd < 3; fd++)
		if (write(fd, text, sizeof(text) - 1) > 0 && !was_open[fd])
			dprintf(report, "%d took a text\n", fd);
	leave(a);
	dprintf(report, "done\n");
	return 0;
}
