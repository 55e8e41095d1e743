/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store: an arena's directory in the backing directory
 *
 *   policy     the arena's owner, mode and identity: text, one fact a line
 *   heap       the memory of this life of the arena
 *   locks.N    the lock file of the heap with inode number N (witness.h)
 *
 * The directory is 0700 and its files are 0600, so that no other user gets to
 * them by a path, whatever the arena's mode is: members get their descriptors
 * from the daemon (hand_over.h).  What is decided about the arena as a whole is
 * in `policy`, where only the daemon writes, and never in the memory.
 *
 * Crash: `policy` and `heap` change by rename(2).  A new lock file is there
 * before the rename of its heap, which is the commit of a new life; one that
 * belongs to no heap is removed when the store is opened.
 */
#ifndef FUSIONFS_STORE_H
#define FUSIONFS_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fusionfs/world/backing.h"

struct policy {
	mode_t mode; /* 0777 at most */
	uid_t uid;
	gid_t gid;
	uint64_t identity;   /* st_ino of the arena's directory: IDENTITY_BITS
			      * set,   the rest random; no other arena has it */
	uint64_t changed_ns; /* CLOCK_REALTIME: of mode, owner or group */
	bool transient;	     /* vanishes when empty */
	/* Of this life: what the first member wanted, and, if that is
	 * MASTER_DEATH_KILL, the slot of the member that is master. */
	uint32_t on_master_death, master;
};

/* The inode numbers of arenas have both of these bits, and not the highest.
 * Those of other files do not: their highest eight bits are the row, or bit 63
 * is set. */
#define IDENTITY_BITS (3ull << 61)

struct store {
	int dir, heap, lock; /* -1 none */
	struct policy policy;
};

struct arena_params;

/* Create the store of arena @params->name with @policy, the identity and
 * changed_ns of which are decided here.  0, -EEXIST, -ENOSPC, -errno. */
int store_create(const struct backing *b, const struct arena_params *params,
		 const struct policy *policy, struct store *ret);
/* Open a store that is there.  0; -EINVAL it is none; -EPROTO it is of another
 * format; -errno it may be a store, but cannot be opened now. */
int store_open(const struct backing *b, const char *name, struct store *ret);
/* Put a fresh heap and lock file in the place of the old ones.  0; -errno: the
 * old ones stay. */
int store_renew(struct store *s, const struct arena_params *params);
/* Write the policy, with changed_ns of now.  0, -errno: the old one stays. */
int store_change(struct store *s, const struct policy *policy);
/* Write on_master_death and master to the policy if they changed.  0, -errno.
 */
int store_note(struct store *s, uint32_t on_master_death, uint32_t master);
/* Open the lock file once more.  Returns the descriptor, -errno. */
int store_open_lock(const struct store *s);
/* Close its descriptors. */
void store_close(struct store *s);
/* Remove the directory called @name, and the files in it. */
void store_remove(const struct backing *b, const char *name);

#endif
