/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Waiters: membership requests that wait until the arena is as they need it
 *
 * Each has an attempt, which is made again whenever something has changed.
 */
#ifndef FUSIONFS_WAITERS_H
#define FUSIONFS_WAITERS_H

#include "fusionfs/base/reply.h"
#include "fusionfs/service/parking.h"
#include "fusionfs/world/arena.h"
#include "libfusion/core/file/protocol.h"

struct offer;

#define WAITER_MUST_WAIT 1

struct waiter {
	struct parked parked; /* in arena->waiters, once it waits */
	struct arena *arena;
	int64_t deadline_ns; /* CLOCK_MONOTONIC, -1 none */
	int expires;	     /* with this, if not -ETIMEDOUT */
	/* 0, WAITER_MUST_WAIT, -errno. */
	int (*attempt)(struct arena *a, struct waiter *w);
	bool is_join;
	struct ioc_join join;
	struct ioc_member member;
	struct caller caller;
	const void *dir;
	struct offer *offer; /* of a JOIN, while it is attempted */
};

/* Make a waiter for a request.  NULL: the process that asks cannot be found, or
 * there is no memory; the request has been answered. */
struct waiter *waiter_make(struct arena *a, struct fuse_req *req,
			   int64_t timeout_ns);
/* Answer the request: 0 or -errno.  @w is gone. */
void waiter_answer(struct waiter *w, int r);
/* Have the request wait, or answer it if that is too much for its user. */
void waiter_park(struct waiter *w);
/* The attempt of a member that waits to be told that it is out. */
int waiter_until_let_go(struct arena *a, struct waiter *w);

/* Make all attempts again: something has changed. */
void waiters_look(struct arena *a);
/* Answer at once the member that waits to be told that it is out: in the next
 * life of the arena its slot and id may belong to another member. */
void waiters_let_go(struct arena *a, uint32_t slot, uint32_t id);
/* Remove the arena if it is transient and nobody needs it. */
void waiters_vanish_if_unused(struct arena *a);
/* From time to time, remove a transient arena that a process has made to enter,
 * and that no process entered as the maker was killed. */
void waiters_idle(struct arena *a);
/* Answer all waiters of @a with @error. */
void waiters_fail(struct arena *a, int error);
/* Answer those that want to join. */
void waiters_fail_joins(struct arena *a, int error);
/* Answer those whose time is over.  Returns ns until the next, -1: none. */
int64_t waiters_expire(void);

extern const struct arena_service waiters_service;

#endif
