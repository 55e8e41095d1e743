/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery: what a dead member leaves is finished or undone here
 *
 * One source for daemon and survivors.  The caller holds the life lock (or, in
 * a checker, is alone).  Every step is idempotent and the slot is freed last,
 * so that a recoverer may die at any instruction and the next starts over.
 *
 * Order, per thread record of the member: span intent; pending malloc_to or
 * free_from; field and pool intents; then core locks, freed once what they
 * guard is whole; then the heap of the member: TXN words, its slabs orphaned
 * or freed, member-lifetime blocks; what it counted of references; then the
 * users' locks (skirmishes), so that
 * who gets one next finds all else whole; at last the records and the slot.
 */
#ifndef FUSION_CORE_RECOVER_H
#define FUSION_CORE_RECOVER_H

#include "libfusion/core/file/view.h"

/* Recover all that member @slot held.  Leaves the slot itself to the caller
 * (life_depart()).  0; -EIO: the arena is not what it should be; -ETIMEDOUT: a
 * child that it has just forked is still taking over its references. */
int recover_member(struct view *v, uint32_t slot);
/* The same for one thread record whose thread is gone; frees the record. */
int recover_thread(struct view *v, struct thread_rec *t);

/* A slot that was recovered is free, and everybody sees so: have those look who
 * can go on with what its member left. */
void recover_seen(struct view *v);

/*
 * The reserved record (thread.h), taken by this process, under the life lock.
 * Only a holder of the life lock uses it, so one that is taken is what a
 * recoverer has left that died in the middle.  What it had begun is finished
 * first, by the same steps and in the same record: in each operation the record
 * that announces is the one that acts, so its recovery may act with it, too.
 * Killed in that: the record is still the dead one's, and the next one who
 * comes here begins again.  0; otherwise the error of the step that failed.
 */
int recover_reserved(struct view *v, struct thread_rec **ret);

#endif
