/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long it takes to recover a dead member
 *
 * An arena without a mount, this process its undertaker, as the daemon is.
 * A bystander holds HELD_BLOCKS blocks, so that there are spans to scan.  Each
 * victim frees what the last one left, allocates VICTIM_BLOCKS blocks and some
 * that end with it, takes two core locks, and is killed.  Timed is
 * life_depart(): from the notice until the slot is free.
 *
 *   recover    nanoseconds for one death (the count is how many: the mean)
 *   heap       the heap's share of it alone: one pass over the span words
 */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/heap.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/core/file/format.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/heap/tls.h"
#include "tests/unit/image_witness.h"
#include "worker.h"

#define BASE ((void *)0x550000000000ull)
#define HELD_BLOCKS 200000
#define VICTIM_BLOCKS 5000
#define VICTIM_OWN 100

static struct view undertaker;
static int image = -1;

struct estate {
	void *block[VICTIM_BLOCKS];
};

static int image_make(void)
{
	struct arena_params params = {
		.name = "bench",
		.base = (uint64_t)BASE,
		.span = SPAN_DEFAULT,
		.max_members = MEMBERS_DEFAULT,
		.epoch = 1,
	};
	int r;

	image = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (image < 0)
		return -errno;
	r = format_arena(image, &params);
	undertaker = (struct view){.fd = -1};
	if (!r)
		r = view_map(&undertaker, image, NULL);
	return r < 0 ? r : life_undertake(&undertaker);
}

/* Let @pid in, as the daemon does. */
static int let_in(pid_t pid, uint32_t role, uint32_t *ret_slot)
{
	struct member_info info = {
		.pid = pid,
		.start_time = process_start_time(pid),
		.role = role,
		.comm = "victim",
	};
	int r = life_lock(&undertaker, -1);

	if (r < 0)
		return r;
	r = member_claim(&undertaker, &info, ret_slot);
	if (!r)
		r = member_ready(&undertaker, *ret_slot);
	life_unlock(&undertaker);
	return r;
}

/* In the member's process: what fusion_arena_enter() does after JOIN.  It has
 * a description of its own, as the life lock wants. */
static struct fusion_arena *map_in(uint32_t slot)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));
	int fd = description_of(image);

	a->view = (struct view){.fd = -1};
	a->dirfd = -1;
	if (fd < 0 || view_map(&a->view, fd, BASE) < 0)
		_exit(2);
	a->id = view_member(&a->view, slot)->id;
	if (image_witness(&a->view, slot) < 0 ||
	    life_witness(&a->view, slot, a->id) < 0)
		_exit(3);
	a->view.acts = &member_acts;
	a->tag = heap_tag(slot);
	slab_classes(&a->view, a->classes);
	if (address_add(a) < 0)
		_exit(3);
	return a;
}

static size_t random_size(void)
{
	return 16 + (size_t)rand() % 1009;
}

static void bystand(struct fusion_arena *a, unsigned n)
{
	struct estate *none;

	for (unsigned i = 0; i < n; i++)
		if (!fusion_malloc(a, random_size()))
			_exit(4);
	none = fusion_calloc(a, 1, sizeof(*none));
	fusion_arena_set_root(a, none);
}

static void inherit(struct fusion_arena *a, unsigned n)
{
	struct estate *e = fusion_arena_root(a);
	struct thread_rec *me = thread_rec_of(a);

	srand((unsigned)getpid());
	for (unsigned i = 0; i < n; i++) {
		fusion_free(e->block[i]);
		e->block[i] = fusion_malloc(a, random_size());
	}
	for (unsigned i = 0; i < VICTIM_OWN; i++)
		if (!fusion_malloc_member(a, random_size()))
			_exit(4);
	core_lock(&a->view, me, &a->view.sb->tables[KIND_FIELD].lock);
	core_lock(&a->view, me, &heap_super(&a->view)->span_lock);
}

typedef void (*work_fn)(struct fusion_arena *a, unsigned n);

static void member(int go, int done, work_fn work, unsigned n)
{
	uint32_t slot;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go, &slot, sizeof(slot)) != sizeof(slot))
		_exit(1);
	work(map_in(slot), n);
	if (write(done, "r", 1) != 1)
		_exit(5);
	for (;;)
		pause();
}

/* A member that has done @work.  0 or -errno. */
static int start(uint32_t role, work_fn work, unsigned n, pid_t *ret_pid,
		 uint32_t *ret_slot)
{
	int go[2], done[2], r;
	char c;

	if (pipe(go) || pipe(done))
		return -errno;
	*ret_pid = fork();
	if (!*ret_pid) {
		close(go[1]);
		close(done[0]);
		member(go[0], done[1], work, n);
	}
	close(go[0]);
	close(done[1]);
	r = *ret_pid < 0 ? -errno : let_in(*ret_pid, role, ret_slot);
	if (!r && (write(go[1], ret_slot, sizeof(*ret_slot)) < 0 ||
		   read(done[0], &c, 1) != 1))
		r = -ECHILD;
	close(go[1]);
	close(done[0]);
	return r;
}

static int prepare(void)
{
	static bool prepared;
	uint32_t slot;
	pid_t pid;
	int r = 0;

	if (!prepared)
		r = image_make();
	if (!r && !prepared)
		r = start(1, bystand, HELD_BLOCKS, &pid, &slot);
	prepared = true;
	return r;
}

static int one_death(bool heap_only, double *ret_ns)
{
	uint32_t slot;
	pid_t pid;
	double t;
	int r = start(2, inherit, VICTIM_BLOCKS, &pid, &slot);

	if (r < 0)
		return r;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	r = life_lock(&undertaker, -1);
	if (r < 0)
		return r;
	t = wall_ns();
	if (heap_only) {
		r = recover_member(&undertaker, slot);
		*ret_ns = wall_ns() - t;
		life_depart(&undertaker, slot, true);
	} else {
		r = life_depart(&undertaker, slot, true);
		*ret_ns = wall_ns() - t;
	}
	life_unlock(&undertaker);
	return r < 0 ? r : 0;
}

static int deaths(uint64_t n, bool heap_only, double *ret_ns)
{
	double sum = 0, ns = 0;
	int r = prepare();

	for (uint64_t i = 0; i < n && r == 0; i++) {
		r = one_death(heap_only, &ns);
		sum += ns;
	}
	*ret_ns = sum / (double)n;
	return r;
}

static int run_recover(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return deaths(n, false, ret_ns);
}

static int run_heap(uint64_t n, const char *arg, double *ret_ns)
{
	(void)arg;
	return deaths(n, true, ret_ns);
}

int main(void)
{
	static const struct worker_row rows[] = {
		{"recover", run_recover},
		{"heap", run_heap},
		{NULL, NULL},
	};

	return worker_serve(rows);
}
