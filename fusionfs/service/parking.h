/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parked requests: those that wait for something of an arena
 *
 * A parked request is a record in a list and nothing else: no thread sleeps for
 * it, and no memory of the arena is touched.  The struct parked is the
 * beginning of a struct that says what the request waits for.
 *
 * Invariant: a parked request is in one list.  Its owner takes it out by
 * unpark() and then answers it, once: when the wait is over, or when
 * interrupted() says that the kernel does not want to wait any more.
 */
#ifndef FUSIONFS_PARKING_H
#define FUSIONFS_PARKING_H

#include "fusionfs/base/quota.h"

struct fuse_req;

struct parked {
	struct parked *next, **list;
	struct fuse_req *req;
	struct charge charge; /* for as long as it waits */
	void (*interrupted)(struct parked *p);
};

/* Charge the wait to whoever asks.  0, -EDQUOT, -EMFILE, -ENOMEM. */
int parked_charge(struct parked *p);
/* Put it at the end of @list.  The request may be interrupted already: then
 * p->interrupted() has run, and @p may be gone, when this returns. */
void park(struct parked *p, struct parked **list);
/* Take it out of its list. */
void unpark(struct parked *p);

#endif
