/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The undertaker: learns of deaths and has the dead recovered
 *
 * A pidfd says "process gone", RELEASEDIR of the directory it joined by says
 * "descriptor gone".  The first covers a fork that keeps the descriptor, the
 * second an exec.  Whichever comes, the kernel is asked whether the witness of
 * the member is still held (witness.h).
 *
 * The list of those inside is the daemon's own: members whose JOIN it has
 * answered, or of whom it has made sure at its start.  Nothing that lies in the
 * arena's memory adds to the list, takes from it, or says who a member is.
 */
#ifndef FUSIONFS_UNDERTAKER_H
#define FUSIONFS_UNDERTAKER_H

#include "fusionfs/base/loop.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/world/world.h"

/* A member.  Invariant: it is in the list of its arena until it is out. */
struct tracked {
	struct source source; /* of its pidfd */
	struct tracked *next;
	struct arena *arena;
	uint32_t slot, id;
	pid_t pid;	/* 0 unknown */
	uid_t uid;	/* when it joined */
	bool is_master; /* it joined as such */
	bool verified;	/* pid and uid are what the kernel said, not the
			 * arena's memory */
	struct charge charge;
	int pidfd;	  /* -1: it is closed */
	bool going, died; /* it has left, or died, and is to be taken out */
	unsigned round;	  /* of the patrol that saw it last */
	unsigned tried;	  /* round of undertaker_go_on() that tried it last */
	const void *dir;  /* the open directory it joined by; NULL unknown */
};

/* A process that has just asked to join. */
struct newcomer {
	uint32_t slot, id;
	bool is_master;
	struct caller caller;
	const void *dir; /* the open directory it came by */
};

/* List a process that has just joined, and watch it.  0, -errno. */
int undertaker_track(struct arena *a, const struct newcomer *who);
/* Give the charge of member @id in @slot to the undertaker, until the member is
 * out. */
void undertaker_charge(struct arena *a, uint32_t slot, uint32_t id,
		       struct charge *charge);
/* Find member @id in @slot.  NULL: there is none. */
const struct tracked *undertaker_find(const struct arena *a, uint32_t slot,
				      uint32_t id);
/* Is @caller the process of that member?  0; -EPERM no; -ESRCH there is no such
 * member. */
int undertaker_is_own(struct arena *a, uint32_t slot, uint32_t id,
		      const struct caller *caller);
/* Signal a member.  0; -ENOENT it is not inside, or not known which process it
 * is; -EPERM it has become another user's. */
int undertaker_signal(const struct tracked *t, int signal);
/* Look at the member that has joined by the open directory @dir: it was
 * closed. */
void undertaker_closed(struct arena *a, const void *dir);
/* Try again to take out the members that are going. */
void undertaker_go_on(struct arena *a);
/* Look at all members of the arenas that are due, for deaths of which no pidfd
 * and no release told.  Returns ns until the next arena is due. */
int64_t undertaker_patrol(void);

/* Take the member in @slot out, which has left or died, and look at the
 * requests that wait.  0; 1 it will be out later, and waiters_let_go() is
 * called then; -EIO; -EAGAIN. */
int undertaker_depart(struct arena *a, uint32_t slot, uint32_t id, bool died);

extern const struct arena_service undertaker_service;

#endif
