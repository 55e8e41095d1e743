/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A member of an arena without a daemon: a handle around a view. */
#ifndef TESTS_MEMBER_IMAGE_H
#define TESTS_MEMBER_IMAGE_H

#include "tests/unit/arena_image.h"
#include "tests/unit/image_witness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/heap/tls.h"
#include "libfusion/talk/dispatch_fd.h"

static inline struct fusion_arena *image_enter_at(void *base, int fd)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));
	struct member_info info = {.pid = getpid(), .role = 1, .comm = "t"};
	uint32_t slot;

	image_map_at(base, &a->view, fd);
	a->view.acts = &member_acts;
	a->dirfd = -1;
	info.start_time = process_start_time(getpid());
	assert_int_equal(life_lock(&a->view, -1), 0);
	assert_int_equal(image_claim(&a->view, &info, &slot), 0);
	a->id = view_member(&a->view, slot)->id;
	assert_int_equal(life_witness(&a->view, slot, a->id), 0);
	a->tag = heap_tag(a->view.slot);
	assert_int_equal(member_ready(&a->view, a->view.slot), 0);
	life_unlock(&a->view);
	slab_classes(&a->view, a->classes);
	assert_int_equal(address_add(a), 0);
	return a;
}

/* In the child of a fork, which is no member.  As the library does it: the
 * caches are forgotten while it is known where the arena was. */
static inline void image_forget(struct fusion_arena *parent)
{
	tls_after_fork_child();
	view_unmap(&parent->view);
}

static inline struct fusion_arena *image_enter(int fd)
{
	return image_enter_at(IMAGE_BASE, fd);
}

/* In the child of a fork: the image that the parent is in, opened anew, as
 * processes that share a description do not exclude each other. */
static inline int image_reopen(struct fusion_arena *parent)
{
	int fd = description_of(parent->view.fd);

	close(parent->view.fd);
	image_forget(parent);
	return fd;
}

/* As if it had entered with FUSION_ENTER_MANUAL: before anything needs the
 * dispatcher. */
static inline void image_dispatches(struct fusion_arena *a)
{
	assert_null(a->dispatcher);
	a->flags |= FUSION_ENTER_MANUAL;
	assert_int_equal(dispatch_fd_open(a), 0);
}

static inline void image_leave(struct fusion_arena *a)
{
	int fd = a->view.fd;

	dispatch_fd_close(a);

	assert_int_equal(life_lock(&a->view, -1), 0);
	assert_true(life_depart(&a->view, a->view.slot, false) >= 0);
	life_unlock(&a->view);
	tls_arena_leave(a);
	address_remove(a);
	view_unmap(&a->view);
	witness_drop(&a->view.witness);
	free(a);
	close(fd);
}

#endif
