/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reactors to be killed at
 *
 * Each life of a worker numbers what it dispatches on a reactor.  Whoever
 * listens with the policy to be waited for hears of each life all numbers from
 * 0 on, or from where it came in, without a gap and none twice, each message
 * whole; nobody else's death changes that.  Who dispatches does not wait, but
 * is told that there is no room and takes the same number again.  What was
 * dispatched is booked: a death leaves one that is in doubt.
 *
 * Reactions run when the worker dispatches by hand, so that the seeds say what
 * is done.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/talk/reactor.h"
#include "tests/crash/work_private.h"

#define WORD_MAX 400 /* bytes of a message */

struct word {
	uint32_t w, life, serial;
	uint32_t size; /* of all of it; the rest is the serial's low byte */
	unsigned char rest[WORD_MAX];
};
#define WORD_MIN offsetof(struct word, rest)

/* What this worker hears at a reactor. */
struct ear {
	struct worker *worker;
	struct fusion_reaction *reaction; /* NULL: it does not listen */
	bool waited_for;		  /* no gaps */
	bool ends; /* it may be destroyed; its messages have no order */
	struct {
		bool known;
		uint32_t life, serial; /* of the last one */
	} of[WORKERS];
};

/* Of this life. */
static struct ear ears[SPOKEN], their_ear, object_ear;
static uint32_t serials[SPOKEN];

int work_prepare_reactors(struct fusion_arena *a, struct places *t)
{
	const struct fusion_reactor_options o = {
		.size = sizeof(o),
		.cells = 128,
		.listeners = 2 * WORKERS,
	};
	char name[32];
	int r = 0;

	for (unsigned i = 0; !r && i < SPOKEN; i++) {
		memset(&t->spoken[i], 0, sizeof(t->spoken[i]));
		snprintf(name, sizeof(name), "spoken%u", i);
		r = fusion_reactor_create(a, name, &o, &t->spoken[i].reactor);
	}
	return r;
}

void work_begin_reactors(struct worker *k)
{
	uint32_t *life = &k->table->lives[k->w];

	memset(ears, 0, sizeof(ears));
	memset(&their_ear, 0, sizeof(their_ear));
	memset(&object_ear, 0, sizeof(object_ear));
	memset(serials, 0, sizeof(serials));
	store_relaxed(life, *life + 1);
	/* It has entered with FUSION_ENTER_MANUAL. */
	must(k, fusion_arena_dispatch(k->arena, 0, 0), "dispatch by hand");
}

/* --- Heard -----------------------------------------------------------------
 */

static bool is_whole(const struct word *m, size_t size)
{
	if (size < WORD_MIN || m->size != size || m->w >= WORKERS)
		return false;
	for (size_t i = 0; i < size - WORD_MIN; i++)
		if (m->rest[i] != (unsigned char)m->serial)
			return false;
	return true;
}

static bool is_next(const struct ear *e, const struct word *m)
{
	uint32_t life = e->of[m->w].life, serial = e->of[m->w].serial;

	if (!e->of[m->w].known)
		return true;
	if (m->life == life)
		return e->waited_for ? m->serial == serial + 1
				     : m->serial > serial;
	return m->life > life && (m->serial == 0 || !e->waited_for);
}

static enum fusion_reaction_result
hear(const struct fusion_reactor_message *message, void *ctx)
{
	struct ear *e = ctx;
	struct word m;

	if (message->event != FUSION_REACTOR_DATA) {
		if (!e->ends)
			fail(e->worker, "a reactor has ended that is there", e);
		return FUSION_REACTION_KEEP;
	}
	if (message->size > sizeof(m))
		fail(e->worker, "a message that nobody sent", message->data);
	/* furnish()'s, of an object. */
	if (e->ends && message->size == 1)
		return FUSION_REACTION_KEEP;
	memcpy(&m, message->data, message->size);
	if (!is_whole(&m, message->size))
		fail(e->worker, "a message is not whole", message->data);
	if (!e->ends && !is_next(e, &m)) {
		printf("# worker %u life %u: %u after life %u: %u\n", m.w,
		       m.life, m.serial, e->of[m.w].life, e->of[m.w].serial);
		fail(e->worker, "a message is lost, or comes again", e);
	}
	e->of[m.w].known = true;
	e->of[m.w].life = m.life;
	e->of[m.w].serial = m.serial;
	return FUSION_REACTION_KEEP;
}

void do_hear(struct worker *k)
{
	must(k, fusion_arena_dispatch(k->arena, 0, 0), "dispatch");
}

/* --- Listening -------------------------------------------------------------
 */

static bool may(struct worker *k, int r, const char *what)
{
	if (r < 0 && r != -EAGAIN && r != -EIDRM && r != -ENOENT &&
	    r != -ENOSPC && r != -ENOMEM && r != -EINVAL && r != -EOWNERDEAD)
		fail_error(k, what, r);
	return r == 0;
}

static void begin(struct worker *k, struct ear *e, bool ends)
{
	memset(e, 0, sizeof(*e));
	e->worker = k;
	e->ends = ends;
	e->waited_for = rng_below(k->rng, 3);
}

static struct fusion_reactor_policy policy_of(const struct ear *e)
{
	return (struct fusion_reactor_policy){
		.size = sizeof(struct fusion_reactor_policy),
		.kind = e->waited_for ? FUSION_REACTOR_BLOCK
				      : FUSION_REACTOR_DROP_OLDEST,
		.limit_ns = FUSION_FOREVER,
	};
}

static bool end(struct worker *k, struct ear *e)
{
	if (!e->reaction)
		return false;
	must(k, fusion_reactor_detach(e->reaction), "detach");
	e->reaction = NULL;
	return true;
}

/* It goes on, or leaves; but it hears as another. */
void work_end_reactors(struct worker *k)
{
	for (unsigned i = 0; i < SPOKEN; i++)
		end(k, &ears[i]);
	end(k, &their_ear);
	end(k, &object_ear);
}

void do_listen(struct worker *k)
{
	unsigned i = rng_below(k->rng, SPOKEN);
	struct fusion_reactor_policy policy;
	struct ear *e = &ears[i];

	if (e->reaction) {
		if (!rng_below(k->rng, 4))
			end(k, e);
		return;
	}
	begin(k, e, false);
	policy = policy_of(e);
	must(k,
	     fusion_reactor_attach(
		     k->table->spoken[i].reactor,
		     &(const struct fusion_reactor_attach_options){
			     .size = sizeof(
				     struct fusion_reactor_attach_options),
			     .policy = &policy},
		     hear, e, &e->reaction),
	     "attach");
}

/* --- Dispatching ------------------------------------------------------------
 */

static size_t compose(struct worker *k, uint32_t serial, struct word *ret)
{
	size_t rest = rng_below(k->rng, WORD_MAX);

	ret->w = k->w;
	ret->life = k->table->lives[k->w];
	ret->serial = serial;
	ret->size = (uint32_t)(WORD_MIN + rest);
	memset(ret->rest, (int)(unsigned char)serial, rest);
	return ret->size;
}

void do_say(struct worker *k)
{
	unsigned i = rng_below(k->rng, SPOKEN);
	struct spoken *s = &k->table->spoken[i];
	struct word m;

	for (unsigned n = 1 + rng_below(k->rng, 4); n; n--) {
		size_t size = compose(k, serials[i], &m);
		int r = fusion_reactor_dispatch(
			s->reactor,
			&(const struct fusion_reactor_dispatch_options){
				.size = sizeof(
					struct fusion_reactor_dispatch_options),
				.flags = FUSION_REACTOR_NOWAIT,
			},
			&m, size);

		if (r == -EAGAIN)
			break;
		must(k, r, "dispatch");
		serials[i]++;
		store_relaxed(&s->said[k->w], s->said[k->w] + 1);
	}
}

/* --- Made and unmade --------------------------------------------------------
 */

static void name_reactor(char name[32], unsigned w)
{
	snprintf(name, 32, "reactor%u", w);
}

/* Only its maker ends it. */
void do_make_reactor(struct worker *k)
{
	struct fusion_reactor *re;
	char name[32];
	int r;

	name_reactor(name, k->w);
	r = fusion_reactor_lookup(k->arena, name, &re);
	if (r == -ENOENT) {
		may(k, fusion_reactor_create(k->arena, name, NULL, &re),
		    "reactor_create");
		return;
	}
	must(k, r, "reactor_lookup");
	switch (rng_below(k->rng, 3)) {
	case 0:
		must(k, fusion_reactor_destroy(re), "reactor_destroy");
		break;
	case 1:
		may(k, fusion_reactor_attach_global(re, NULL, k->table),
		    "global");
		break;
	default:
		may(k, fusion_reactor_detach_global(re, NULL, k->table),
		    "global");
		break;
	}
}

/* It may end at any moment. */
void do_their_reactor(struct worker *k)
{
	struct fusion_reactor *re;
	struct word m;
	char name[32];

	name_reactor(name, rng_below(k->rng, WORKERS));
	if (fusion_reactor_lookup(k->arena, name, &re) < 0)
		return;
	if (!end(k, &their_ear)) {
		begin(k, &their_ear, true);
		if (!may(k,
			 fusion_reactor_attach(re, NULL, hear, &their_ear,
					       &their_ear.reaction),
			 "attach"))
			their_ear.reaction = NULL;
	}
	may(k,
	    fusion_reactor_dispatch(
		    re,
		    &(const struct fusion_reactor_dispatch_options){
			    .size = sizeof(
				    struct fusion_reactor_dispatch_options),
			    .flags = FUSION_REACTOR_NOWAIT,
		    },
		    &m, compose(k, 0, &m)),
	    "dispatch");
}

/* Another's object, which may end, too. */
void do_hear_object(struct worker *k)
{
	struct fusion_object *o = some_object(k);
	struct word m;

	if (end(k, &object_ear) || !o)
		return;
	begin(k, &object_ear, true);
	if (!may(k,
		 fusion_object_attach(o, NULL, hear, &object_ear,
				      &object_ear.reaction),
		 "attach"))
		object_ear.reaction = NULL;
	may(k,
	    fusion_object_dispatch(
		    o,
		    &(const struct fusion_reactor_dispatch_options){
			    .size = sizeof(
				    struct fusion_reactor_dispatch_options),
			    .flags = FUSION_REACTOR_NOWAIT,
		    },
		    &m, compose(k, 0, &m)),
	    "dispatch");
}

/* --- The audit: everybody is dead -------------------------------------------
 */

static const char *audit_spoken(const struct spoken *s, unsigned kills)
{
	struct fusion_reactor_stat stat;
	uint64_t said = 0;

	if (fusion_reactor_stat(s->reactor, &stat, sizeof(stat)) < 0)
		return "a reactor is lost";
	for (unsigned w = 0; w < WORKERS; w++)
		said += s->said[w];
	if (stat.listeners)
		return "the dead listen to a reactor";
	if (stat.dispatched < said || stat.dispatched > said + kills)
		return "a reactor has dispatched more or less than was said";
	return fusion_reactor_destroy(s->reactor) < 0
		       ? "a reactor cannot be destroyed"
		       : NULL;
}

static const char *drop_reactors(struct fusion_arena *a)
{
	struct fusion_reactor *re;
	char name[32];

	for (unsigned w = 0; w < WORKERS; w++) {
		name_reactor(name, w);
		if (fusion_reactor_lookup(a, name, &re) == 0 &&
		    fusion_reactor_destroy(re) < 0)
			return "a worker's reactor cannot be destroyed";
	}
	return NULL;
}

const char *audit_reactors(struct fusion_arena *a, struct places *t,
			   unsigned kills)
{
	const struct view *v = &a->view;
	const char *what = drop_reactors(a);

	for (unsigned i = 0; !what && i < SPOKEN; i++)
		what = audit_spoken(&t->spoken[i], kills);
	if (!what && v->sb->tables[KIND_REACTOR].n)
		what = "a reactor that nobody has made";
	for (uint32_t i = 0; !what && i < ring_hi(v); i++)
		if (load_relaxed(&ring_ctl(v, i)->owner) & RING_OF_REACTOR)
			what = "a ring of no reactor";
	if (!what && work_prepare_reactors(a, t) < 0)
		what = "no new reactors";
	return what;
}
