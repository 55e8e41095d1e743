/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Member slots: claiming one, counting them, finding a member. */
#ifndef FUSION_CORE_MEMBER_H
#define FUSION_CORE_MEMBER_H

#include "libfusion/core/life/life.h"

/* Take a free slot whose witness nobody has, and lock that: MEMBER_JOINING,
 * with a new id.  A master's claim also sets
 * superblock.master, and the state of an empty arena to INITIALIZING.  0,
 * -ENOSPC (all max_members taken), -ENOMEM (no memory for its record),
 * -EOVERFLOW (all ids of this file have been given). */
int member_claim(struct view *v, const struct member_info *info,
		 uint32_t *ret_slot);
/* JOINING -> ALIVE, and RUNNING if it is the initialising master.  Also
 * LEAVING -> ALIVE, and back to RUNNING: a callback refused to leave.  Wakes
 * life_seq, logs the join.  0 (also if it was ALIVE), -ESRCH. */
int member_ready(struct view *v, uint32_t slot);
/* How many other slots than @except are inside, by state; any may be NULL. */
void member_count(struct view *v, uint32_t except, uint32_t *joining,
		  uint32_t *alive, uint32_t *leaving);
/* Slot of member @id, 0 if it is not inside.  No lock. */
uint32_t member_find(const struct view *v, uint32_t id);
/* Is @id inside, in slot @slot?  Takes any numbers.  No lock (but then only
 * what was so). */
bool member_at(const struct view *v, uint32_t slot, uint32_t id);
/* The slot in state @state with the lowest id, 0 none. */
uint32_t member_oldest(const struct view *v, uint32_t state);
/* One more than the highest slot ever used: the bound for scans.  No lock. */
uint32_t members_hi(const struct view *v);
/* life_seq + 1, and wake who waits for it. */
void life_changed(struct view *v);

#endif
