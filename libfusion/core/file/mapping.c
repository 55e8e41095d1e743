/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/file/mapping.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "libfusion/core/base/cancel.h"
#include "libfusion/core/base/fd.h"
#include "libfusion/core/base/futex.h"

/* Parse a line.  1 it is the mapping at @at; 0 a lower one; -ENOENT a higher
 * one, so there is no mapping at @at; -EIO. */
static int parse_maps_line(const char *line, uint64_t at, struct mapping *ret)
{
	uint64_t from, to;
	struct mapping m;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %*x %x:%x %" SCNu64,
		   &from, &to, &m.major, &m.minor, &m.ino) != 5)
		return -EIO;
	if (at < from)
		return -ENOENT;
	if (at >= to)
		return 0;
	*ret = m;
	return 1;
}

static int find_mapping(FILE *f, uint64_t at, struct mapping *ret)
{
	int64_t until = clock_monotonic_ns() + MAPPING_NS;
	size_t size = 0, seen = 0;
	char *line = NULL;
	int r = 0;

	while (!r) {
		ssize_t n = getline(&line, &size, f);

		seen += n > 0 ? (size_t)n : 0;
		if (n <= 0)
			r = ferror(f) ? -EIO : -ENOENT;
		else if (seen > MAPPING_BYTES)
			r = -E2BIG;
		else if (clock_monotonic_ns() > until)
			r = -ETIME;
		else
			r = parse_maps_line(line, at, ret);
	}
	free(line);
	return r < 0 ? r : 0;
}

static int read_mapping(const char *path, uint64_t at, struct mapping *ret)
{
	int cancel = cancel_off(), r;
	FILE *f = fd_fopen(path);

	r = f ? find_mapping(f, at, ret) : -errno;
	if (f)
		fclose(f);
	cancel_back(cancel);
	return r;
}

int mapping_here(uint64_t at, struct mapping *ret)
{
	return read_mapping("/proc/self/maps", at, ret);
}

int mapping_pid(int pidfd)
{
	char path[48], line[128];
	int cancel = cancel_off(), pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	f = fd_fopen(path);
	while (f && !pid && fgets(line, sizeof(line), f))
		(void)sscanf(line, "Pid: %d", &pid);
	if (f)
		fclose(f);
	cancel_back(cancel);
	return pid > 0 ? pid : -ESRCH;
}

int mapping_there(int pidfd, uint64_t at, struct mapping *ret)
{
	int r, pid = mapping_pid(pidfd);
	char path[32];

	if (pid < 0)
		return pid;
	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	r = read_mapping(path, at, ret);
	/* If the process has ended, another process may have its pid by now. */
	if (mapping_pid(pidfd) != pid)
		return -ESRCH;
	return r == -ENOENT ? -ESRCH : r;
}
