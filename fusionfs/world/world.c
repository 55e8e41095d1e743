/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/world.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "fusionfs/base/log.h"
#include "fusionfs/base/serial.h"
#include "fusionfs/world/arena_service.h"
#include "libfusion/core/base/futex.h"

#define READ_AGAIN_NS 1000000000

struct world world;

struct arena *world_find(const char *name)
{
	struct arena *a = world.arenas;

	while (a && strcmp(a->name, name) != 0)
		a = a->next;
	return a;
}

struct arena *world_serial(uint64_t serial)
{
	struct arena *a = world.arenas;

	while (a && a->serial != serial)
		a = a->next;
	return a;
}

static void adopt_arenas(void)
{
	int fd = openat(world.backing.fd, ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r;

	world.unread = !dir;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.') {
			/* An earlier daemon was killed while it made this. */
			if (!strncmp(e->d_name, ".new.", 5))
				store_remove(&world.backing, e->d_name);
			continue;
		}
		if (world_find(e->d_name))
			continue;
		r = arena_adopt(e->d_name);
		if (error_is_temporary(r))
			world.unread = true;
		else if (r < 0)
			note("%s/%s is no arena%s and stays as it is",
			     world.backing.path, e->d_name,
			     r == -EPROTO ? " of this version" : "");
	}
	closedir(dir);
}

void world_read_again(void)
{
	static int64_t next_ns;
	int64_t now = clock_monotonic_ns();

	if (!world.unread || now < next_ns)
		return;
	next_ns = now + READ_AGAIN_NS;
	adopt_arenas();
}

/* Return half of the memory, so that one user alone cannot have all. */
static uint64_t half_of_memory(void)
{
	struct statvfs st;

	if (fstatvfs(world.backing.fd, &st) == 0 && st.f_blocks)
		return (uint64_t)st.f_blocks * st.f_frsize / 2;
	/* A tmpfs without a size may take all memory of the machine. */
	return (uint64_t)sysconf(_SC_PHYS_PAGES) *
	       (uint64_t)sysconf(_SC_PAGESIZE) / 2;
}

static uint64_t standard_limit(enum quota kind)
{
	struct rlimit files;
	uint64_t n = quota_standard(kind);

	if (kind == QUOTA_MEMORY)
		return half_of_memory();
	/* Each member takes a descriptor of the daemon: a quarter of those. */
	if (kind == QUOTA_MEMBERS && getrlimit(RLIMIT_NOFILE, &files) == 0 &&
	    files.rlim_cur / 4 < n)
		return files.rlim_cur / 4;
	return n;
}

static void begin_world_quotas(struct options *o)
{
	for (int i = 0; i < N_QUOTAS; i++)
		if (o->user_limits[i] == QUOTA_UNSET)
			o->user_limits[i] = standard_limit(i);
	quota_begin(o->user_limits);
}

int world_open(struct options *o)
{
	int r;

	world = (struct world){
		.options = o,
		.started_ns = clock_monotonic_ns(),
		.started_real_ns = (uint64_t)clock_realtime_ns(),
	};
	r = backing_open(&world.backing, o);
	if (r < 0)
		return r;
	begin_world_quotas(o);
	adopt_arenas();
	return 0;
}

void world_stop(void)
{
	for (struct arena *a = world.arenas; a; a = a->next)
		arena_services_stop(a);
}

void world_close(void)
{
	bool left = false;

	while (world.arenas) {
		struct arena *a = world.arenas;
		bool joined = arena_joined(a);

		left = left || joined;
		arena_destroy(a, !joined);
	}
	backing_close(&world.backing, !left);
	quota_end();
	serials_finish();
}
