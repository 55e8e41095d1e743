/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Life of an arena: who is inside, who decides, who is dead
 *
 * Every change of superblock.state, master and of a member slot's state is
 * made under the LIFE LOCK: an OFD write lock on one byte of the arena's lock
 * file.  The kernel drops it when its holder dies, so nothing here needs a
 * recoverer of recoverers: a process that takes the lock after a death finds
 * the slot MEMBER_DEAD (or still ALIVE with its witness free) and starts over.
 * The lock file is a file of its own, which only members get from the daemon:
 * a process that may only look at the arena has nothing that it could lock.
 *
 * The daemon decides joins.  Leaving and recovery are decided by the process
 * that does them, daemon or member, with the same functions.
 *
 * A member is alive as long as its witness (witness.h) is held, and dead when
 * it is not.
 *
 * The life of a file: EMPTY -> INITIALIZING (a master has claimed a slot) ->
 * RUNNING -> SHUTTING_DOWN (the last one runs shutdown()) -> GONE.  It is GONE
 * as soon as nobody is inside any more, in whatever way they went; the daemon
 * then puts a fresh file in its place, or nothing if it was transient.
 */
#ifndef FUSION_CORE_LIFE_H
#define FUSION_CORE_LIFE_H

#include <sys/types.h>

#include "libfusion/core/file/view.h"
#include "libfusion/core/life/witness.h"

#define LIFE_LOCK_BYTE (1ll << 62)

/*
 * Take the life lock.  Waits at most @timeout_ns (< 0 for ever; a view with
 * patience_ns never longer than that, one that is NEVER_SLEEP not at all).  0,
 * -ETIMEDOUT; -EINTR never. Recursive in a thread.  Excludes the threads of one
 * view, too, which an OFD lock does not; and holds off cancellation until it is
 * given back.
 */
int life_lock(struct view *v, int64_t timeout_ns);
void life_unlock(struct view *v);

/* The record with which the holder of the life lock announces core locks:
 * v->rec, or for a member one claimed until life_unlock(), if need be the one
 * that is reserved for this.  NULL: that one makes no sense. */
struct thread_rec *life_rec(struct view *v);
/* The same record for a caller that cannot do without: 0 and *ret; otherwise
 * what kept the holder from having one, which may pass.
 *   -EIO        what the reserved record announces makes no sense
 *   -ETIMEDOUT  somebody has a lock that its recovery needs
 *   -ENOMEM     the arena cannot grow by what its recovery needs */
int life_rec_get(struct view *v, struct thread_rec **ret);

/* --- Members.  All under the life lock, but those that say otherwise. ---- */

struct member_info {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uint64_t start_time;
	uint32_t role; /* FUSION_ROLE_MASTER or FUSION_ROLE_SLAVE */
	int witness;   /* a description that is to lock the slot's witness, 0
			* none:   descriptors of ours are above 2 */
	char comm[16];
};

enum life_exit { EXIT_LAST = 0, EXIT_NOT_LAST = 1, EXIT_WAIT = 2 };

/*
 * May @slot leave, and how?  EXIT_LAST: state is SHUTTING_DOWN now and
 * shutdown() is to be run.  EXIT_NOT_LAST: slot is LEAVING now and leave() is
 * to be run.  EXIT_WAIT: nobody else is ALIVE, but some are JOINING or LEAVING
 * and may yet become so: ask again when life_seq changes.  -ESRCH: not inside.
 * A master leaves as a slave does: it is its leave() that may refuse.
 * Recovers dead members that would be in the way of the right answer.
 */
int life_exit_begin(struct view *v, uint32_t slot);

/*
 * @slot has left (politely, after its callbacks) or is dead: recover what it
 * held (recover.h), apply on_master_death, free the slot, log, wake life_seq.
 * Returns how many are still inside (JOINING, ALIVE, LEAVING), or -EIO.
 * When it is 0 the state is ARENA_GONE.  Idempotent until the slot is free.
 * Check with member_at() that the slot still has the member you mean.
 */
int life_depart(struct view *v, uint32_t slot, bool died);

/* INITIALIZING, or SHUTTING_DOWN that failed: RUNNING. */
void life_running(struct view *v);

/* The state as one word of `state`: "empty", "initializing", ... */
const char *life_state_name(uint32_t state);
/* The same for a member's: "joining", "alive", "leaving", "dead", "free". */
const char *member_state_name(uint32_t state);

/*
 * This process is the undertaker from now on (the daemon, for each arena it
 * makes or finds): recover the last undertaker's slot 0 and take it, drop
 * members that were let in but never told so, recover the dead.  Takes the
 * life lock.  How many are inside, -EBUSY another undertaker lives, -EIO,
 * -ETIMEDOUT.
 */
int life_undertake(struct view *v);

/* --- Liveness.  No lock, but under it an answer stays true. -------------- */

/*
 * A wait for the owner of @token has lasted suspiciously long: if that member
 * (or thread) is dead, recover it here and now.  Returns 1 if something was
 * recovered, 0 if it lives, -errno.  Takes the life lock, so call it with no
 * core lock held but ones that recovery does not take.
 */
int life_suspect(struct view *v, uint32_t token);
/* Look at all members and recover the dead; the number found.  Takes the life
 * lock, but only if there are any. */
int life_sweep(struct view *v);

#endif
