/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Life of an arena: who is inside, who decides, who is dead
 *
 * Every change of superblock.state, master and of a member slot's state is
 * made under the LIFE LOCK: an OFD write lock on one byte far behind the end of
 * the backing file.  The kernel drops it when its holder dies, so nothing here
 * needs a recoverer of recoverers: who takes the lock after a death finds the
 * slot MEMBER_DEAD (or still ALIVE with a dead process) and starts over.
 *
 * The daemon decides joins.  Leaving and recovery are decided by whoever does
 * them, daemon or member, with the same functions.
 *
 * Witnesses of life: W1 a POSIX write lock on byte LIFE_BYTE(slot) of the
 * backing file, held by the member's process; W2 its pid and start time.
 * A member is dead when W2 says so; or when W1 is gone and the process, though
 * alive, no longer maps the arena (it ran exec, or left without a word).  A
 * process that merely closed all its descriptors is alive: its threads
 * may still write.  A member in another pid namespace is judged by W1 alone.
 */
#ifndef FUSION_CORE_LIFE_H
#define FUSION_CORE_LIFE_H

#include <sys/types.h>

#include "libfusion/core/view.h"

#define LIFE_LOCK_BYTE (1ll << 62)
#define LIFE_BYTE(slot) ((1ll << 61) + (slot))

/* Take the life lock, recursively in a thread.  Waits at most @timeout_ns
 * (< 0 for ever).  0, -ETIMEDOUT.  Recursive, because who recovers one member
 * may find another dead one in its way (life_suspect()). */
int life_lock(struct view *v, int64_t timeout_ns);
void life_unlock(struct view *v);

/* --- Members.  All but member_find() under the life lock. --------------- */

struct member_info {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uint64_t start_time;
	uint32_t role;
	char comm[16];
};

/* Take a free slot: MEMBER_JOINING, with a new id.  0, -ENOSPC (all
 * max_members taken), -ENOMEM (no memory for its record). */
int member_claim(struct view *v, const struct member_info *info,
		 uint32_t *ret_slot);
/* JOINING -> ALIVE, wakes life_seq, logs the event.  -ESRCH if it is not so. */
int member_ready(struct view *v, uint32_t slot);
/* How many other slots than @except are inside, by state; any may be NULL. */
void member_count(struct view *v, uint32_t except, uint32_t *joining,
		  uint32_t *alive, uint32_t *leaving);
/* Slot of member @id, 0 if it is not inside.  No lock. */
uint32_t member_find(const struct view *v, uint32_t id);

enum life_exit { EXIT_LAST = 0, EXIT_NOT_LAST = 1, EXIT_WAIT = 2 };

/*
 * May @slot leave, and how?  EXIT_LAST: state is SHUTTING_DOWN now and
 * shutdown() is to be run.  EXIT_NOT_LAST: slot is LEAVING now and leave() is
 * to be run.  EXIT_WAIT: the others are all LEAVING: ask again when life_seq
 * changes.  -EBUSY: master, others are inside and @has_leave is false.
 */
int life_exit_begin(struct view *v, uint32_t slot, bool has_leave);

/*
 * @slot has left (politely, after its callbacks) or is dead: recover what it
 * held (recover.h), apply on_master_death, free the slot, log, wake life_seq.
 * Returns how many are still inside (JOINING, ALIVE, LEAVING), or -EIO.
 * Idempotent until the slot is free.
 */
int life_depart(struct view *v, uint32_t slot, bool died);

/* The callback of an exit failed: @slot stays. */
void life_stay(struct view *v, uint32_t slot);

/* The master's initialize() succeeded: RUNNING. */
void life_running(struct view *v);

/* The state as one word of `state`: "empty", "initializing", ... */
const char *life_state_name(uint32_t state);

/* --- Liveness ------------------------------------------------------------ */

/* Start time of @pid, 0 if there is no such process (or a zombie). */
uint64_t process_start_time(pid_t pid);
/* Inode of my pid namespace, 0 unknown. */
uint64_t process_pidns(void);
/* Take W1 for @slot; once per process and arena, on v->fd. 0 or -errno. */
int life_witness(struct view *v, uint32_t slot);
/* Its pid as it is seen here, 0 if it is of another pid namespace. */
pid_t member_pid(const struct view *v, uint32_t slot);
bool member_is_dead(struct view *v, uint32_t slot);
/* Signal the process that joined as @slot, never another that has its pid.
 * 0, -ESRCH, -EPERM, -EINVAL. */
int member_signal(struct view *v, uint32_t slot, int signal);
/* Is this thread of a live member gone without its destructors? */
bool thread_is_dead(struct view *v, const struct thread_rec *t);

/*
 * A wait for the owner of @token has lasted suspiciously long: if that member
 * (or thread) is dead, recover it here and now.  Returns 1 if something was
 * recovered, 0 if it lives, -errno.  Takes the life lock, so call it with no
 * core lock held but ones that recovery does not take.
 */
int life_suspect(struct view *v, uint32_t token);
/* Look at all members and recover the dead; the number found. */
int life_sweep(struct view *v);

#endif
