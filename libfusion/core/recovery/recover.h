/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovery: what a dead member leaves is finished or undone here
 *
 * The daemon and surviving members run this same code.  The caller holds the
 * life lock (or, in a checker, is alone).  Each step is idempotent and the slot
 * is freed last, so a recoverer may die at any instruction, and the next one
 * starts over.
 *
 * The order, for a member:
 *
 *   1. for each of its thread records, what was announced under core locks:
 *      spans, tables, references, items; then the core locks, which are freed
 *      only once what they guard is whole
 *   2. for each record, what needs locks that the dead may have held: pending
 *      blocks, dying pools, rings, reactors, calls, objects, references on
 *      their way out
 *   3. the event that says what was found
 *   4. slabs, member-lifetime blocks, the queue, the counts of references,
 *      cursors, duties
 *   5. for each record the locks of users, properties and skirmishes, so that
 *      the next owner finds all else whole; then the record is freed
 *   6. calls that wait for an answer of the member
 */
#ifndef FUSION_CORE_RECOVER_H
#define FUSION_CORE_RECOVER_H

#include "libfusion/core/file/view.h"

/*
 * Recover all that the member in @slot held.  The slot itself is left to the
 * caller (life_depart()).
 *
 *   0
 *   -EIO        the arena is not as it should be
 *   -ETIMEDOUT  a child that the member has just forked still takes over its
 *               references, or a thread has a lock that recovery needs: come
 *               again
 *   -ENOMEM     as life_rec_get()
 */
int recover_member(struct view *v, uint32_t slot);
/* Recover one thread record whose thread has ended while its member lives, and
 * free the record.  0, or as recover_member(). */
int recover_thread(struct view *v, struct thread_rec *t);

/* Wake the members that can go on with what a recovered member left, once its
 * slot is free. */
void recover_seen(struct view *v);

/*
 * Take the reserved record (thread.h) for this process, under the life lock.
 *
 * Only a holder of the life lock uses that record, so if it is taken, a
 * recoverer that died in the middle has left it.  What that one had begun is
 * finished first, by the steps above and in the same record.  In each operation
 * the record that announces is the one that acts, so its recovery may act with
 * it, too.  Killed in that: the record still belongs to the dead recoverer, and
 * the next caller begins again.
 *
 * 0 and *ret; otherwise the error of the step that failed.
 */
int recover_reserved(struct view *v, struct thread_rec **ret);

#endif
