/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reactions: what this process has attached to reactors. */
#ifndef FUSION_REACTION_H
#define FUSION_REACTION_H

#include <fusion/reactor.h>

#include "libfusion/base/known.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/reactor.h"
#include "libfusion/talk/dispatcher.h"

struct fusion_reaction {
	struct known known; /* first: the handle */
	struct local_reactor *local;
	uint32_t channel;
	uint64_t from; /* messages before this position are not for it */
	fusion_reaction_fn fn;
	void *ctx;
	bool removed;
	bool told;	  /* that no more will come */
	unsigned running; /* threads that run it */
	struct fusion_reaction *next;
};

struct local_reactor {
	struct fusion_arena *arena;
	struct listener l;
	bool done;		   /* reads behind all others */
	bool ended;		   /* its cursor is gone */
	bool news;		   /* in the arena's list of these */
	bool lacks_memory;	   /* for a message, and has logged that */
	uint32_t policy, limit_ms; /* of the cursor */
	unsigned walkers;
	struct fusion_reaction *reactions;
	void *buf;
	uint32_t size;
	struct local_reactor *next, *next_news;
};

/* Have own reactions see a message now, on this thread. */
void reactions_run(struct fusion_arena *arena, uint32_t id,
		   const struct fusion_reactor_message *message);
/* fusion_reactor_attach(); @done: behind all others, any channel. */
int reaction_add(struct fusion_arena *arena, struct reactor *re,
		 uint32_t channel, bool done, fusion_reaction_fn fn, void *ctx,
		 const struct fusion_reactor_policy *policy,
		 struct fusion_reaction **ret);
/* Take away what fusion_reactor_set_done() has set. */
void reaction_remove_done(struct fusion_arena *arena, uint32_t id);

/* Take a cursor for @l, of reactor @re.  reactors_lock is held.  0, or
 * cursor_take()'s errors. */
int reactions_listen(struct local_reactor *l, struct reactor *re);
/* Look at it at the next turn; the same. */
void reactions_have_news(struct local_reactor *l);
/* Is a reaction running on the calling thread? */
bool reaction_is_running(void);

/* Handle a record that says that a reactor has news. */
void reactor_news(struct fusion_arena *arena, const struct dispatched *d);
/* Look at all reactors that are attached: a bell was lost.  True: something
 * was there. */
bool reactor_look(struct fusion_arena *arena);
/* More of the reactors that have news; a bounded part.  True: there is more. */
bool reactor_run(struct fusion_arena *arena);
/* The process leaves: nothing of these runs any more. */
void reactor_stop(struct fusion_arena *arena);

#endif
