/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/next_user.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/usage.h"

static char *complaint; /* shared with the tester */

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(complaint, 200, fmt, ap);
	va_end(ap);
	_exit(1);
}

void complain_of(int r, const char *what)
{
	if (r < 0)
		complain("%s: %s", what, strerror(-r));
}

uint64_t blocks_of_all(const struct fusion_arena *a)
{
	struct heap_usage usage;

	heap_usage(&a->view, &usage);
	return usage.blocks;
}

/* As ask_blocks() in oracle.c counts. */
uint64_t blocks_of_others(const struct stage *s)
{
	const struct ledger *l = s->ledger;
	void **slots = stage_slots(s);
	uint64_t n = l->live.n;

	for (unsigned i = 0; i < LEDGER_SLOTS; i++)
		n += slots[i] != NULL;
	if (l->peer && view_member(&s->view, l->peer)->state)
		n += l->peers.n;
	return n;
}

static void be_peer(const struct stage *s, next_user_fn use)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));

	/* A crash is its end. */
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGFPE, SIG_DFL);
	if (!a)
		die("no memory");
	a->view = s->view;
	a->view.slot = s->ledger->peer;
	a->id = view_member(&s->view, s->ledger->peer)->id;
	a->tag = heap_tag(s->ledger->peer);
	a->dirfd = -1;
	slab_classes(&a->view, a->classes);
	if (address_add(a) < 0)
		die("too many arenas");
	use(s, a);
	_exit(0);
}

void next_user(const struct stage *s, next_user_fn use,
	       void (*bad)(void *, const char *), void *ctx)
{
	int status;
	pid_t pid;

	if (!complaint)
		complaint = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (complaint == MAP_FAILED)
		die("no memory for a complaint");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid)
		be_peer(s, use);
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	if (WIFSIGNALED(status))
		bad(ctx, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == 1)
		bad(ctx, complaint);
	else if (status)
		die("the next user has failed: %x", status);
}
