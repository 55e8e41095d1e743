/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fusionfs: a filesystem of shared-memory arenas
 *
 * One thread runs one loop: requests of the kernel, pidfds of members, a clock
 * for what waits, and signals.  Other threads only sleep on bells (bell.c), or
 * bind a socket (hand_over.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "fusionfs/base/clock.h"
#include "fusionfs/base/fuse.h"
#include "fusionfs/base/log.h"
#include "fusionfs/base/loop.h"
#include "fusionfs/base/mount.h"
#include "fusionfs/base/options.h"
#include "fusionfs/base/remount.h"
#include "fusionfs/ops.h"
#include "fusionfs/service/bell.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/hand_over.h"
#include "fusionfs/service/later.h"
#include "fusionfs/service/ports.h"
#include "fusionfs/service/undertaker.h"
#include "fusionfs/service/visitors.h"
#include "fusionfs/service/waiters.h"
#include "fusionfs/serving.h"
#include "fusionfs/tree.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/node.h"
#include "fusionfs/world/world.h"

static struct fuse_session *session;
static char fuse_said[512]; /* libfuse's last message */

static void keep_fuse_message(enum fuse_log_level level, const char *fmt,
			      va_list ap)
{
	if (level > FUSE_LOG_WARNING && !world.options->debug)
		return;
	vsnprintf(fuse_said, sizeof(fuse_said), fmt, ap);
	fuse_said[strcspn(fuse_said, "\n")] = 0;
	if (world.options && world.options->debug)
		fprintf(stderr, "%s\n", fuse_said);
}

/* serve_until_quit() serves requests whatever has woken it. */
static void fuse_device_ready(struct source *s)
{
	(void)s;
}

static int signals = -1;

static void signal_ready(struct source *s)
{
	struct signalfd_siginfo info;

	(void)s;
	if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		world.quit = true;
}

static int watch_signals(struct source *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals < 0 ? -errno : loop_add(s, signals);
}

/* Do what is due by the clock.  Returns ns until more is due. */
static int64_t run_clock(void)
{
	int64_t first = waiters_expire(), patrol;

	first = clock_sooner(first, visitors_retry());
	first = clock_sooner(first, ports_retry());
	first = clock_sooner(first, later_retry());
	patrol = undertaker_patrol();
	if (patrol > 0)
		world_read_again();
	hand_over_patrol();
	return clock_sooner(first, patrol);
}

static int watch_session(void)
{
	static struct source fuse_source = {fuse_device_ready};
	int fd = fuse_session_fd(session), r;

	fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	r = loop_add(&fuse_source, fd);
	if (r < 0)
		complain("cannot watch the FUSE device: %s: raise the limit "
			 "fs.epoll.max_user_watches, or free memory",
			 strerror(-r));
	return r;
}

static void serve_until_quit(void)
{
	while (!world.quit) {
		int64_t due = serving_go_on(session);

		loop_wait(clock_sooner(due, run_clock()));
	}
}

/* --- Starting ---------------------------------------------------------------
 */

/* Without an option the mount might lack its permissions, so none may get lost
 * for want of memory.  0, -ENOMEM. */
static int session_args(const struct options *o, struct fuse_args *args)
{
	char flags[128];
	int r;

	r = fuse_opt_add_arg(args, "fusionfs") |
	    fuse_opt_add_arg(args, "-ofsname=fusionfs,subtype=fusionfs,"
				   "default_permissions,nosuid,nodev");
	if (o->allow_other)
		r |= fuse_opt_add_arg(args, "-oallow_other");
	options_flags(o->flags, flags, sizeof(flags));
	if (*flags)
		r |= fuse_opt_add_arg(args, "-o") |
		     fuse_opt_add_arg(args, flags + 1);
	if (o->mount_options)
		r |= fuse_opt_add_arg(args, "-o") |
		     fuse_opt_add_arg(args, o->mount_options + 1);
	if (o->debug)
		r |= fuse_opt_add_arg(args, "-odebug");
	return r ? -ENOMEM : 0;
}

static int mount_session(const struct options *o)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct hush hushed;
	int r;

	fuse_set_log_func(keep_fuse_message);
	if (session_args(o, &args) == 0)
		session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	fuse_opt_free_args(&args);
	if (!session) {
		complain("cannot start a FUSE session: %s", fuse_said);
		return -EINVAL;
	}
	/* Without root, fusermount3 mounts, and says on standard error why it
	 * cannot. */
	if (!o->debug)
		hush(&hushed);
	r = fuse_session_mount(session, o->mountpoint);
	if (!o->debug)
		unhush(&hushed, fuse_said, sizeof(fuse_said));
	if (r < 0) {
		complain("cannot mount on %s: %s", o->mountpoint,
			 fuse_said[0] ? fuse_said : strerror(errno));
		fuse_session_destroy(session);
		return -EIO;
	}
	if (remount_set_late_flags(o) < 0) {
		fuse_session_unmount(session);
		fuse_session_destroy(session);
		return -EPERM;
	}
	return 0;
}

/* Allow as many descriptors as we may have: each member takes a pidfd.  A file
 * that would be too large is an error of one request, not the end of the
 * daemon. */
static void raise_limits(void)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		note("cannot raise the limit of open files: %s",
		     strerror(errno));
}

/* An arena that ends tells them in this order. */
static const struct arena_service *const services[] = {
	&undertaker_service,
	&waiters_service,
	&later_service,
	&visitors_service,
	&ports_service,
	&events_service,
	NULL,
};

static int open_world(struct options *o)
{
	static struct source signal_source = {signal_ready};
	int r = loop_init();

	if (r < 0)
		return r;
	r = guard_init();
	if (r < 0)
		complain("cannot set a timer: %s", strerror(-r));
	if (r < 0)
		return r;
	raise_limits();
	arena_services_begin(services);
	node_begin(tree_rows, tree_n_rows);
	r = world_open(o);
	if (r < 0)
		return r;
	r = watch_signals(&signal_source);
	if (r < 0)
		complain("cannot watch signals: %s", strerror(-r));
	else if ((r = bell_init()) < 0)
		complain("cannot listen to bells: %s", strerror(-r));
	else if ((r = hand_over_init()) < 0)
		complain("cannot make a pipe: %s", strerror(-r));
	if (r < 0)
		world_close();
	return r;
}

static void into_background(int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_to_syslog();
	setsid();
	if (chdir("/") < 0)
		note("cannot change to /: %s", strerror(errno));
	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		close(null);
	}
	if (write(report, "", 1) != 1)
		note("nobody waits for this daemon's start");
	close(report);
}

/* The exit status after @error.  What failed has usually said why. */
static int cannot_start(int error)
{
	if (!has_complained())
		complain("cannot start: %s: free memory and descriptors, then "
			 "try again",
			 strerror(-error));
	return 1;
}

static int run_daemon(struct options *o, int report)
{
	int r = open_world(o);
	bool failed;

	if (r < 0)
		return cannot_start(r);
	if (mount_session(o) < 0) {
		world_close();
		return 1;
	}
	r = watch_session();
	if (r == 0 && report >= 0)
		into_background(report);
	if (r == 0)
		serve_until_quit();
	failed = world.failed;
	world_stop();
	hand_over_stop();
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	ops_end();
	serving_end();
	world_close();
	return r < 0 || failed ? 1 : 0;
}

/* Serve in a child.  The exit status of the parent says whether the mount is
 * up. */
static int serve_in_background(struct options *o)
{
	int report[2];
	pid_t pid;
	char byte;

	if (pipe2(report, O_CLOEXEC) < 0) {
		complain("cannot make a pipe: %s", strerror(errno));
		return 1;
	}
	pid = fork();
	if (pid < 0) {
		complain("cannot fork: %s", strerror(errno));
		return 1;
	}
	if (pid == 0) {
		close(report[0]);
		return run_daemon(o, report[1]);
	}
	close(report[1]);
	return read(report[0], &byte, 1) == 1 ? 0 : 1;
}

/* Open what is missing of descriptors 0 to 2, before a file of ours gets
 * such a number: messages are printed to these, and into_background()
 * replaces them. */
static void take_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0) /* a bare chroot: take a descriptor that can do
			       nothing */
			fd = open("/", O_PATH);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* Close what we have inherited, and must not keep: a pipe whose reader waits
 * for its end, a lock, a directory that is to be unmounted. */
static void clean_descriptors(void)
{
	take_standard_descriptors();
	closefrom(STDERR_FILENO + 1);
}

int main(int argc, char **argv)
{
	static struct options o;
	int r;

	clean_descriptors();
	r = options_parse(&o, argc, argv);
	if (r < 0)
		return cannot_start(r);
	if (o.help) {
		options_help();
		return 0;
	}
	if (o.version) {
		printf("fusionfs " FUSION_VERSION " (format %u)\n",
		       FUSION_FORMAT);
		return 0;
	}
	if (o.remount) {
		r = remount_change(&o);
		return r < 0 ? cannot_start(r) : 0;
	}
	world.options = &o;
	r = mount_check(&o);
	if (r < 0)
		return cannot_start(r);
	return o.foreground ? run_daemon(&o, -1) : serve_in_background(&o);
}
