/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which members and threads are alive. */
#ifndef FUSION_CORE_LIVENESS_H
#define FUSION_CORE_LIVENESS_H

#include "libfusion/core/life/life.h"

/* Start time of @pid, 0 if there is no such process (or a zombie). */
uint64_t process_start_time(pid_t pid);
/* Inode of my pid namespace, 0 unknown. */
uint64_t process_pidns(void);
/* The pid by which this process sees that of @m, as the arena's memory says it;
 * 0 it does not see it. */
pid_t member_pid_here(const struct view *v, const struct member_rec *m);
/* I am member @id in @slot, have its witness and have mapped the arena: say so
 * there, set v->slot.  Takes the life lock.  0; -ESRCH the slot is not mine
 * (any more). */
int life_witness(struct view *v, uint32_t slot, uint32_t id);
/* Is the witness of @slot held?  No lock; asks only the kernel. */
bool life_witness_held(const struct view *v, uint32_t slot);
/* Is who is (or was) in @slot dead?  A free slot is not. */
bool member_is_dead(struct view *v, uint32_t slot);
/* Is this thread of a live member gone without its destructors?  Asks
 * view.acts, in doubt it is not. */
bool thread_is_dead(struct view *v, const struct thread_rec *t);

#endif
