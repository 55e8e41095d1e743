/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world: what one mount has
 *
 * Invariant: the daemon keeps nothing that a scan of the backing directory and
 * of /proc would not give back.  One thread runs all of it, but for the threads
 * that sleep in bell.c and bind a socket in hand_over.c.
 */
#ifndef FUSIONFS_WORLD_H
#define FUSIONFS_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "fusionfs/base/options.h"
#include "fusionfs/world/arena.h"
#include "fusionfs/world/backing.h"

struct world {
	struct options *options;
	struct backing backing;
	struct arena *arenas;
	int64_t started_ns; /* CLOCK_MONOTONIC */
	uint64_t started_real_ns;
	uint64_t requests, deaths;
	bool unread; /* there may be files that are not taken over yet */
	bool quit;
	bool greeted; /* the kernel's first request is answered */
	bool failed;  /* the daemon ends because it cannot serve */
};

extern struct world world;

/* Open the backing directory and take over the arenas in it.  0, -errno. */
int world_open(struct options *o);
/* Open the arenas that could not be opened before, for want of memory or
 * descriptors. */
void world_read_again(void);
/* Answer all requests that wait, while they can still be answered. */
void world_stop(void);
/* Remove the arenas without members, and keep the others for the next daemon.
 */
void world_close(void);

/* Find the arena of that name, or of that serial.  NULL: there is none. */
struct arena *world_find(const char *name);
struct arena *world_serial(uint64_t serial);

#endif
