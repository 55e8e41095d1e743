/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The witness of a member of an image: what the daemon hands over. */
#ifndef TESTS_IMAGE_WITNESS_H
#define TESTS_IMAGE_WITNESS_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/life/witness.h"

/* A description of its own of the file that @fd is of. */
static inline int description_of(int fd)
{
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_RDWR | O_CLOEXEC);
}

/* Claim a slot for this process, and keep its witness for @v.  Under the life
 * lock.  0, -errno. */
static inline int image_claim(struct view *v, struct member_info *info,
			      uint32_t *ret_slot)
{
	int fd = description_of(v->lockfd), r;

	if (fd < 0)
		return -1;
	info->witness = fd;
	r = member_claim(v, info, ret_slot);
	if (r < 0) {
		close(fd);
		return r;
	}
	return witness_keep(fd, &v->witness);
}

/* The same of a slot that was claimed already. */
static inline int image_witness(struct view *v, uint32_t slot)
{
	int fd = description_of(v->lockfd), r;

	if (fd < 0)
		return -1;
	r = witness_take(fd, slot);
	if (r < 0) {
		close(fd);
		return r;
	}
	return witness_keep(fd, &v->witness);
}

#endif
