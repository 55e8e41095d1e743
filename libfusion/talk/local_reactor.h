/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reactor that this process listens to: one cursor of this member, and behind
 * it a list of reactions
 *
 * All of it is guarded by the arena's reactors_lock, which no thread holds
 * while it runs a reaction.  A reaction that is detached stays in its list,
 * marked, as long as a thread walks there.  The last thread that walks frees
 * the marked ones.
 *
 * Done functions (reaction_done.h) have a cursor of their own, which reads
 * behind all others.  They are slots, and there are no reactions there.
 */
#ifndef FUSION_LOCAL_REACTOR_H
#define FUSION_LOCAL_REACTOR_H

#include <fusion/reactor.h>

#include "libfusion/base/known.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/talk/dispatcher.h"
#include "libfusion/talk/slots.h"

struct fusion_reaction {
	struct known known; /* first: the handle */
	struct local_reactor *local;
	uint32_t channel;
	uint64_t from; /* messages before this position are not for it */
	fusion_reaction_fn fn;
	void *ctx;
	void (*destroy)(void *ctx); /* of the program; NULL none, or it ran */
	bool removed;
	bool told;	  /* it knows that nothing more comes */
	unsigned running; /* threads that run it */
	struct fusion_reaction *next;
};

struct local_reactor {
	struct slots slots; /* first: the done functions, in order */
	struct fusion_arena *arena;
	struct listener l;	   /* its cursor */
	bool done;		   /* reads behind all others */
	bool ended;		   /* its cursor is gone */
	bool news;		   /* in the arena's list, or being read */
	uint64_t turn;		   /* in which it was read last */
	bool lacks_memory;	   /* for a message, and has logged that */
	uint32_t policy, limit_ms; /* of the cursor */
	unsigned walkers;	   /* threads that walk the list */
	struct fusion_reaction *reactions;
	void *buf; /* for the message that is read */
	uint32_t size;
	struct local_reactor *next, *next_news;
};

/* Find the one of reactor @id that has not ended; @done: that of its done
 * functions.  NULL none.  reactors_lock is held, here and in the next ones. */
static inline struct local_reactor *local_reactor_find(struct fusion_arena *a,
						       uint32_t id, bool done)
{
	struct local_reactor *l = a->reactors;

	while (l && (l->l.id != id || l->done != done || l->ended))
		l = l->next;
	return l;
}

/* Make one that listens to reactor @re; @done: behind all others.  0, -ENOMEM
 * or cursor_take()'s errors. */
int local_reactor_make(struct fusion_arena *arena, struct reactor *re,
		       const struct cursor_params *params, bool done,
		       struct local_reactor **ret);
/* Have a cursor of reactor @re for @l.  0, or cursor_take()'s errors. */
int local_reactor_listen(struct local_reactor *l, struct reactor *re);
/* Tell its cursor what channels and what policy it has now. */
void local_reactor_update(struct local_reactor *l);
/* Have the dispatcher look at it at its next turn. */
void local_reactor_has_news(struct local_reactor *l);
/* Wake the dispatcher, so that it looks for messages of @l, which may have gone
 * meanwhile, and the cursor rests.  reactors_lock is not held. */
void local_reactor_rouse(struct fusion_arena *arena,
			 const struct local_reactor *l);
/* Make its buffer large enough for @size bytes; false: no memory. */
bool local_reactor_grow(struct local_reactor *l, uint32_t size);
/* Free the reactions that are marked, if nobody else walks there.  Without
 * reactions and done functions there is nothing to listen for, and it is freed,
 * too. */
void local_reactor_sweep(struct local_reactor *l);
/* Let go of reactors_lock, and run the destroy functions of the reactions that
 * were freed meanwhile. */
void local_reactors_unlock(struct fusion_arena *arena);
/* Free it, whoever walks. */
void local_reactor_free(struct local_reactor *l);

#endif
