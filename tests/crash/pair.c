/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/pair.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/locks/skirmish_give.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/refs/ref.h"
#include "tests/crash/pair_talk.h"

#define PATIENCE_S 10 /* then it hangs */

struct deed {
	struct stage *stage;
	struct thread_rec *me;
	/* What it is about: one of the two. */
	const struct ledger_lock *lock;
	const struct ledger_ref *ref;
	struct talk *talk; /* or both talk: of the rest, the stage only */
	struct view mine;  /* with a member's patience, for ever */
	void *rec;
	uint32_t tid, done; /* atomic */
	int result;
	pthread_t thread;
};

struct thread_rec *pair_peer(const struct stage *s)
{
	const struct view *v = &s->view;

	for (uint32_t i = 1; i < v->sb->threads_hi; i++)
		if (view_thread(v, i)->member == s->ledger->peer + 1)
			return view_thread(v, i);
	return NULL;
}

static int take_skirmish(struct deed *d)
{
	struct view *v = &d->stage->view;
	int r = skirmish_lock(v, d->me, d->rec, NULL);

	if (r == 0 || r == -EOWNERDEAD)
		return skirmish_unlock(v, d->me, d->rec) < 0 ? -EPROTO : r;
	return r;
}

static int take_property(struct deed *d)
{
	struct view *v = &d->stage->view;
	int r = property_take(v, d->me, d->rec, PROPERTY_LEASE, NULL);

	if (r == 0)
		return property_cede(v, d->me, d->rec) < 0 ? -EPROTO : 0;
	/* A purchase that lasts. */
	return r == -EBUSY ? 0 : r;
}

/* Up and down again, of both kinds: what the victim was doing may have taken
 * the reference away or locked it at zero, but nothing may be left half done.
 */
static int use_ref(struct deed *d)
{
	struct view *v = &d->mine;
	int r = ref_up_global(v, d->me, d->rec);

	if (r == 0)
		r = ref_up(v, d->me, d->rec, NULL);
	if (r == 0)
		r = ref_down_global(v, d->me, d->rec);
	if (r == 0)
		r = ref_down(v, d->me, d->rec, NULL);
	return r == -EBUSY ? 0 : r;
}

static int use(struct deed *d)
{
	if (d->ref)
		return use_ref(d);
	return d->lock->kind == KIND_SKIRMISH ? take_skirmish(d)
					      : take_property(d);
}

static void *do_deed(void *arg)
{
	struct deed *d = arg;

	store_release(&d->tid, (uint32_t)gettid());
	d->result = use(d);
	store_release(&d->done, 1);
	return NULL;
}

static bool is_asleep(const struct deed *d)
{
	char path[64], text[512], *state;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%u/stat",
		 load_acquire(&d->tid));
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	state = strrchr(text, ')');
	return state && state[1] && state[2] == 'S';
}

/* Has it said so, too? */
static bool is_waiting(const struct deed *d)
{
	const struct property *p = d->rec;

	/* For a core lock, of which it has none then. */
	if (d->ref)
		return load_acquire(&d->me->core_locks[0]) && is_asleep(d);
	if (d->lock->kind == KIND_SKIRMISH)
		return load_acquire(&d->me->waits_for) && is_asleep(d);
	return load_acquire(&p->word) & PROPERTY_WAIT && is_asleep(d);
}

static void *futex_of(const struct deed *d)
{
	if (d->ref)
		return view_at(&d->stage->view, d->me->core_locks[0]);
	return d->lock->kind == KIND_SKIRMISH
		       ? (void *)&((struct skirmish *)d->rec)->word
		       : (void *)&((struct property *)d->rec)->seq;
}

static bool join(const struct deed *d)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += PATIENCE_S;
	if (pthread_clockjoin_np(d->thread, NULL, CLOCK_MONOTONIC, &until) == 0)
		return true;
	/* Help it out, so that the next one finds no stranger. */
	while (!load_acquire(&d->done)) {
		futex_wake(futex_of(d), INT_MAX);
		sched_yield();
	}
	pthread_join(d->thread, NULL);
	return false;
}

static void bury(struct stage *s)
{
	struct view *v = &s->view;

	v->rec = NULL;
	v->slot = 0;
	for (uint32_t slot = 0;; slot = s->ledger->victim) {
		if (view_member(v, slot)->state)
			stage_identify(v, slot, NO_PID);
		if (slot == s->ledger->victim)
			break;
	}
	if (life_undertake(v) < 0)
		die("cannot recover");
}

/* @early: the victim itself had let go of it. */
static void judge(const struct deed *d, bool early, bool ended,
		  struct verdict *ret)
{
	const struct ledger_lock *k = d->lock;
	const char *name = d->ref ? d->ref->name : k->name;
	uint32_t there = d->ref ? d->ref->there : k->there;
	const char *what = NULL;

	if (!ended)
		what = "is not woken for";
	else if (d->result == -EIDRM && there == CLAIM_PRESENT)
		what = "is told of no";
	else if (d->result < 0 && d->result != -EIDRM &&
		 d->result != -EOWNERDEAD)
		what = "cannot take";
	else if (k && !early && k->held == CLAIM_PRESENT &&
		 k->kind == KIND_SKIRMISH && d->result != -EOWNERDEAD)
		what = "is not told of a death by";
	if (!what)
		return;
	ret->bad++;
	snprintf(ret->first, sizeof(ret->first), "the peer %s %s (%d)", what,
		 name, d->result);
}

/* The peer has what it wants, or sleeps for it.  false: there is nothing. */
static bool begin(struct deed *d, struct stage *s)
{
	enum entry_kind kind = KIND_SKIRMISH;
	const char *name = NULL;
	uint32_t at;

	*d = (struct deed){.stage = s, .me = pair_peer(s)};
	if (!s->ledger->peer || !d->me)
		return false;
	if (s->ledger->n_locks) {
		d->lock = &s->ledger->locks[0];
		kind = d->lock->kind;
		name = d->lock->name;
		if (d->lock->peers != CLAIM_ABSENT)
			return false;
	} else if (s->ledger->n_refs) {
		d->ref = &s->ledger->refs[0];
		kind = KIND_REF;
		name = d->ref->name;
	}
	if (!name || table_lookup(&s->view, kind, name, &at) < 0)
		return false;
	d->rec = view_entry(&s->view, kind, at);
	d->mine = s->view;
	d->mine.patience_ns = 0;
	d->mine.slot = s->ledger->peer;
	d->mine.rec = NULL;
	if (pthread_create(&d->thread, NULL, do_deed, d) != 0)
		die("no thread");
	while (!load_acquire(&d->done) && !is_waiting(d))
		sched_yield();
	return true;
}

static bool talks(const struct stage *s)
{
	const struct ledger *l = s->ledger;

	if (!l->peer || l->n_refs || (l->n_locks && !l->call.serial))
		return false;
	return (l->n_messages || view_member(&s->view, l->peer)->ring ||
		s->view.sb->tables[KIND_CALL].n ||
		s->view.sb->tables[KIND_REACTOR].n);
}

static void ask_talker(struct stage *s, unsigned way, struct verdict *ret)
{
	struct talk *t = talk_begin(s, way, false);

	if (!t)
		return;
	bury(s);
	talk_end(t, true, ret);
}

void pair_ask(struct stage *s, unsigned way, struct verdict *ret)
{
	struct deed d;

	*ret = (struct verdict){0};
	if (talks(s)) {
		ask_talker(s, way, ret);
		return;
	}
	if (way || !begin(&d, s))
		return;
	bury(s);
	judge(&d, false, join(&d), ret);
}

struct deed *pair_begin(struct stage *s)
{
	struct deed *d = malloc(sizeof(*d));

	if (!d)
		die("no memory");
	*d = (struct deed){.stage = s};
	if (talks(s)) {
		d->talk = talk_begin(s, 0, true);
		if (d->talk)
			return d;
	} else if (begin(d, s)) {
		if (!load_acquire(&d->done))
			return d;
		join(d);
	}
	free(d);
	return NULL;
}

void pair_end(struct deed *d, bool killed, struct verdict *ret)
{
	bool early = !killed || load_acquire(&d->done);

	*ret = (struct verdict){0};
	if (killed)
		bury(d->stage);
	if (d->talk)
		talk_end(d->talk, killed, ret);
	else
		judge(d, early, join(d), ret);
	free(d);
}
