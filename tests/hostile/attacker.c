/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A member that harms its arena, by what it knows of the layout
 *
 * usage: attacker ARENA ATTACK
 *
 * It enters the arena, does the harm, says `attacking` and goes on with what
 * has to go on until it is killed.  What cannot be done says why and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fusion/fusion.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/heap_layout.h"
#include "libfusion/core/file/lock.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/span.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_slot.h"
#include "libfusion/core/talk/ring.h"

#define NOBODY 0x3ffffff1u
#define MANY 2000 /* threads: to claim one takes a look at all before it */

static struct fusion_arena *arena;
static struct view *view;

static void attacking(void)
{
	printf("attacking\n");
	fflush(stdout);
}

static void rest(void)
{
	attacking();
	for (;;)
		pause();
}

/* --- Locks -----------------------------------------------------------------
 */

/* All that are in the superblock. */
static struct core_lock *lock_at(unsigned i)
{
	struct superblock *sb = view->sb;

	if (i < N_KINDS)
		return &sb->tables[i].lock;
	switch (i - N_KINDS) {
	case 0:
		return &sb->event_lock;
	case 1:
		return &sb->rows.lock;
	case 2:
		return &sb->ref_family;
	case 3:
		return &sb->lend;
	case 4:
		return &sb->rings.lock;
	case 5:
		return &heap_super(view)->span_lock;
	case 6:
		return &heap_super(view)->pool_lock;
	default:
		return NULL;
	}
}

static void hold_all(uint32_t token)
{
	struct core_lock *l;

	for (unsigned i = 0; (l = lock_at(i)); i++)
		store_relaxed(&l->word, token | CORE_LOCK_WAIT);
}

static void hold_as_nobody(void)
{
	hold_all(NOBODY);
	rest();
}

/* By a thread that is there, and does not give them back. */
static void hold_as_myself(void)
{
	struct thread_rec *me;

	if (thread_claim(view, &me) < 0)
		exit(1);
	hold_all(me->token);
	rest();
}

static void hold_as_daemon(void)
{
	hold_all(view_thread(view, 0)->token);
	rest();
}

static void wake_all(void)
{
	struct core_lock *l;

	attacking();
	for (;;) {
		for (unsigned i = 0; (l = lock_at(i)); i++) {
			store_relaxed(&l->word, NOBODY | CORE_LOCK_WAIT);
			futex_wake(&l->word, INT_MAX);
		}
		/* As fast as it can; but a test shares the machine. */
		sched_yield();
	}
}

static void hold_life(void)
{
	if (life_lock(view, -1) < 0)
		exit(1);
	rest();
}

/* --- Words that change all the time ----------------------------------------
 */

static uint32_t random_word(void)
{
	static uint64_t seed = 88172645463325252u;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 16);
}

/* Of the first skirmishes and properties: free, the daemon's, nobody's. */
static void flip_locks(void)
{
	const uint32_t daemon = view_thread(view, 0)->token & TOKEN_MASK;
	const uint64_t words[] = {0,
				  daemon,
				  NOBODY,
				  NOBODY | SKIRMISH_WAIT,
				  (uint64_t)daemon << 32,
				  UINT64_MAX};

	attacking();
	for (;;) {
		uint64_t w = words[random_word() % 6];

		for (uint32_t i = 0; i < 4; i++) {
			struct skirmish *s = view_entry(view, KIND_SKIRMISH, i);
			struct property *p = view_entry(view, KIND_PROPERTY, i);

			if (i < table_hi(view, KIND_SKIRMISH))
				store_relaxed(&s->word, w);
			if (i < table_hi(view, KIND_PROPERTY))
				store_relaxed(&p->word, w);
		}
	}
}

/* Slots of calls, one state after another. */
static void flip_slots(void)
{
	uint32_t at;

	attacking();
	for (;;) {
		struct call_slot *s;

		for (at = 0; (s = call_slot_next(view, &at));) {
			uint64_t st = load_relaxed(&s->st);

			st = SLOT_MAKE(SLOT_SEQ(st), random_word() % 8,
				       random_word() & SLOT_FLAGS,
				       random_word() % 512);
			store_relaxed(&s->st, st | SLOT_UPCALL);
		}
	}
}

/* What rings the daemon, and what it looks at when it is rung. */
static void ring_bells(void)
{
	struct superblock *sb = view->sb;

	attacking();
	for (;;) {
		add_relaxed(&sb->visitor_bell, 1);
		futex_wake(&sb->visitor_bell, INT_MAX);
		add_relaxed(&sb->event_word, 1);
		futex_wake(&sb->event_word, INT_MAX);
		store_relaxed(&sb->event_head, (uint64_t)random_word());
		sched_yield();
	}
}

/* --- Chains and marks ------------------------------------------------------
 */

/* Records that point to themselves, and all buckets at them. */
static void close_rings(void)
{
	for (int kind = 0; kind < N_KINDS; kind++) {
		const struct table *t = &view->geo.tables[kind];
		uint32_t *buckets = view_at(view, t->off_buckets);
		uint32_t hi = table_hi(view, kind);

		for (uint32_t i = 0; i < hi; i++) {
			struct entry *e = view_entry(view, kind, i);

			store_relaxed(&e->next, (i + 1) % hi + 1);
		}
		for (uint32_t b = 0; hi && b < t->n_buckets; b++)
			store_relaxed(&buckets[b], 1);
		store_relaxed(&view->sb->tables[kind].free, hi ? 1 : 0);
	}
	rest();
}

static void raise_marks(void)
{
	struct superblock *sb = view->sb;

	for (int kind = 0; kind < N_KINDS; kind++)
		store_relaxed(&sb->tables[kind].hi, UINT32_MAX);
	store_relaxed(&sb->rows.hi, UINT32_MAX);
	store_relaxed(&sb->rings.hi, UINT32_MAX);
	store_relaxed(&sb->slots_hi, UINT32_MAX);
	store_relaxed(&sb->members_hi, UINT32_MAX);
	store_relaxed(&sb->threads_hi, UINT32_MAX);
	store_relaxed(&sb->event_head, UINT64_MAX);
	rest();
}

/* MANY threads of this member, each with as many locks as it can have, and
 * waiting for the next. */
static void announce(void)
{
	struct fusion_skirmish *made;
	struct skirmish *s;
	uint32_t n = 0;

	for (int i = 0; i < 64; i++) {
		char name[64];

		snprintf(name, sizeof(name), "%d-%055d", i, 0);
		if (fusion_skirmish_create(arena, name, NULL, &made) < 0)
			break;
	}
	for (int i = 0; i < MANY; i++) {
		struct thread_rec *t;

		if (thread_claim(view, &t) < 0)
			break;
		n = thread_slot(view, t);
		s = view_entry(view, KIND_SKIRMISH, n % 64);
		s->word = t->token & TOKEN_MASK;
		for (unsigned k = 0; k < THREAD_SKIRMISHES; k++)
			store_relaxed(&t->skirmishes[k], n % 64 + 1);
		store_relaxed(&t->waits_for, (n + 1) % 64 + 1);
	}
	rest();
}

/* --- The file --------------------------------------------------------------
 */

static void ignore(int sig)
{
	(void)sig;
	_exit(3);
}

/* Short and long again, all the time. */
static void cut_and_grow(void)
{
	off_t span = (off_t)view->geo.span;

	signal(SIGBUS, ignore);
	attacking();
	for (;;) {
		if (ftruncate(view->fd, (off_t)(random_word() % 64) * 4096) <
			    0 ||
		    ftruncate(view->fd, span) < 0)
			exit(1);
		sched_yield();
	}
}

/* --- Everything ------------------------------------------------------------
 */

/* One word of our tables after another. */
static void scribble(void)
{
	uint64_t end = view->geo.off_ring_mem / sizeof(uint32_t);
	uint32_t *words = (uint32_t *)view->base;
	uint32_t hi = view_hi(&view->sb->threads_hi, view->geo.max_threads);

	attacking();
	for (;;) {
		uint64_t at = random_word() % 3 ? random_word() % 1024
						: view->geo.off_members / 4 +
							  random_word() % 2048;

		if (random_word() % 4 == 0)
			at = (view->geo.off_threads +
			      random_word() %
				      (hi * sizeof(struct thread_rec))) /
			     4;
		/* Not what says how large it is: that is looked at once. */
		if (at > 64 && at < end)
			store_relaxed(&words[at], random_word() % 3
							  ? random_word()
							  : UINT32_MAX);
	}
}

static const struct {
	const char *name;
	void (*run)(void);
} attacks[] = {
	{"hold-as-nobody", hold_as_nobody},
	{"hold-as-myself", hold_as_myself},
	{"hold-as-daemon", hold_as_daemon},
	{"wake-all", wake_all},
	{"hold-life", hold_life},
	{"flip-locks", flip_locks},
	{"flip-slots", flip_slots},
	{"ring-bells", ring_bells},
	{"close-rings", close_rings},
	{"raise-marks", raise_marks},
	{"announce", announce},
	{"cut-and-grow", cut_and_grow},
	{"scribble", scribble},
};

/* Something of each kind, to do harm to. */
static void furnish(void)
{
	struct fusion_object_pool *pool;
	struct fusion_skirmish *s;
	struct fusion_property *p;
	struct fusion_reactor *re;
	struct fusion_object *o;
	struct fusion_ref *ref;
	void *field;
	char name[16];

	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "t%d", i);
		field = fusion_malloc(arena, 100);
		fusion_field_create(
			arena, name,
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = 100,
				.type = "int",
				.data = field},
			NULL);
		fusion_skirmish_create(arena, name, NULL, &s);
		fusion_property_create(arena, name, NULL, &p);
		fusion_ref_create(arena, name, NULL, &ref);
		fusion_reactor_create(arena, name, NULL, &re);
		if (fusion_object_pool_create(
			    arena, name,
			    &(struct fusion_object_pool_options){
				    .size = sizeof(
					    struct fusion_object_pool_options),
				    .object_size = 40},
			    &pool) == 0)
			fusion_object_create(pool, &o);
	}
}

int main(int argc, char **argv)
{
	struct fusion_arena_options options = {.size = sizeof(options)};
	int r;

	if (argc != 3) {
		fprintf(stderr, "usage: attacker ARENA ATTACK\n");
		return 2;
	}
	r = fusion_arena_enter(argv[1], &options, &arena);
	if (r < 0) {
		printf("cannot enter %s: %s\n", argv[1], strerror(-r));
		return 1;
	}
	view = &arena->view;
	furnish();
	for (unsigned i = 0; i < sizeof(attacks) / sizeof(*attacks); i++)
		if (!strcmp(attacks[i].name, argv[2]))
			attacks[i].run();
	printf("no attack is called %s\n", argv[2]);
	return 2;
}
