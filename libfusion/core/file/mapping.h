/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Mappings: what file a process has mapped at an address
 *
 * A caller that is about to act on a process first makes sure that the process
 * maps the arena.  All members map it at one address, so one line of
 * /proc/PID/maps answers.  Reading stops at that line, after MAPPING_BYTES and
 * after MAPPING_NS: a process can have any number of mappings.
 */
#ifndef FUSION_CORE_MAPPING_H
#define FUSION_CORE_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

#define MAPPING_BYTES (1u << 20)
#define MAPPING_NS 50000000

/* What is mapped: the file, by device and inode. */
struct mapping {
	unsigned int major, minor; /* of the device; 0:0 for no file */
	uint64_t ino;
};

/* Read what this process has mapped at @at.  0; -ENOENT nothing; -errno. */
int mapping_here(uint64_t at, struct mapping *ret);
/*
 * Read what the process of @pidfd has mapped at @at, whatever its pid is in the
 * pid namespace of /proc.
 * 0.
 * -ESRCH it is gone, or /proc does not show it, or it has nothing there.
 * -EACCES this process may not read it.
 * -E2BIG, -ETIME there is too much to read.
 */
int mapping_there(int pidfd, uint64_t at, struct mapping *ret);

/* Read the pid of the process of @pidfd in the pid namespace of /proc.
 * -ESRCH as mapping_there(). */
int mapping_pid(int pidfd);

/* Say whether two mappings are of one file. */
static inline bool mapping_equal(const struct mapping *a,
				 const struct mapping *b)
{
	return a->major == b->major && a->minor == b->minor && a->ino == b->ino;
}

#endif
