/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quotas: what one user may have of what all share
 *
 * Whatever the daemon keeps for somebody is charged to that user's id, and what
 * would be more than the user's limit is refused.  Root and the user that the
 * daemon runs as are counted and never refused: what they want is the
 * operator's own affair.
 *
 * A charge lies in the very object that it is for, and that object's end gives
 * it back, so that none outlives what it is for.  Users stay known for good, a
 * few words each: nothing that has a charge has to care for its user.
 */
#ifndef FUSIONFS_QUOTA_H
#define FUSIONFS_QUOTA_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum quota {
	QUOTA_ARENAS,  /* directories made */
	QUOTA_SPAN,    /* bytes of the address window that they take */
	QUOTA_MEMORY,  /* bytes: the sum of the limits of these */
	QUOTA_MEMBERS, /* joined processes: a descriptor of ours each */
	QUOTA_FILES,   /* open files and directories */
	QUOTA_PORTS,   /* of these, such as a shell talks through */
	QUOTA_WAITS,   /* requests that wait */
	QUOTA_BYTES,   /* bytes of text that we keep for open files */
	N_QUOTAS
};

struct quota_user;

/* So much of a kind; all zero: of nobody, who has no limit. */
struct charge {
	struct quota_user *user;
	enum quota kind;
	uint64_t n;
};

/* Begin with these limits, where 0 is no limit. */
void quota_begin(const uint64_t limits[N_QUOTAS]);
/* Forget all users. */
void quota_end(void);

/* Charge @n to @uid.  0; -EDQUOT or -EMFILE it is too much; -ENOMEM.  After an
 * error *c is all zero. */
int quota_take(struct charge *c, uid_t uid, enum quota kind, uint64_t n);
/* Charge what is there already, whatever the limit. */
void quota_adopt(struct charge *c, uid_t uid, enum quota kind, uint64_t n);
/* Open an account of @uid that nothing is charged to yet. */
void quota_open(struct charge *c, uid_t uid, enum quota kind);
/* Change the charge to @n.  0, or an error of quota_take() and the charge is
 * what it was.  Less always works. */
int quota_set(struct charge *c, uint64_t n);
/* Change the charge to @n, whatever the limit. */
void quota_force(struct charge *c, uint64_t n);
/* Give the charge back: it is all zero then.  Idempotent. */
void quota_give(struct charge *c);

/* What an arena takes of its owner's quotas. */
struct arena_charge {
	struct charge arenas, span, memory;
};

/* Charge an arena with these figures to @uid.  0, or an error of quota_take()
 * and the charge is what it was. */
int arena_charge_set(struct arena_charge *c, uid_t uid, uint64_t span,
		     uint64_t limit);
/* Charge an arena that is there already, whatever the limits. */
void arena_charge_force(struct arena_charge *c, uid_t uid, uint64_t span,
			uint64_t limit);
/* Give all three back. */
void arena_charge_give(struct arena_charge *c);
/* Return the limit of a new arena of @uid: @standard, or if that is 0 a share
 * of the memory that the user may have; 0 is no limit. */
uint64_t quota_share(uid_t uid, uint64_t standard);

/* Log each kind of which a user was refused more since the last log line, with
 * one line a minute at most. */
void quota_tell(void);

/* For the files limits and users. */
const char *quota_name(enum quota kind);
uint64_t quota_limit(enum quota kind);
uint64_t quota_standard(enum quota kind);
/* Return the kind called @name, -1: there is none. */
int quota_by_name(const char *name);
/* Step to the next user after *at (NULL: the first) that has something.  false:
 * there is none. */
bool quota_next(const struct quota_user **at, uid_t *ret_uid,
		uint64_t ret_used[N_QUOTAS]);

#endif
