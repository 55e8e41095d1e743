/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What file a process has mapped at an address
 *
 * A caller that is about to act on a process makes sure first that it maps
 * the arena.  All members map it at the same address, so one line of
 * /proc/PID/maps answers.  No more is read than leads to that line, and no more
 * than MAPPING_BYTES: a process can have any number of mappings.
 */
#ifndef FUSION_CORE_MAPPING_H
#define FUSION_CORE_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#define MAPPING_BYTES (1u << 20)
#define MAPPING_NS 50000000 /* nor for longer than this */

struct mapping {
	unsigned int major, minor; /* of the device; 0:0 for no file */
	uint64_t ino;
};

/* At address @at in this process.  0; -ENOENT nothing is there; -errno. */
int mapping_here(uint64_t at, struct mapping *ret);
/* The same in the process that @pidfd stands for, which may have any number in
 * the pid namespace of /proc.  -ESRCH it is gone, or /proc does not show it;
 * -EACCES this process may not look; -E2BIG, -ETIME it is too much to read. */
int mapping_there(int pidfd, uint64_t at, struct mapping *ret);

/* The number of that process in the pid namespace of /proc; -ESRCH. */
int mapping_pid(int pidfd);

static inline bool mapping_equal(const struct mapping *a,
				 const struct mapping *b)
{
	return a->major == b->major && a->minor == b->minor && a->ino == b->ino;
}

#endif
