/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Member slots: claiming one, counting them, finding a member
 *
 * A slot goes FREE -> JOINING -> ALIVE -> LEAVING -> FREE, by one store of
 * member_rec.state each, under the life lock.  From any of these it goes to
 * DEAD and then to FREE if its member dies, or goes without having been
 * LEAVING.  An id is never used twice in the life of a file, so slot and id
 * name one member for ever.
 */
#ifndef FUSION_CORE_MEMBER_H
#define FUSION_CORE_MEMBER_H

#include "libfusion/core/life/life.h"

/*
 * Claim a free slot, with a new id: lock its witness, and set its state to
 * MEMBER_JOINING.  The claim of a master also sets superblock.master, and the
 * state of an empty arena to INITIALIZING.  Under the life lock.
 * 0 and *ret_slot.
 * -ENOSPC all max_members slots are taken.
 * -ENOMEM there is no memory for the record.
 * -EOVERFLOW all ids of this file have been given.
 * -errno the witness cannot be locked.
 */
int member_claim(struct view *v, const struct member_info *info,
		 uint32_t *ret_slot);
/*
 * Make the member in @slot ALIVE.  From JOINING: the arena is RUNNING if the
 * member is the master that initialized it.  From LEAVING, since a callback has
 * refused to leave: the arena is RUNNING again.  Wakes life_seq, logs a join.
 * Under the life lock.
 * 0; also if it was ALIVE already.
 * -ESRCH the slot is free, or its member is dead.
 */
int member_ready(struct view *v, uint32_t slot);
/* Count the members in slots other than @except, by state.  Pointers may be
 * NULL. */
void member_count(struct view *v, uint32_t except, uint32_t *joining,
		  uint32_t *alive, uint32_t *leaving);
/* Find the slot of member @id, 0 if it is not inside.  Needs no lock. */
uint32_t member_find(const struct view *v, uint32_t id);
/* Say whether member @id is inside, in slot @slot.  Takes any numbers.  Without
 * the life lock, the answer may be old. */
bool member_at(const struct view *v, uint32_t slot, uint32_t id);
/* Find the slot in state @state with the lowest id, 0 none. */
uint32_t member_oldest(const struct view *v, uint32_t state);
/* Read the bound for scans: slots at and above it were never used.  Needs no
 * lock. */
uint32_t members_hi(const struct view *v);
/* Add 1 to life_seq, and wake the threads that wait for a change. */
void life_changed(struct view *v);

#endif
