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

/* Begin with these limits; 0 is no limit. */
void quota_begin(const uint64_t limits[N_QUOTAS]);
void quota_end(void);

/* Charge @n to @uid.  0, -EDQUOT or -EMFILE it is too much, -ENOMEM: *c is all
 * zero. */
int quota_take(struct charge *c, uid_t uid, enum quota kind, uint64_t n);
/* It is there already: charge it whatever the limit. */
void quota_adopt(struct charge *c, uid_t uid, enum quota kind, uint64_t n);
/* An account that nothing is charged to yet. */
void quota_open(struct charge *c, uid_t uid, enum quota kind);
/* Have it be @n.  0, or the same errors and it is what it was.  Less always
 * works. */
int quota_set(struct charge *c, uint64_t n);
/* The same, whatever the limit. */
void quota_force(struct charge *c, uint64_t n);
/* Nothing, and nobody's.  Idempotent. */
void quota_give(struct charge *c);

/* What an arena takes of its owner's. */
struct arena_charge {
	struct charge arenas, span, memory;
};

/* Have it stand for an arena with these figures.  0, -errno: it stands for what
 * it did before. */
int arena_charge_set(struct arena_charge *c, uid_t uid, uint64_t span,
		     uint64_t limit);
/* The arena is there, whether its owner may have it or not. */
void arena_charge_force(struct arena_charge *c, uid_t uid, uint64_t span,
			uint64_t limit);
void arena_charge_give(struct arena_charge *c);
/* Its limit if nobody says more than @standard, 0 none: a share of what the
 * user may have. */
uint64_t quota_share(uid_t uid, uint64_t standard);

/* A line for the log, for each kind of which somebody was refused more since
 * the last one: at most one a minute. */
void quota_tell(void);

/* For what is shown. */
const char *quota_name(enum quota kind);
uint64_t quota_limit(enum quota kind);
uint64_t quota_standard(enum quota kind);
/* The kind called so, -1 there is none. */
int quota_by_name(const char *name);
/* The next user after *at (NULL: the first) that has something. */
bool quota_next(const struct quota_user **at, uid_t *ret_uid,
		uint64_t ret_used[N_QUOTAS]);

#endif
