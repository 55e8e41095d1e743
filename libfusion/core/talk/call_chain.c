/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls within calls: the chain of slots from a thread that executes a call up
 * to the threads that wait for it
 *
 * Each slot says in .parent what its caller was executing.  Invariant: a chain
 * is read without a lock while it changes, so each step compares the number of
 * the slot, and each walk ends after CALL_CHAIN_MAX steps.  What a walk finds
 * was so at some moment; a caller that acts on it does so by a CAS that
 * compares the word.
 */
#include "libfusion/core/talk/call_chain.h"

#include <limits.h>

#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"
#include "libfusion/core/talk/call_slot.h"

/* As call_chain(); *ret_st is the word of the slot.  Acquire: pairs with the
 * release in post_slot(); .parent is read behind the number. */
static struct call_slot *chain_up(const struct view *v, uint64_t *serial,
				  uint64_t *ret_st)
{
	struct call_slot *s = *serial ? call_slot_of(v, *serial) : NULL;

	*ret_st = s ? load_acquire(&s->st) : 0;
	if (!s || SLOT_SEQ(*ret_st) != SERIAL_SEQ(*serial) ||
	    SLOT_STATE(*ret_st) == SLOT_IDLE || *ret_st & SLOT_ONEWAY ||
	    call_is_put_off(v, s, *ret_st))
		return NULL;
	*serial = load_relaxed(&s->parent);
	return s;
}

uint32_t call_executor(const struct view *v, uint64_t serial)
{
	uint32_t hi = view_hi(&v->sb->threads_hi, v->geo.max_threads);

	for (uint32_t i = 0; i < hi; i++) {
		const struct thread_rec *t = view_thread(v, i);

		/* What the record's last owner executed must not be read.
		 * Acquire: pairs with the release in thread_release(). */
		if (load_acquire(&t->member) && call_executes(t) == serial)
			return thread_token(t);
	}
	return 0;
}

/* Tell whether a thread was executing @serial when it made a call of its own.
 * Acquire: pairs with the release in post_slot(); .parent is read behind the
 * word. */
static bool is_parent(const struct view *v, uint64_t serial)
{
	const struct call_slot *s;
	uint32_t at = 0;

	while ((s = call_slot_next(v, &at)))
		if (SLOT_STATE(load_acquire(&s->st)) != SLOT_IDLE &&
		    load_relaxed(&s->parent) == serial)
			return true;
	return false;
}

/* Threads that are gone execute nothing more, and recovery notes what they have
 * begun before it clears their records: so the note is read last.  Acquire:
 * pairs with the release at the end of call_recover(), by call_executes(). */
int call_gone_error(const struct view *v, const struct call_slot *s,
		    uint64_t st)
{
	uint64_t serial = CALL_SERIAL(call_slot_index(v, s), SLOT_SEQ(st));
	bool begun = SLOT_STATE(st) == SLOT_RETURNING ||
		     call_executor(v, serial) || is_parent(v, serial);

	return begun || load_acquire(&s->since_ns) ? ECONNRESET : EHOSTDOWN;
}

struct call_slot *call_chain(const struct view *v, uint64_t *serial)
{
	uint64_t st;

	return chain_up(v, serial, &st);
}

struct call_slot *call_waits_above(const struct view *v,
				   const struct thread_rec *me, uint32_t id,
				   uint64_t *ret_st)
{
	uint64_t up = call_executes(me), st;
	struct call_slot *s;

	for (unsigned n = 0; n < CALL_CHAIN_MAX && (s = chain_up(v, &up, &st));
	     n++) {
		if (st & SLOT_VISITOR || SLOT_STATE(st) != SLOT_POSTED)
			return NULL;
		*ret_st = st;
		if (load_relaxed(&s->caller_id) == id)
			return s;
	}
	return NULL;
}

bool call_upcall(struct call_slot *s, uint64_t st, uint64_t serial)
{
	uint32_t seq = SLOT_SEQ(st);
	uint64_t none = 0;

	/* Release: pairs with the acquire in call_upcall_take(). */
	if (!cas_release(&s->upcall, &none, serial))
		return false;
	while (SLOT_SEQ(st) == seq && SLOT_STATE(st) == SLOT_POSTED) {
		/* Release: pairs with the acquire of the library's waiting
		 * caller.  The thread that waits must see the upcall once it
		 * sees UPCALL. */
		if (cas_release(&s->st, &st,
				(st & ~(uint64_t)SLOT_SLEEP) | SLOT_UPCALL)) {
			if (st & SLOT_SLEEP)
				futex_wake((const uint32_t *)&s->st, INT_MAX);
			return true;
		}
	}
	/* Relaxed: nobody was told of the serial, and only this one is taken
	 * off again. */
	cas_relaxed(&s->upcall, &serial, 0ull);
	return false;
}

/* Take the flag off first: as long as the serial stands there, no other upcall
 * can be asked for.  Acquire: pairs with the release in call_upcall(); the
 * request of the upcall is seen. */
uint64_t call_upcall_take(struct call_slot *s)
{
	uint64_t st = load_acquire(&s->st);

	while (!cas_acquire(&s->st, &st, st & ~(uint64_t)SLOT_UPCALL))
		;
	return xchg_acquire(&s->upcall, 0ull);
}
