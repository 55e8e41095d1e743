/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An arena for unit tests: a formatted file that has no name, and views of it
 *
 * No daemon and no mount: a test that forks shares the file through the
 * inherited descriptor, as members share it through the mount.
 */
#ifndef TESTS_ARENA_IMAGE_H
#define TESTS_ARENA_IMAGE_H

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "libfusion/core/file/format.h"
#include "libfusion/core/file/view.h"

#define IMAGE_BASE ((void *)0x550000000000ull)
#define IMAGE_BASE_2 ((void *)0x550100000000ull) /* of a second one */

/* A formatted file on /dev/shm (limits and punching are tmpfs' own). */
static inline int image_create_at(void *base, uint64_t span, uint64_t limit)
{
	struct arena_params params = {
		.name = "test",
		.base = (uint64_t)base,
		.span = span,
		.limit = limit,
		.max_members = span >> 14 < MEMBERS_DEFAULT
				       ? (uint32_t)(span >> 14)
				       : MEMBERS_DEFAULT,
		.epoch = 1,
	};
	int fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	/* Members open it anew, some of them as another user. */
	assert_int_equal(fchmod(fd, 0666), 0);
	assert_int_equal(format_arena(fd, &params), 0);
	return fd;
}

static inline int image_create(uint64_t span, uint64_t limit)
{
	return image_create_at(IMAGE_BASE, span, limit);
}

static inline void image_map_at(void *base, struct view *v, int fd)
{
	*v = (struct view){.fd = -1};
	assert_int_equal(view_map(v, fd, base), 0);
}

static inline void image_map(struct view *v, int fd)
{
	image_map_at(IMAGE_BASE, v, fd);
}

#endif
