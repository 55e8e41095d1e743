/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "fusionfs/world.h"

static sigjmp_buf out;
static volatile sig_atomic_t depth;

static void on_fault(int sig)
{
	if (depth > 0)
		siglongjmp(out, 1);
	signal(sig, SIG_DFL);
	raise(sig);
}

void guard_init(void)
{
	struct sigaction sa = {.sa_handler = on_fault, .sa_flags = SA_NODEFER};

	sigaction(SIGBUS, &sa, NULL);
}

/* The life lock was held when the fault came: the kernel's is taken back, and
 * the gate is as new.  We are the only thread that touches it. */
static void drop_locks(struct arena *a)
{
	if (!a->view.gate.owner)
		return;
	a->view.gate.depth = 1;
	a->view.gate.rec = NULL;
	life_unlock(&a->view);
}

int guarded(struct arena *a, int (*fn)(struct arena *a, void *arg), void *arg)
{
	int r;

	if (a->corrupt || !a->view.base)
		return -EIO;
	if (depth)
		return fn(a, arg);
	/* No mask is saved, two system calls for each of 100,000 fields:
	 * SA_NODEFER has left it as it was. */
	if (sigsetjmp(out, 0)) {
		depth = 0;
		drop_locks(a);
		arena_is_corrupt(a, "its backing file was cut short");
		return -EIO;
	}
	depth = 1;
	r = fn(a, arg);
	depth = 0;
	return r;
}
