/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A private mount for a test program: $FUSIONFS on directories of its own. */
#ifndef TESTS_STRESS_MOUNT_H
#define TESTS_STRESS_MOUNT_H

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char mount_dir[64], backing_dir[64];

/* Mount, or mount again over the same backing directory. */
static inline void mount_up(void)
{
	const char *fusionfs = getenv("FUSIONFS");
	char option[96];
	int status;
	pid_t pid;

	assert_non_null(fusionfs);
	snprintf(option, sizeof(option), "backing=%s", backing_dir);
	pid = fork();
	if (!pid) {
		execl(fusionfs, "fusionfs", "-o", option, mount_dir,
		      (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static inline void mount_down(void)
{
	/* Busy for a moment after the last user of it was killed. */
	while (umount2(mount_dir, 0) < 0 && errno == EBUSY)
		usleep(1000);
}

static inline int mount_create(void **state)
{
	(void)state;
	if (access("/dev/fuse", R_OK | W_OK) < 0 || geteuid() != 0) {
		print_message("# needs root and /dev/fuse\n");
		return -1;
	}
	strcpy(mount_dir, "/tmp/fusion-stress.XXXXXX");
	strcpy(backing_dir, "/dev/shm/fusion-stress.XXXXXX");
	if (!mkdtemp(mount_dir) || !mkdtemp(backing_dir))
		return -1;
	setenv("FUSION_MOUNT", mount_dir, 1);
	mount_up();
	return 0;
}

static inline int mount_destroy(void **state)
{
	char command[160];

	(void)state;
	mount_down();
	rmdir(mount_dir);
	/* Nothing may be left in it: a clean unmount removes all. */
	for (int i = 0; rmdir(backing_dir) < 0 && i < 5000; i++) {
		if (errno == ENOENT)
			return 0;
		usleep(1000);
	}
	if (access(backing_dir, F_OK) == 0) {
		print_message("# left behind in %s\n", backing_dir);
		snprintf(command, sizeof(command), "rm -rf %s", backing_dir);
		return system(command) ? -1 : -1;
	}
	return 0;
}

/* The daemon's process id, from its tree. */
static inline pid_t mount_daemon(void)
{
	char path[96];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/.fusionfs/pid", mount_dir);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

/* Kill the daemon and wait until it is dead; its mount stays, dead too. */
static inline void mount_kill(void)
{
	pid_t pid = mount_daemon();
	struct pollfd fd = {
		.fd = (int)syscall(SYS_pidfd_open, pid, 0),
		.events = POLLIN,
	};

	assert_true(fd.fd >= 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(poll(&fd, 1, -1), 1);
	close(fd.fd);
}

#endif
