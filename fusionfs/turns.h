/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Turns: whose request is served next
 *
 * The kernel hands out requests in the order in which they came, so that one
 * user with many processes, or with requests that take long, would have all
 * others wait.  So what the kernel has is read at once, into a line for each
 * user, and the user who has had the least of our processor time is served
 * next, one request at a time.  This is start-time fair queueing (Goyal, Vin
 * and Cheng, SIGCOMM 1996) with equal weights: each line has a clock that its
 * requests move on by what they take; a line that was empty begins where the
 * others are, so that a rest saves up no claim.
 *
 * The requests of one user are served in the order in which they came.
 */
#ifndef FUSIONFS_TURNS_H
#define FUSIONFS_TURNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

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
/* Copy what is about the request @about right behind that.  0, -ENOMEM;
 * -ENOENT: no such request waits. */
int turns_add_behind(uint64_t about, const void *data, size_t size);
/* Take out the next one, NULL: none waits.  The caller gives it to
 * turns_done(). */
struct turn *turns_next(void);
/* Serving it took so much processor time. */
void turns_done(struct turn *t, uint64_t ns);
/* So much was done for @uid beside: its next turn comes later. */
void turns_charge(uid_t uid, uint64_t ns);
/* Bytes that all that wait take. */
size_t turns_bytes(void);
bool turns_wait(void);
/* Drop all. */
void turns_end(void);

#endif
