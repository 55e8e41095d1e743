/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Liveness: which members and threads are alive. */
#ifndef FUSION_CORE_LIVENESS_H
#define FUSION_CORE_LIVENESS_H

#include "libfusion/core/life/life.h"

/* Read the start time of @pid; 0 if there is no such process, or a zombie. */
uint64_t process_start_time(pid_t pid);
/* Read the inode of this process' pid namespace, 0 unknown. */
uint64_t process_pidns(void);
/* Find the pid of member @m in this process' pid namespace, from what the
 * arena's memory says; 0 the process is not seen here. */
pid_t member_pid_here(const struct view *v, const struct member_rec *m);
/*
 * Store in @slot that the calling process, member @id, has its witness and has
 * mapped the arena; set v->slot.  Takes the life lock.
 * 0.
 * -ESRCH the slot does not have member @id any more.
 * -errno as life_lock().
 */
int life_witness(struct view *v, uint32_t slot, uint32_t id);
/* Say whether the witness of @slot is held.  Needs no lock; asks the kernel. */
bool life_witness_held(const struct view *v, uint32_t slot);
/* Say whether the member in @slot is dead.  false: it lives, the slot is free,
 * or there is a doubt. */
bool member_is_dead(struct view *v, uint32_t slot);
/* Say whether this thread of a living member is gone without having run its
 * destructors.  Asks view.acts.  false: it lives, or there is a doubt. */
bool thread_is_dead(struct view *v, const struct thread_rec *t);

#endif
