/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/stage.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fusion/arena.h>
#include <fusion/heap.h>

#include "libfusion/arena/act.h"
#include "libfusion/arena/address.h"
#include "libfusion/arena/arenas.h"
#include "libfusion/core/file/format.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/liveness.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/field.h"
#include "libfusion/heap/tls.h"
#include "tests/unit/image_witness.h"

#define STEPS 400 /* of each life on the stage */
#define KEPT 30	  /* blocks that each leaves behind */

/* The sizes of the past: other classes are new to whoever comes. */
static const uint32_t sizes[] = {16, 64, 112, 1000, 5000, 20000, 150000};

void *stage_field_addr(const struct stage *s, const char *name)
{
	uint64_t h = 1469598103934665603ull;

	while (*name)
		h = (h ^ (unsigned char)*name++) * 1099511628211ull;
	return s->view.base + (h % s->view.geo.span & ~15ull);
}

void **stage_slots(const struct stage *s)
{
	return view_at(&s->view, s->ledger->slots);
}

/* The lock file of the tester, and a description of it that has the witness of
 * whoever is said to live.  Those who are on the stage have theirs in the
 * arena's own file, where `present` has the peer's: its process is gone. */
static int locks = -1, living = -1, present = -1;

static void open_locks(void)
{
	if (locks >= 0)
		return;
	locks = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	living = description_of(locks);
	if (locks < 0 || living < 0)
		die("cannot make a lock file");
}

static void set_living(int fd, uint32_t slot, bool lives)
{
	struct flock lock = {
		.l_type = lives ? F_WRLCK : F_UNLCK,
		.l_whence = SEEK_SET,
		.l_start = LIFE_BYTE(slot),
		.l_len = 1,
	};

	if (fd >= 0 && fcntl(fd, F_OFD_SETLK, &lock) < 0)
		die("cannot keep the witness of slot %u", slot);
}

void stage_identify(struct view *v, uint32_t slot, pid_t pid)
{
	set_living(living, slot, pid != NO_PID);
	struct member_rec *m = view_member(v, slot);

	m->pid = (uint32_t)pid;
	m->start_time = process_start_time(pid);
	/* 0 says something: it has not mapped the arena yet. */
	if (m->own_pid)
		m->own_pid = (uint32_t)pid;
}

/* --- Ways in ------------------------------------------------------------- */

struct fusion_arena *stage_map(struct stage *s)
{
	struct fusion_arena *a = calloc(1, sizeof(*a));
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* A description of its own: a life lock is one's description's. */
	fd = description_of(s->fd);
	view_unmap(&s->view);
	if (!a || fd < 0 || view_map(&a->view, fd, STAGE_BASE) < 0)
		die("cannot map the stage");
	s->view.base = a->view.base; /* for addresses only */
	a->dirfd = -1;
	a->view.acts = &member_acts;
	slab_classes(&a->view, a->classes);
	if (address_add(a) < 0)
		die("too many arenas");
	return a;
}

struct fusion_arena *stage_enter(struct stage *s, uint32_t role, bool ready)
{
	struct fusion_arena *a = stage_map(s);
	struct view *v = &a->view;
	struct member_info info = {
		.pid = getpid(),
		.start_time = process_start_time(getpid()),
		.role = role,
		.comm = "victim",
	};
	uint32_t slot;

	life_lock(v, -1);
	if (image_claim(v, &info, &slot) < 0)
		die("no member slot");
	a->id = view_member(v, slot)->id;
	if (life_witness(v, slot, a->id) < 0 ||
	    (ready && member_ready(v, slot) < 0))
		die("cannot enter");
	life_unlock(v);
	a->tag = heap_tag(slot);
	s->ledger->victim = slot;
	return a;
}

struct fusion_arena *stage_undertake(struct stage *s)
{
	struct fusion_arena *a = stage_map(s);

	if (life_undertake(&a->view) < 0)
		die("cannot undertake");
	s->ledger->victim = 0;
	return a;
}

/* --- The past ------------------------------------------------------------ */

static void live_with_blocks(struct stage *s, struct fusion_arena *a,
			     struct rng *rng, struct ledger_list *mine)
{
	uint32_t size = sizes[rng_below(rng, 7)];
	char *p;

	if (mine->n > 60 || (mine->n && rng_below(rng, 3) == 0)) {
		p = mine->block[rng_below(rng, mine->n)];
		fusion_free(ledger_drop(mine, p));
		return;
	}
	p = fusion_malloc(a, size - rng_below(rng, size / 8 + 1));
	if (p)
		memset(ledger_keep(mine, p), 0xa5, fusion_usable_size(p));
	(void)s;
}

static void live_with_fields(struct stage *s, struct fusion_arena *a,
			     struct rng *rng)
{
	struct thread_rec *me = thread_rec_of(a);
	struct ledger_field *f;
	char name[32];

	snprintf(name, sizeof(name), "past%u", rng_below(rng, 40));
	f = ledger_field(s->ledger, name);
	f->addr = (uint64_t)(uintptr_t)stage_field_addr(s, name);
	if (f->claim == CLAIM_PRESENT && !field_remove(&a->view, me, name))
		f->claim = CLAIM_ABSENT;
	else if (!field_add(&a->view, me, name, f->addr, 8, "past", a->id))
		f->claim = CLAIM_PRESENT;
}

void stage_live(struct stage *s, struct fusion_arena *a, struct rng *rng,
		unsigned n)
{
	struct ledger_list *mine = calloc(1, sizeof(*mine));

	for (unsigned i = 0; i < n; i++) {
		if (rng_below(rng, 8) == 0)
			live_with_fields(s, a, rng);
		else
			live_with_blocks(s, a, rng, mine);
	}
	while (mine->n > KEPT)
		fusion_free(ledger_drop(mine,
					mine->block[rng_below(rng, mine->n)]));
	for (uint32_t i = 0; i < mine->n; i++)
		ledger_keep(&s->ledger->live, mine->block[i]);
	free(mine);
}

static void leave(struct fusion_arena *a)
{
	life_lock(&a->view, -1);
	life_depart(&a->view, a->view.slot, false);
	life_unlock(&a->view);
}

/* The peer never leaves: its process becomes the stand-in. */
static void be_peer(struct stage *s, struct rng *rng)
{
	struct fusion_arena *a = stage_enter(s, FUSION_ROLE_MASTER, true);
	void *slots = fusion_malloc(a, LEDGER_SLOTS * sizeof(void *));

	ledger_keep(&s->ledger->live, slots);
	memset(slots, 0, LEDGER_SLOTS * sizeof(void *));
	s->ledger->slots = view_off(&a->view, slots);
	s->ledger->peer = a->view.slot;
	stage_live(s, a, rng, STEPS);
	for (unsigned i = 0; i < 3; i++)
		ledger_keep(&s->ledger->peers, fusion_malloc_member(a, 200));
	witness_drop(&a->view.witness);
	set_living(present, a->view.slot, true);
	stage_identify(&a->view, a->view.slot, s->stand_in);
	/* With a thread that lives, too. */
	thread_rec_of(a)->tid = (uint32_t)s->stand_in;
}

static void be_passer_by(struct stage *s, struct rng *rng)
{
	struct fusion_arena *a = stage_enter(s, FUSION_ROLE_SLAVE, true);

	stage_live(s, a, rng, STEPS);
	leave(a);
}

static void run_child(struct stage *s, struct rng *rng,
		      void (*life)(struct stage *, struct rng *))
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (!pid) {
		life(s, rng);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("a life on the stage has failed: %x", status);
	rng_next(rng);
}

/* --- Stale bytes ---------------------------------------------------------- */

static void soil(struct rng *rng, void *p, size_t size)
{
	uint8_t *at = p;

	while (size--)
		*at++ = (uint8_t)rng_next(rng) | 1;
}

static void soil_spans(struct view *v, struct rng *rng)
{
	for (uint32_t i = v->geo.first_span; i < span_hi(v); i++) {
		if (!span_is_free(*span_word(v, i)))
			continue;
		soil(rng, span_desc(v, i), sizeof(struct slab_desc));
		soil(rng, span_at(v, i), 8192);
	}
}

static void soil_tables(struct view *v, struct rng *rng)
{
	for (uint32_t i = 1; i < members_hi(v); i++) {
		struct member_rec *m = view_member(v, i);

		if (m->state == MEMBER_FREE)
			soil(rng, (char *)m + 4, sizeof(*m) - 4);
	}
	for (uint32_t i = 0; i < v->sb->threads_hi; i++) {
		struct thread_rec *t = view_thread(v, i);

		if (t->member)
			continue;
		soil(rng, t->span.a, sizeof(t->span.a));
		soil(rng, t->table.a, sizeof(t->table.a));
		soil(rng, t->pool.a, sizeof(t->pool.a));
		soil(rng, t->heap, sizeof(t->heap));
	}
	for (uint32_t i = 0; i < v->sb->tables[KIND_FIELD].hi; i++) {
		struct field_rec *f = view_field(v, i);

		if (f->e.state == ENTRY_FREE)
			soil(rng, (char *)f + 8, sizeof(*f) - 8);
	}
}

static pid_t start_stand_in(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		pause();
}

void stage_open(struct stage *s, uint64_t seed)
{
	struct arena_params params = {
		.name = "crash",
		.base = (uint64_t)(uintptr_t)STAGE_BASE,
		.span = STAGE_SPAN,
		.max_members = STAGE_MEMBERS,
		.epoch = 1,
	};
	struct rng rng = {seed};

	*s = (struct stage){.seed = seed, .ledger = ledger_create()};
	s->fd = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0 || format_arena(s->fd, &params) < 0 ||
	    view_map(&s->view, s->fd, STAGE_BASE) < 0)
		die("cannot set the stage up");
	s->view.fd = -1;
	open_locks();
	view_set_lock(&s->view, locks);
	present = description_of(s->fd);
	if (present < 0)
		die("cannot open the arena's file again");
	s->view.patience_ns = 1000000000; /* as the daemon */
	s->stand_in = start_stand_in();
	run_child(s, &rng, be_peer);
	run_child(s, &rng, be_passer_by);
	soil_spans(&s->view, &rng);
	soil_tables(&s->view, &rng);
	heap_super(&s->view)->trim_ns = 0; /* not by chance, at some time */
	s->ledger->victim = 0;
}

void stage_close(struct stage *s)
{
	kill(s->stand_in, SIGKILL);
	waitpid(s->stand_in, NULL, 0);
	view_unmap(&s->view);
	close(present);
	close(s->fd);
	munmap(s->ledger, sizeof(*s->ledger));
}
