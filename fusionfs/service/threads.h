/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads, as their records show them: who they are, what they hold and what
 * they wait for
 *
 * The records are others' to write: all is copied once and checked.
 */
#ifndef FUSIONFS_THREADS_H
#define FUSIONFS_THREADS_H

#include "fusionfs/base/text.h"
#include "fusionfs/world/world.h"

/* A thread that is there. */
struct thread {
	uint32_t index, token, tid;
	uint32_t member; /* its id, 0: a visitor's */
};

/* The thread with record @i.  0, -ENOENT. */
int thread_at(struct view *v, uint32_t i, struct thread *ret);
/* The thread called @token.  0, -ENOENT there is none, or not any more. */
int thread_of_token(struct view *v, uint32_t token, struct thread *ret);
/* As many records were ever used. */
uint32_t threads_hi(const struct view *v);
/* What a thread waits for, and who has it. */
struct wait_for {
	enum entry_kind kind;
	uint32_t index;
	uint32_t owner; /* token */
	uint64_t taken; /* how often it was, until now */
};

/* What does the thread with record @i wait for?  0, -ENOENT nothing that
 * anybody has. */
int thread_waits(struct view *v, uint32_t i, struct wait_for *ret);
/* "skirmish NAME", "property NAME". */
void text_add_object(struct text *t, struct view *v, enum entry_kind kind,
		     uint32_t index);

/* How many wait for skirmish @index? */
unsigned threads_waiting(struct view *v, uint32_t index);

/* "member M thread T", "shell PID". */
void text_add_thread(struct text *t, const struct thread *who);
/* The same for @token; "none" if it is nobody's. */
void text_add_owner(struct text *t, struct view *v, uint32_t token);

#endif
