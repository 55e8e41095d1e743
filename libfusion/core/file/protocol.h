/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Protocol: what libfusion asks of fusionfs, by ioctls on the arena's directory
 *
 *   JOIN    take a member slot; parked in the daemon while it has to wait
 *   READY   say with what result initialize() or join() has ended
 *   EXIT    ask to leave, and whether this member is the last
 *           (life_exit_begin(), and its wait)
 *   LEAVE   say that this member is out
 *   POKE    say that there are new events for readers of `events`, or that a
 *           lock may be free for visitors (superblock.visitors_waiting)
 *   RENEW   get the descriptors again, as this member has lost them
 *   SIGNAL  send a signal to a member, as kill(2) does.  The caller names the
 *           member.  The daemon knows its process, and can reach processes that
 *           the caller cannot
 *   HOLD_UP kill the shell for whose open file the daemon has purchased a
 *           property
 *
 * READY, EXIT and LEAVE name the member by slot and id, and are idempotent. The
 * daemon accepts them on any descriptor of the arena's directory, but only from
 * the member's own process.  So they work after a restart of the daemon.
 *
 * JOIN and RENEW answer with a token.  The caller connects to the socket file
 * HAND_OVER_NAME in the arena's directory and sends the token.  It gets one
 * message of one byte, with descriptors in it (SCM_RIGHTS), in this order:
 *
 *   the backing file
 *   the lock file
 *   after JOIN: the lock file again, by a description that has the member's
 *   witness locked (witness.h)
 *
 * A token is valid for one connection, of the process that asked.
 *
 * A waiting request ends with -EINTR on a signal and -ETIMEDOUT at its time.
 */
#ifndef FUSION_CORE_PROTOCOL_H
#define FUSION_CORE_PROTOCOL_H

#include <linux/ioctl.h>
#include <stdint.h>

#include "libfusion/core/file/window.h"

#define FUSION_PROTOCOL 2u

#define HAND_OVER_NAME ".socket"
#define HAND_OVER_FDS 3 /* at most */

/* Says to the socket which descriptors to hand over. */
struct hand_over_token {
	uint64_t random[2];
};

/* ioc_join.flags */
#define JOIN_NOWAIT 0x1u /* -EAGAIN instead of waiting */
/* The caller's mkdir made the arena: it vanishes when it is empty. */
#define JOIN_TRANSIENT 0x2u
#define JOIN_ALIVE 0x4u /* no callbacks: a slave is ALIVE at once */
/* `busy` is filled in: an empty arena whose addresses are busy moves.
 * -EADDRINUSE: it cannot. */
#define JOIN_ELSEWHERE 0x8u

struct ioc_join {
	/* in */
	uint32_t protocol, format;
	uint32_t role; /* FUSION_ROLE_ANY, _MASTER, _SLAVE */
	uint32_t flags;
	uint32_t on_master_death;
	uint32_t pad;
	int64_t timeout_ns; /* < 0: for ever */
	uint64_t span;	    /* for a fresh arena; 0: the mount's default */
	/* Limit for a fresh arena.  Out, with slot 0: the least limit, as this
	 * one is less. */
	uint64_t limit;
	struct window_busy busy; /* of the caller's addresses */
	/* out */
	uint32_t slot, id;
	uint32_t role_got; /* FUSION_ROLE_MASTER: run initialize() */
	uint32_t running;  /* 1: state was RUNNING: run join(), also a master */
	uint64_t base, span_got;
	struct hand_over_token token;
	uint32_t daemon_format, daemon_protocol;
	char daemon_version[24];
};

struct ioc_member {
	uint32_t slot, id;
	int32_t result;	    /* READY: 0 or the callback's negative errno */
	uint32_t answer;    /* EXIT: enum life_exit, never EXIT_WAIT */
	uint64_t unused[2]; /* 0 */
};

struct ioc_renew {
	uint32_t slot, id;
	struct hand_over_token token; /* out */
};

struct ioc_hold_up {
	uint32_t index, id; /* of the property */
	uint32_t killed;    /* out: 1; 0 no shell has purchased it */
	uint32_t pad;
};

struct ioc_signal {
	uint32_t slot, id; /* of the member */
	int32_t signal;	   /* 0: only check whether one could be sent */
	uint32_t pad;
};

#define FUSION_IOC_JOIN _IOWR('F', 1, struct ioc_join)
#define FUSION_IOC_READY _IOWR('F', 2, struct ioc_member)
#define FUSION_IOC_EXIT _IOWR('F', 3, struct ioc_member)
#define FUSION_IOC_LEAVE _IOWR('F', 4, struct ioc_member)
#define FUSION_IOC_POKE _IO('F', 5)
#define FUSION_IOC_RENEW _IOWR('F', 7, struct ioc_renew)
#define FUSION_IOC_HOLD_UP _IOWR('F', 6, struct ioc_hold_up)
#define FUSION_IOC_SIGNAL _IOW('F', 8, struct ioc_signal)

#endif
