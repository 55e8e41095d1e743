/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Life of an arena: which members are inside, who decides, which are dead
 *
 * Every change of superblock.state, of master and of a member slot's state is
 * made under the LIFE LOCK: an OFD write lock on one byte of the arena's lock
 * file.  The kernel drops that lock when its holder dies, so nothing here needs
 * a recoverer of recoverers.  A process that takes the lock after a death finds
 * the slot MEMBER_DEAD, or still ALIVE with its witness free, and starts over.
 * The lock file is a file of its own, which only members get from the daemon: a
 * process that may only read the arena cannot lock it.
 *
 * The daemon decides joins.  Leaving and recovery are decided by the process
 * that does them, daemon or member, with these functions.
 *
 * A member is alive as long as its witness (witness.h) is held, and dead when
 * the witness is free.
 *
 * The life of a file: EMPTY -> INITIALIZING (a master has claimed a slot) ->
 * RUNNING -> SHUTTING_DOWN (the last member runs shutdown()) -> GONE.  The file
 * is GONE as soon as nobody is inside, in whatever way the last member went.
 * Then the daemon puts a fresh file in its place, or none if it was transient.
 */
#ifndef FUSION_CORE_LIFE_H
#define FUSION_CORE_LIFE_H

#include <sys/types.h>

#include "libfusion/core/file/view.h"
#include "libfusion/core/life/witness.h"

#define LIFE_LOCK_BYTE (1ll << 62)

/*
 * Take the life lock, waiting at most @timeout_ns (< 0 for ever).  A view with
 * patience_ns never waits longer than that, a NEVER_SLEEP view not at all.
 * Recursive in a thread.  Excludes the threads of one view, too, which an OFD
 * lock does not.  Disables cancellation until life_unlock().
 * 0.
 * -ETIMEDOUT.
 * -EBADF the descriptor of the lock file is lost.
 * Never -EINTR.
 */
int life_lock(struct view *v, int64_t timeout_ns);
/* Give one level of the life lock back. */
void life_unlock(struct view *v);

/*
 * Find the record with which the holder of the life lock announces core locks:
 * v->rec, or in a member a record that is claimed until life_unlock(), if need
 * be the reserved one (thread.h).  NULL: there is none; life_rec_get() says
 * why.
 */
struct thread_rec *life_rec(struct view *v);
/* The same record for a caller that cannot do without: 0 and *ret; otherwise
 * what kept the holder from having one, which may pass.
 *   -EIO        what the reserved record announces makes no sense
 *   -ETIMEDOUT  somebody has a lock that its recovery needs
 *   -ENOMEM     the arena cannot grow by what its recovery needs */
int life_rec_get(struct view *v, struct thread_rec **ret);

/* --- Members.  Call these under the life lock, unless they say otherwise. - */

struct member_info {
	pid_t pid;
	uid_t uid;
	gid_t gid;
	uint64_t start_time;
	uint32_t role; /* FUSION_ROLE_MASTER or FUSION_ROLE_SLAVE */
	int witness;   /* descriptor whose description locks the slot's witness;
			* 0 none, as descriptors of the library are above 2 */
	char comm[16];
};

enum life_exit { EXIT_LAST = 0, EXIT_NOT_LAST = 1, EXIT_WAIT = 2 };

/*
 * Begin to take the member in @slot out.  Recovers dead members, as only living
 * ones count.  A master leaves as a slave does: its leave() may refuse.
 * EXIT_LAST the arena is SHUTTING_DOWN now: run shutdown().
 * EXIT_NOT_LAST the slot is LEAVING now: run leave().
 * EXIT_WAIT no other member is ALIVE, but some are JOINING or LEAVING and may
 * become so: ask again when life_seq changes.
 * -ESRCH the member is not inside.
 */
int life_exit_begin(struct view *v, uint32_t slot);

/*
 * Take the member in @slot out, which has left after its callbacks, or if @died
 * is dead: recover what it held (recover.h), apply on_master_death, free the
 * slot, log, wake life_seq.  Idempotent until the slot is free.  Check first
 * with member_at() that the slot still has the member that is meant.
 * Returns the number of members inside (JOINING, ALIVE, LEAVING); if it is 0,
 * the state is ARENA_GONE.
 * -ESRCH there is no such slot.
 * -EIO, -ETIMEDOUT, -ENOMEM as recover_member().
 */
int life_depart(struct view *v, uint32_t slot, bool died);

/* Set the state from INITIALIZING, or from a SHUTTING_DOWN that a callback has
 * refused, to RUNNING. */
void life_running(struct view *v);

/* Name an arena's state, as the file `state` does: "empty", "initializing" ...
 */
const char *life_state_name(uint32_t state);
/* Name a member's state: "joining", "alive", "leaving", "dead", "free". */
const char *member_state_name(uint32_t state);

/*
 * Make this process the undertaker: the daemon, for each arena that it makes or
 * finds.  Recovers slot 0 of the last undertaker and takes it, drops members
 * that were never told that they are in, recovers the dead.  Takes the life
 * lock.
 * Returns the number of members inside.
 * -EBUSY another undertaker lives.
 * -EIO, -ETIMEDOUT, -ENOMEM as recover_member().
 */
int life_undertake(struct view *v);

/* --- Suspicion ----------------------------------------------------------- */

/*
 * Recover the member or thread with @token if it is dead, since a wait for it
 * has lasted suspiciously long.  Takes the life lock, so the caller may hold
 * only core locks that recovery does not take.
 * 1 recovered; 0 it lives; -errno.
 */
int life_suspect(struct view *v, uint32_t token);
/* Recover all dead members.  Returns their number.  Takes the life lock, but
 * only if there are any. */
int life_sweep(struct view *v);

#endif
