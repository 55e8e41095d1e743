/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/sizes.h"

#include <stddef.h>

#include "libfusion/core/base/futex.h"

#define BUCKETS 256u
#define PATH_LOOKUPS 64u
#define PATH_LOOKUP_NS 1000000000

static struct sized *buckets[BUCKETS];

/* The last LOOKUP of a thread; the GETATTR that follows is about that path. */
static struct path_lookup {
	uint64_t ino, told;
	pid_t tid;
	int64_t at_ns; /* 0: there is none, or its GETATTR has come */
} path_lookups[PATH_LOOKUPS];

static struct sized **sized_bucket(uint64_t ino)
{
	return &buckets[(ino * 0x9e3779b97f4a7c15u) >> 56];
}

static struct path_lookup *path_lookup_of(pid_t tid)
{
	return &path_lookups[(uint32_t)tid % PATH_LOOKUPS];
}

void sizes_open(struct sized *s, uint64_t ino, pid_t tid)
{
	struct path_lookup *n = path_lookup_of(tid);
	struct sized **at = sized_bucket(ino);

	*s = (struct sized){.next = *at, .ino = ino, .opener = tid};
	/* A file that is opened without a LOOKUP, by /proc/self/fd, has the
	 * size 0, so that no page is given before a process has asked for the
	 * size. */
	if (n->ino == ino && n->tid == tid) {
		s->told = n->told;
		n->at_ns = 0;
	}
	*at = s;
}

void sizes_close(struct sized *s)
{
	struct sized **at = sized_bucket(s->ino);

	while (*at && *at != s)
		at = &(*at)->next;
	if (*at)
		*at = s->next;
}

void sizes_tell(uint64_t ino, uint64_t size)
{
	for (struct sized *s = *sized_bucket(ino); s; s = s->next)
		if (s->ino == ino)
			s->told = size;
	for (unsigned i = 0; i < PATH_LOOKUPS; i++)
		if (path_lookups[i].ino == ino)
			path_lookups[i].told = size;
}

void sizes_tell_path(uint64_t ino, pid_t tid, uint64_t size)
{
	sizes_tell(ino, size);
	*path_lookup_of(tid) = (struct path_lookup){
		.ino = ino,
		.told = size,
		.tid = tid,
		.at_ns = clock_monotonic_ns(),
	};
}

void sizes_written(uint64_t ino, uint64_t end)
{
	for (struct sized *s = *sized_bucket(ino); s; s = s->next)
		if (s->ino == ino && s->told < end)
			s->told = end;
}

/* Does this GETATTR belong to a LOOKUP?  Only the first one does. */
static int is_getattr_of_path(uint64_t ino, pid_t tid)
{
	struct path_lookup *n = path_lookup_of(tid);
	int64_t at_ns = n->at_ns;

	if (n->ino != ino || n->tid != tid)
		return 0;
	n->at_ns = 0;
	return at_ns && clock_monotonic_ns() - at_ns < PATH_LOOKUP_NS;
}

struct sized *sizes_asked(uint64_t ino, pid_t tid)
{
	struct sized *other = NULL;
	int n_others = 0;

	if (is_getattr_of_path(ino, tid))
		return NULL;
	/* The newest first. */
	for (struct sized *s = *sized_bucket(ino); s; s = s->next) {
		if (s->ino != ino)
			continue;
		if (s->opener == tid)
			return s;
		other = s;
		n_others++;
	}
	/* A descriptor that was handed on, if there is one only. */
	return n_others == 1 ? other : NULL;
}
