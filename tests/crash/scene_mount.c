/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Behind a mount of its own ($FUSIONFS): members enter and leave through
 * libfusion, the daemon recovers.  As "restart" the daemon is killed too, and
 * comes back under them; every other time only when all are dead, so that the
 * parent, a member like any other, has to recover them alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "tests/crash/ledger.h"
#include "tests/crash/torture.h"

#define NAME "torture"
#define WAIT_NS 60000000000 /* for what takes milliseconds */

static char dir[] = "/tmp/fusion-crash.XXXXXX";
static char backing[] = "/dev/shm/fusion-crash.XXXXXX";
static pid_t daemon_pid;

static void read_daemon_pid(void)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/.fusionfs/pid", dir);
	f = fopen(path, "re");
	if (!f || fscanf(f, "%d", &daemon_pid) != 1)
		die("the daemon does not say its pid");
	fclose(f);
}

static void mount_up(void)
{
	const char *fusionfs = getenv("FUSIONFS");
	char option[64];
	int status = -1;
	pid_t pid;

	if (!fusionfs)
		die("$FUSIONFS does not name the daemon");
	snprintf(option, sizeof(option), "backing=%s", backing);
	pid = fork();
	if (!pid) {
		execl(fusionfs, "fusionfs", "-o", option, dir, (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("cannot mount: status %x", status);
	read_daemon_pid();
}

static struct fusion_arena *open_mount(struct torture *t)
{
	const struct fusion_arena_options o = {
		.size = sizeof(o),
		.role = FUSION_ROLE_MASTER,
		.span = 128ull << 20,
	};
	struct fusion_arena *a;
	int r;

	(void)t;
	if (access("/dev/fuse", R_OK | W_OK) < 0 || geteuid() != 0) {
		puts("1..0 # SKIP needs root and /dev/fuse");
		exit(0);
	}
	if (!mkdtemp(dir) || !mkdtemp(backing))
		die("cannot make directories");
	setenv("FUSION_MOUNT", dir, 1);
	mount_up();
	r = fusion_arena_enter(NAME, &o, &a);
	if (r < 0)
		die("cannot enter: %s", strerror(-r));
	return a;
}

/* While the daemon is away there is no way in: try again until it is back, or
 * we are killed. */
static struct fusion_arena *enter_mount(struct torture *t)
{
	const struct fusion_arena_options o = {
		.size = sizeof(o),
		.role = FUSION_ROLE_SLAVE,
		.flags = FUSION_ENTER_EXISTING | FUSION_ENTER_MANUAL,
	};
	struct fusion_arena *a;
	int r;

	(void)t;
	r = fusion_arena_enter(NAME, &o, &a);
	if (r < 0 && r != -ENOTCONN && r != -ENODEV && r != -ENOENT)
		die("a worker cannot enter: %s", strerror(-r));
	return r < 0 ? NULL : a;
}

static void leave_mount(struct fusion_arena *a)
{
	int r = fusion_arena_exit(a);

	if (r < 0)
		die("a worker cannot leave: %s", strerror(-r));
}

static void wait_for_all(struct torture *t)
{
	int r = fusion_members_wait(t->arena, FUSION_ALL, WAIT_NS,
				    FUSION_WAIT_INTERRUPTIBLE);

	if (r < 0)
		die("the dead are not recovered: %s", strerror(-r));
}

static void wait_for_one(struct torture *t, pid_t pid)
{
	const struct view *v = &t->arena->view;

	for (uint32_t i = 1; i < members_hi(v); i++)
		if (view_member(v, i)->pid == (uint32_t)pid &&
		    fusion_members_wait(t->arena, view_member(v, i)->id,
					WAIT_NS, FUSION_WAIT_INTERRUPTIBLE) < 0)
			die("a dead member is not recovered");
}

static void close_mount(struct torture *t)
{
	int r = fusion_arena_exit(t->arena);

	if (r < 0)
		die("cannot leave: %s", strerror(-r));
	/* Busy for a moment after the last user of it was killed. */
	while (umount2(dir, 0) < 0 && errno == EBUSY)
		usleep(1000);
	rmdir(dir);
	for (int i = 0; rmdir(backing) < 0 && i < 10000; i++) {
		if (errno == ENOENT)
			return;
		usleep(1000);
	}
	if (access(backing, F_OK) == 0)
		die("files are left in %s", backing);
}

/* --- The daemon dies -------------------------------------------------------
 */

static void remount(struct torture *t)
{
	(void)t;
	if (daemon_pid)
		return;
	while (umount2(dir, MNT_DETACH) == 0)
		;
	mount_up();
}

static void kill_daemon(struct torture *t)
{
	kill(daemon_pid, SIGKILL);
	/* It is no child of ours: gone when its lock of the directory is. */
	while (kill(daemon_pid, 0) == 0)
		usleep(200);
	daemon_pid = 0;
	t->other_kills++;
	if (t->round % 2)
		remount(t);
}

const struct scene scene_mount = {
	.name = "mount",
	.open = open_mount,
	.enter = enter_mount,
	.leave = leave_mount,
	.one_died = wait_for_one,
	.all_died = wait_for_all,
	.close = close_mount,
};

const struct scene scene_restart = {
	.name = "restart",
	.open = open_mount,
	.enter = enter_mount,
	.leave = leave_mount,
	.one_died = wait_for_one,
	.all_died = wait_for_all,
	.disturb = kill_daemon,
	.repair = remount,
	.close = close_mount,
};
