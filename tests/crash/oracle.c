/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/oracle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <fusion/arena.h>

#include "libfusion/core/file/event.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/heap/heap.h"
#include "libfusion/core/heap/pool.h"
#include "libfusion/core/heap/slab.h"
#include "libfusion/core/heap/usage.h"
#include "libfusion/core/life/life.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/locks/property.h"
#include "libfusion/core/locks/skirmish.h"
#include "libfusion/core/names/field.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/recovery/check.h"
#include "libfusion/core/recovery/recover.h"
#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_lens.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/core/talk/ring.h"
#include "libfusion/core/talk/ring_consume.h"
#include "tests/crash/container.h"
#include "tests/crash/object_next.h"
#include "tests/crash/overlay.h"

__attribute__((format(printf, 2, 3))) static void bad(struct verdict *v,
						      const char *fmt, ...)
{
	va_list ap;

	if (v->bad++)
		return;
	va_start(ap, fmt);
	vsnprintf(v->first, sizeof(v->first), fmt, ap);
	va_end(ap);
}

static void report(void *ctx, const char *what)
{
	bad(ctx, "checker: %s", what);
}

static void container_says(void *ctx, const char *what)
{
	bad(ctx, "container: %s", what);
}

static void objects_say(void *ctx, const char *what)
{
	bad(ctx, "objects: %s", what);
}

/* --- Before recovery ------------------------------------------------------ */

/* The newest lines are whole, whatever the next one was doing. */
static void ask_events(const struct stage *s, struct verdict *ret)
{
	uint64_t head = s->view.sb->event_head, oldest;
	uint64_t from = head > EVENTS ? head - EVENTS + 1 : 0;
	struct event_rec e;

	if (head - from > 8)
		from = head - 8;
	for (uint64_t i = from; i < head; i++)
		if (event_read(&s->view, i, &e, &oldest) < 0)
			bad(ret, "event %llu is not whole",
			    (unsigned long long)i);
}

/* --- Recovery ------------------------------------------------------------- */

/* In this image their processes are gone. */
static void bury_processes(struct stage *s, bool undertaker)
{
	struct view *v = &s->view;
	uint32_t victim = s->ledger->victim;

	if (view_member(v, victim)->state)
		stage_identify(v, victim, NO_PID);
	if (undertaker && view_member(v, 0)->state)
		stage_identify(v, 0, NO_PID);
}

static int recover(struct stage *s, enum finder finder)
{
	struct view *v = &s->view;
	int r;

	v->rec = NULL;
	v->slot = 0;
	bury_processes(s, true);
	if (finder == FINDER_DAEMON)
		return life_undertake(v);
	v->slot = s->ledger->peer;
	r = life_sweep(v);
	v->slot = 0;
	return r;
}

/* --- After recovery ------------------------------------------------------- */

static unsigned count_slots(const struct stage *s, struct verdict *ret)
{
	void **slots = stage_slots(s);
	unsigned n = 0;

	for (unsigned i = 0; i < LEDGER_SLOTS; i++) {
		if (!slots[i])
			continue;
		n++;
		if (!heap_is_allocated(&s->view, slots[i]))
			bad(ret, "slot %u holds a block that is free", i);
	}
	return n;
}

static void ask_list(const struct stage *s, const struct ledger_list *list,
		     const char *what, struct verdict *ret)
{
	for (uint32_t i = 0; i < list->n; i++)
		if (!heap_is_allocated(&s->view, list->block[i]))
			bad(ret, "a %s block is lost: %p", what,
			    list->block[i]);
}

static bool pool_is_there(const struct stage *s)
{
	struct pool_info info;

	for (uint32_t i = 0;; i++) {
		int r = pool_copy(&s->view, i, &info);

		if (r == -ERANGE)
			return false;
		if (!r && !strcmp(info.name, "pool"))
			return true;
	}
}

/* --- Messages to the peer ------------------------------------------------- */

static void ask_payload(const struct stage *s, const struct msg_head *h,
			struct verdict *ret)
{
	uint32_t type = (uint32_t)h->a,
		 size = s->ledger->messages[type - 1].size;
	const uint8_t *data = (const uint8_t *)(h + 1);

	if (h->flags & MSG_BLOCK) {
		uint64_t block = *(const uint64_t *)(h + 1);

		data = (const uint8_t *)view_at(&s->view,
						block - s->view.sb->base);
		if (!heap_is_allocated(&s->view, data)) {
			bad(ret, "message %u has a block that is free", type);
			return;
		}
	}
	for (uint32_t i = 0; i < size; i++) {
		if (data[i] != message_byte(type, i)) {
			bad(ret, "message %u is not as it was sent", type);
			return;
		}
	}
}

static void ask_ledger(const struct stage *s, const unsigned *n,
		       struct verdict *ret)
{
	for (uint32_t i = 0; i < s->ledger->n_messages; i++) {
		uint32_t there = s->ledger->messages[i].there;

		if (n[i] > 1)
			bad(ret, "message %u came twice", i + 1);
		if (there != CLAIM_CHANGING && n[i] != (there == CLAIM_PRESENT))
			bad(ret, "message %u %s", i + 1,
			    n[i] ? "was never sent" : "is lost");
	}
}

/* --- The reactor to which the peer listens -------------------------------- */

static bool has_news(const struct stage *s)
{
	const struct view *v = &s->view;
	uint32_t cells, producer;
	struct ring r;

	if (ring_map(v, view_member(v, s->ledger->peer)->ring - 1, &r) < 0)
		return false;
	for (uint64_t pos = r.ctl->head;; pos += cells) {
		enum ring_found f = ring_look(&r, pos, &cells, &producer);

		if (f != RING_RECORD && f != RING_SKIP)
			return r.ctl->scan;
		if (f == RING_RECORD && ring_head_at(&r, pos)->kind == MSG_NEWS)
			return true;
	}
}

/* Each is there once and in order, and the peer knows. */
static void ask_cursor(const struct stage *s, const struct ring *r,
		       const struct cursor *c, struct verdict *ret)
{
	const struct ledger *l = s->ledger;
	static unsigned char n[LEDGER_EVENTS];
	uint32_t cells, producer, seq, last = 0;

	memset(n, 0, sizeof(n));
	for (uint64_t pos = c->pos;; pos += cells) {
		enum ring_found f = ring_look(r, pos, &cells, &producer);

		if (f != RING_RECORD && f != RING_SKIP)
			break;
		if (f == RING_SKIP)
			continue;
		memcpy(&seq, ring_head_at(r, pos) + 1, sizeof(seq));
		if (!seq || seq > l->n_events || seq <= last)
			bad(ret, "event %u after %u", seq, last);
		else
			n[seq - 1]++;
		last = seq;
	}
	for (uint32_t i = 0; i < l->n_events; i++)
		if (l->events[i] != CLAIM_CHANGING &&
		    CURSOR_POLICY(c) != POLICY_DROP &&
		    n[i] != (l->events[i] == CLAIM_PRESENT))
			bad(ret, "event %u is %s", i + 1,
			    n[i] ? "there" : "lost");
	if (last && c->idle)
		bad(ret, "nobody has told the listener");
	if (last && l->listening && !has_news(s))
		bad(ret, "the listener has no news");
}

/* Tell whether the peer has a cursor in @r, and nobody else has. */
static bool ask_cursors(const struct stage *s, const struct ring *r,
			struct verdict *ret)
{
	bool found = false;

	for (uint32_t i = 0; i < ring_cursors(r); i++) {
		const struct cursor *c = cursor_at(r, i);

		if (!CURSOR_STATE(c->st))
			continue;
		if (found || c->slot != s->ledger->peer)
			bad(ret, "a cursor is of the dead");
		found = true;
		ask_cursor(s, r, c, ret);
	}
	return found;
}

/* The ring stays until the peer has read it to the end, and the peer knows. */
static void ask_ended(const struct stage *s, struct verdict *ret)
{
	const struct view *v = &s->view;
	bool found = false;
	struct ring r;

	for (uint32_t i = 0; i < ring_hi(v); i++) {
		if (!(ring_ctl(v, i)->owner & RING_OF_REACTOR))
			continue;
		if (ring_map(v, i, &r) < 0 || !ask_cursors(s, &r, ret))
			bad(ret, "a ring outlives its reactor");
		else
			found = true;
	}
	if (s->ledger->listening && !found)
		bad(ret, "what the peer has not read is gone");
	if (s->ledger->listening && !has_news(s))
		bad(ret, "nobody has told the peer of the end");
}

static void ask_reactor(const struct stage *s, struct verdict *ret)
{
	const struct view *v = &s->view;
	const struct ledger *l = s->ledger;
	const struct reactor *re;
	bool there, found;
	struct ring r;
	uint32_t at;

	there = !table_lookup(v, KIND_REACTOR, "reactor", &at);
	if (l->reactor != CLAIM_CHANGING &&
	    there != (l->reactor == CLAIM_PRESENT))
		bad(ret, "the reactor is %s", there ? "there again" : "lost");
	if (!there) {
		ask_ended(s, ret);
		return;
	}
	re = view_entry(v, KIND_REACTOR, at);
	if (load_relaxed(&re->ring) == REACTOR_SHUT)
		bad(ret, "the reactor is there, and shut");
	if (reactor_ring(v, re, &r) < 0)
		return;
	found = ask_cursors(s, &r, ret);
	if (l->listening && !found)
		bad(ret, "the peer listens no more");
}

/* Each is there whole, once, and in order.  The blocks in them. */
static unsigned ask_messages(const struct stage *s, struct verdict *ret)
{
	const struct view *v = &s->view;
	unsigned n[LEDGER_MESSAGES] = {0}, blocks = 0;
	uint32_t cells, producer, last = 0, peer = s->ledger->peer;
	struct ring r;

	if (!peer || !view_member(v, peer)->ring ||
	    ring_map(v, view_member(v, peer)->ring - 1, &r) < 0) {
		ask_ledger(s, n, ret);
		return 0;
	}
	for (uint64_t pos = r.ctl->head;; pos += cells) {
		enum ring_found f = ring_look(&r, pos, &cells, &producer);
		const struct msg_head *h = ring_head_at(&r, pos);

		if (f != RING_RECORD && f != RING_SKIP)
			break;
		if (f == RING_SKIP || h->kind != MSG_USER)
			continue;
		if (!h->a || h->a > s->ledger->n_messages) {
			bad(ret, "a message that nobody sent");
			continue;
		}
		n[h->a - 1]++;
		blocks += h->flags & MSG_BLOCK;
		if (h->a <= last)
			bad(ret, "message %u comes too late", (uint32_t)h->a);
		last = (uint32_t)h->a;
		ask_payload(s, h, ret);
	}
	ask_ledger(s, n, ret);
	return blocks;
}

/* --- What the peer waits for -----------------------------------------------
 */

static void ask_answer(const struct stage *s, const struct call_slot *slot,
		       struct verdict *ret)
{
	uint32_t size = s->ledger->call.size;
	const uint8_t *data = slot->bytes;

	if (slot->len != size || slot->ret != 4711)
		bad(ret, "the answer is another's");
	if (size > SLOT_INLINE) {
		data = view_at(&s->view, slot->block - s->view.sb->base);
		if (!slot->block || !heap_is_allocated(&s->view, data)) {
			bad(ret, "the answer has no block");
			return;
		}
	}
	for (uint32_t i = 0; i < size; i++)
		if (data[i] != message_byte(1, i)) {
			bad(ret, "the answer is not as it was given");
			return;
		}
}

/* An answer or an error, if the victim is dead.  Blocks in it. */
static unsigned ask_call(const struct stage *s, struct verdict *ret)
{
	const struct ledger_call *l = &s->ledger->call;
	const struct call_slot *slot;

	if (!l->serial)
		return 0;
	slot = call_slot_at(&s->view, SERIAL_SLOT(l->serial));
	if (SLOT_SEQ(slot->st) != SERIAL_SEQ(l->serial))
		bad(ret, "the peer's slot is used again");
	else if (SLOT_STATE(slot->st) == SLOT_DONE &&
		 l->returned != CLAIM_ABSENT)
		ask_answer(s, slot, ret);
	else if (SLOT_STATE(slot->st) != SLOT_FAILED ||
		 l->returned == CLAIM_PRESENT)
		bad(ret, "the peer's call is in state %u",
		    SLOT_STATE(slot->st));
	else if (!ledger_may_fail(l, SLOT_EXTRA(slot->st)))
		bad(ret, "the peer's call failed with %u, begun %u",
		    SLOT_EXTRA(slot->st), l->begun);
	return slot->block != 0;
}

static void ask_blocks(const struct stage *s, unsigned extra,
		       struct verdict *ret)
{
	const struct ledger *l = s->ledger;
	bool pool = pool_is_there(s);
	struct heap_usage u;
	uint64_t known = l->live.n + count_slots(s, ret) +
			 ask_messages(s, ret) + ask_call(s, ret) +
			 object_blocks(&s->view);

	ask_list(s, &l->live, "live", ret);
	if (l->pool != CLAIM_CHANGING && pool != (l->pool == CLAIM_PRESENT))
		bad(ret, pool ? "a pool is there" : "the pool is lost");
	if (pool) {
		ask_list(s, &l->pooled, "pool's", ret);
		known += l->pooled.n;
	}
	if (l->peer && view_member(&s->view, l->peer)->state) {
		ask_list(s, &l->peers, "peer's", ret);
		known += l->peers.n;
	}
	heap_usage(&s->view, &u);
	/* Who uses the container next counts what belongs to it. */
	if (u.blocks < known ||
	    (u.blocks > known + extra && !l->container.handle))
		bad(ret, "%llu blocks are allocated, %llu are known",
		    (unsigned long long)u.blocks, (unsigned long long)known);
	else
		ret->in_flight =
			l->container.handle ? 0 : (unsigned)(u.blocks - known);
	if (u.spans_txn)
		bad(ret, "a span is left in a transaction");
}

/* Each span below the mark is free, or leads to a block that can be had:
 * nothing is owned by a thread of the dead (heap_check()), so what remains is
 * that slabs are used or up for adoption. */
static void ask_spans(const struct stage *s, struct verdict *ret)
{
	const struct view *v = &s->view;
	struct heap_usage u;

	heap_usage(v, &u);
	if (u.spans_free + u.spans_punched + u.spans_slab + u.spans_run !=
	    span_hi(v) - v->geo.first_span)
		bad(ret, "spans are lost");
}

static void ask_fields(const struct stage *s, struct verdict *ret)
{
	const struct ledger *l = s->ledger;
	uint32_t n = 0, at;
	struct field_rec f;

	for (uint32_t i = 0; i < l->n_fields; i++) {
		const struct ledger_field *lf = &l->fields[i];
		bool there =
			!table_lookup(&s->view, KIND_FIELD, lf->name, &at) &&
			!field_copy(&s->view, at, &f);

		n += there;
		if (lf->claim != CLAIM_CHANGING &&
		    there != (lf->claim == CLAIM_PRESENT))
			bad(ret, "field %s is %s", lf->name,
			    there ? "there again" : "lost");
		if (there && f.addr != lf->addr)
			bad(ret, "field %s points elsewhere", lf->name);
	}
	if (n != s->view.sb->tables[KIND_FIELD].n)
		bad(ret, "%u fields, but %u are known",
		    s->view.sb->tables[KIND_FIELD].n, n);
}

/* Has the peer got it? */
static bool is_peers(const struct stage *s, uint32_t owner)
{
	const struct thread_rec *t = thread_by_token(&s->view, owner);

	return t && s->ledger->peer && t->member == s->ledger->peer + 1;
}

static void ask_lock(const struct stage *s, const struct ledger_lock *k,
		     uint32_t owner, bool marked, struct verdict *ret)
{
	bool peers = is_peers(s, owner);

	if (owner && !peers)
		bad(ret, "%s is held by the dead", k->name);
	if (k->peers != CLAIM_CHANGING && peers != (k->peers == CLAIM_PRESENT))
		bad(ret, "the peer %s %s", peers ? "has got" : "has lost",
		    k->name);
	if (k->kind != KIND_SKIRMISH || k->held == CLAIM_CHANGING)
		return;
	if (k->held == CLAIM_PRESENT && !marked)
		bad(ret, "%s does not tell of a death", k->name);
	if (k->held == CLAIM_ABSENT && k->marked != CLAIM_CHANGING &&
	    marked != (k->marked == CLAIM_PRESENT))
		bad(ret, "%s %s a death", k->name,
		    marked ? "tells of" : "forgets");
}

static void ask_locks(const struct stage *s, struct verdict *ret)
{
	const struct view *v = &s->view;
	uint32_t at;

	for (uint32_t i = 0; i < s->ledger->n_locks; i++) {
		const struct ledger_lock *k = &s->ledger->locks[i];
		bool there = !table_lookup(v, k->kind, k->name, &at);
		uint64_t w;

		if (k->there != CLAIM_CHANGING &&
		    there != (k->there == CLAIM_PRESENT))
			bad(ret, "%s is %s", k->name,
			    there ? "there again" : "lost");
		if (!there || k->there != CLAIM_PRESENT)
			continue;
		w = k->kind == KIND_SKIRMISH
			    ? ((struct skirmish *)view_entry(v, k->kind, at))
				      ->word
			    : ((struct property *)view_entry(v, k->kind, at))
				      ->word;
		ask_lock(s, k, (uint32_t)w & TOKEN_MASK, w & SKIRMISH_DIED,
			 ret);
	}
}

static bool is_in(uint64_t n, struct ledger_range range)
{
	return n >= range.least && n <= range.most;
}

static void ask_refs(const struct stage *s, struct verdict *ret)
{
	const struct view *v = &s->view;
	struct ref_sum sum;
	uint32_t at;

	for (uint32_t i = 0; i < s->ledger->n_refs; i++) {
		const struct ledger_ref *k = &s->ledger->refs[i];
		bool there = !table_lookup(v, KIND_REF, k->name, &at);

		if (k->there != CLAIM_CHANGING &&
		    there != (k->there == CLAIM_PRESENT))
			bad(ret, "%s is %s", k->name,
			    there ? "there again" : "lost");
		if (!there || k->there != CLAIM_PRESENT)
			continue;
		if (ref_copy(v, at, NULL, &sum) < 0)
			bad(ret, "%s is half gone", k->name);
		else if (!is_in(sum.total, k->total))
			bad(ret, "%s has %llu counts", k->name,
			    (unsigned long long)sum.total);
		else if (!is_in(sum.falls, k->falls))
			bad(ret, "%s has fallen %llu times", k->name,
			    (unsigned long long)sum.falls);
		else if (sum.locker || sum.watcher)
			bad(ret, "%s is locked or watched by the dead",
			    k->name);
	}
}

static void ask_policy(const struct stage *s, struct verdict *ret)
{
	const struct superblock *sb = s->view.sb;

	switch (s->ledger->master) {
	case FUSION_MASTER_DEATH_NOTIFY + 1:
		if (sb->master)
			bad(ret, "the dead master has an heir");
		break;
	case FUSION_MASTER_DEATH_KILL + 1:
		if (!(sb->flags & ARENA_DOOMED) && sb->state != ARENA_GONE)
			bad(ret, "a master's death did not doom the arena");
		break;
	case FUSION_MASTER_DEATH_PROMOTE + 1:
		if (sb->master != view_member(&s->view, s->ledger->peer)->id)
			bad(ret, "the master has no heir");
		break;
	default:
		break;
	}
}

static void ask_members(const struct stage *s, struct verdict *ret)
{
	const struct view *v = &s->view;
	uint32_t slot = s->ledger->victim, inside = 0;

	if (slot && view_member(v, slot)->state != MEMBER_FREE)
		bad(ret, "the victim's slot is lost");
	for (uint32_t i = 1; i < members_hi(v); i++)
		inside += view_member(v, i)->state != MEMBER_FREE;
	if (inside > !!s->ledger->peer)
		bad(ret, "%u members are inside", inside);
	for (uint32_t i = 1; i < v->sb->threads_hi; i++)
		if (view_thread(v, i)->member &&
		    view_thread(v, i)->member != s->ledger->peer + 1)
			bad(ret, "thread record %u is lost", i);
	if (!inside && v->sb->state != ARENA_GONE &&
	    v->sb->state != ARENA_EMPTY)
		bad(ret, "nobody is inside, and the arena is not gone");
}

void oracle_ask(struct stage *s, enum finder finder, unsigned extra,
		struct verdict *ret)
{
	int r;

	*ret = (struct verdict){0};
	ask_events(s, ret);
	r = recover(s, finder);
	if (r < 0)
		bad(ret, "recovery says %s", strerror(-r));
	arena_check(&s->view, report, ret);
	ask_members(s, ret);
	ask_policy(s, ret);
	ask_fields(s, ret);
	ask_locks(s, ret);
	ask_refs(s, ret);
	ask_reactor(s, ret);
	ask_blocks(s, extra, ret);
	ask_spans(s, ret);
	container_ask(s, container_says, ret);
	object_ask(s, objects_say, ret);
	ret->digest = overlay_digest(s);
	/* The first has sent signals: who was alive need not be so now. */
	if (s->view.sb->flags & ARENA_DOOMED)
		return;
	/* Again: there is nothing left to do. */
	r = recover(s, FINDER_DAEMON);
	if (r < 0)
		bad(ret, "recovery of the recovered says %s", strerror(-r));
	if (overlay_digest(s) != ret->digest)
		bad(ret, "recovery of the recovered changes it");
}
