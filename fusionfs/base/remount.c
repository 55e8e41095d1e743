/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/remount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "fusionfs/base/log.h"
#include "fusionfs/base/mount.h"

static int open_options(const char *dir, int flags)
{
	char *path;
	int fd, r;

	if (asprintf(&path, "%s/.fusionfs/options", dir) < 0)
		return -ENOMEM;
	fd = open(path, flags | O_CLOEXEC);
	r = fd < 0 ? -errno : fd;
	free(path);
	return r;
}

/* Does the running server list the line @want among its options? */
static int server_has_option(const char *dir, const char *want)
{
	int fd = open_options(dir, O_RDONLY), found = 0;
	size_t size = 0;
	char *line = NULL;
	FILE *f;

	if (fd < 0)
		return fd;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	while (!found && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = 0;
		found = !strcmp(line, want);
	}
	free(line);
	fclose(f);
	return found;
}

static int check_option(const char *dir, const char *want, const char *option)
{
	int r = server_has_option(dir, want);

	if (r > 0)
		return 0;
	if (r == 0)
		complain("cannot change %s of the mount on %s while it is "
			 "mounted: unmount it and mount it again",
			 option, dir);
	else
		complain("cannot read %s/.fusionfs/options: %s: if its "
			 "daemon is dead, mount it again",
			 dir, strerror(-r));
	return r == 0 ? -EINVAL : r;
}

static int check_fixed_options(const struct options *o)
{
	char *line;
	int r = 0;

	if (o->allow_other)
		r = check_option(o->mountpoint, "allow_other 1", "allow_other");
	if (r < 0 || !o->backing)
		return r;
	if (asprintf(&line, "backing %s", o->backing) < 0)
		return -ENOMEM;
	r = check_option(o->mountpoint, line, "backing");
	free(line);
	return r;
}

/* Write all options as one line: the server takes all or none. */
static int write_options(int fd, const char *text)
{
	char *line;
	int r, len = asprintf(&line, "%s\n", text);

	if (len < 0)
		return -ENOMEM;
	r = write(fd, line, (size_t)len) < 0 ? -errno : 0;
	free(line);
	return r;
}

static int tell_server(const struct options *o)
{
	const char *list = o->changeable ? o->changeable + 1 : NULL;
	int fd, r;

	if (!list)
		return 0;
	fd = r = open_options(o->mountpoint, O_WRONLY);
	if (fd >= 0) {
		r = write_options(fd, list);
		close(fd);
	}
	if (r < 0)
		complain("cannot change %s of the mount on %s: %s", list,
			 o->mountpoint, strerror(-r));
	return r;
}

#define LATE_FLAGS (MS_NODIRATIME | MS_STRICTATIME | MS_NOSYMFOLLOW)

static int mount_flags(const struct options *o, unsigned long how)
{
	unsigned long flags = o->flags | how | MS_NOSUID | MS_NODEV;

	return mount(NULL, o->mountpoint, NULL, flags, NULL) < 0 ? -errno : 0;
}

int remount_set_late_flags(const struct options *o)
{
	int r = o->flags & LATE_FLAGS ? mount_flags(o, MS_REMOUNT | MS_BIND)
				      : 0;

	/* The server tells all times itself, so the other flags change
	 * nothing. */
	if (r == -EPERM && !(o->flags & MS_NOSYMFOLLOW))
		return 0;
	if (r < 0)
		complain("cannot set nosymfollow on %s: %s: only root may: "
			 "run mount as root",
			 o->mountpoint, strerror(-r));
	return r;
}

static int change_kernel_flags(const struct options *o)
{
	int r = mount_flags(o, MS_REMOUNT);

	if (r == 0)
		return 0;
	complain("cannot remount %s: %s%s", o->mountpoint, strerror(-r),
		 r == -EPERM ? ": only root may: run mount as root" : "");
	return r;
}

int remount_change(struct options *o)
{
	bool ro = o->flags & MS_RDONLY;
	int r;

	o->mountpoint = mount_path(o->mountpoint);
	if (!o->mountpoint)
		return -ENOMEM;
	if (!mount_is_ours(o->mountpoint)) {
		complain("cannot remount %s: no fusionfs is mounted there: "
			 "mount it first, without -o remount",
			 o->mountpoint);
		return -EINVAL;
	}
	r = check_fixed_options(o);
	/* The server is told through the mount, so the mount must be writable
	 * then. */
	if (r == 0 && !ro)
		r = change_kernel_flags(o);
	if (r == 0)
		r = tell_server(o);
	if (r == 0 && ro)
		r = change_kernel_flags(o);
	return r;
}
