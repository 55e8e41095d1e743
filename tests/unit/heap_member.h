/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Members that are killed, for tests of the heap. */
#ifndef TESTS_HEAP_MEMBER_H
#define TESTS_HEAP_MEMBER_H

#include "tests/unit/member_image.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <fusion/heap.h>

#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/heap/tls.h"

static inline void print_fault(void *ctx, const char *what)
{
	(void)ctx;
	fprintf(stderr, "# %s\n", what);
}

/* A process that enters the arena of @parent, does something and is killed. */
static inline void run_and_kill(struct fusion_arena *parent,
				void (*fn)(struct fusion_arena *))
{
	int fd = parent->view.fd, status;
	pid_t pid = fork();

	if (!pid) {
		struct fusion_arena *a;

		image_forget(parent);
		a = image_enter(fd);
		fn(a);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
}

#endif
