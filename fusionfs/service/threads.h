/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads, as their records show them: who they are, what they hold and what
 * they wait for
 *
 * Members can write to the records at any time: each is copied once and
 * checked.
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

/* Find the thread with record @i.  0, -ENOENT. */
int thread_at(struct view *v, uint32_t i, struct thread *ret);
/* Find the thread called @token.  0; -ENOENT there is none, or not any more. */
int thread_of_token(struct view *v, uint32_t token, struct thread *ret);
/* Return the end of the records that were ever used. */
uint32_t threads_hi(const struct view *v);
/* What a thread waits for, and who has it. */
struct wait_for {
	enum entry_kind kind;
	uint32_t index;
	uint32_t owner; /* token */
	uint64_t taken; /* how often it was, until now */
};

/* Find what the thread with record @i waits for.  0; -ENOENT nothing that a
 * thread holds. */
int thread_waits(struct view *v, uint32_t i, struct wait_for *ret);
/* Add "skirmish NAME", "property NAME". */
void text_add_object(struct text *t, struct view *v, enum entry_kind kind,
		     uint32_t index);

/* Count the threads that wait for skirmish @index. */
unsigned threads_waiting(struct view *v, uint32_t index);

/* Add "member M thread T", "shell PID". */
void text_add_thread(struct text *t, const struct thread *who);
/* Add the thread called @token, or "none" if there is no such thread. */
void text_add_owner(struct text *t, struct view *v, uint32_t token);

#endif
