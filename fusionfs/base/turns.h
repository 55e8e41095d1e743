/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns: whose request is served next
 *
 * The kernel hands out requests in the order in which they came.  One user with
 * many processes, or with requests that take long, would have all others wait.
 * So the daemon reads at once what the kernel has, into a line for each user.
 * The user who has had the least of our processor time is served next, one
 * request at a time.  This is start-time fair queueing (Goyal, Vin and Cheng,
 * SIGCOMM 1996) with equal weights.  Each line has a clock that its requests
 * move on by the time that they take.  A line that was empty begins where the
 * others are, so that idling saves up no claim.
 *
 * A request that is being served is not left for another.  So a user whose
 * request took long rests for a multiple of that time if other users ask as
 * well: then they meet such a request once in a while, not each time they ask.
 *
 * The requests of one user are served in the order in which they came.
 */
#ifndef FUSIONFS_TURNS_H
#define FUSIONFS_TURNS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define TURN_LONG_NS 4000000 /* of processor time */
#define TURN_REST 3	     /* times as long as the request took */
#define TURN_REST_MAX_NS 1000000000
/* A user is active who had a request served in the last TURN_ABOUT_NS. */
#define TURN_ABOUT_NS 1000000000

/* A request that waits for its turn. */
struct turn {
	struct turn *next;
	uid_t uid;
	uint64_t unique; /* the kernel's number of it */
	size_t size;
	char data[];
};

/* Copy a request to the end of its user's line.  0, -ENOMEM. */
int turns_add(uid_t uid, uint64_t unique, const void *data, size_t size);
/* Copy a request that is about request @about right behind it.  0; -ENOMEM;
 * -ENOENT no such request waits. */
int turns_add_behind(uint64_t about, const void *data, size_t size);
/* Take out the next request, for the caller to serve and give to turns_done().
 * @at is CLOCK_MONOTONIC, here and below.  NULL: all that wait are of users who
 * rest. */
struct turn *turns_next(int64_t at);
/* Charge the @ns of processor time that serving @t took to its user.  @t is
 * gone. */
void turns_done(struct turn *t, uint64_t ns, int64_t at);
/* Return the bytes that all waiting requests take. */
size_t turns_bytes(void);
/* Return in how many ns the next request can be served, -1: none waits. */
int64_t turns_due(int64_t at);
/* Drop all requests. */
void turns_end(void);

#endif
