/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The world: what one mount has
 *
 * Nothing here is kept that a scan of the backing directory and of /proc would
 * not give back.  One thread runs it all, but for the sleep of bell.c.
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
};

extern struct world world;

/* Open the backing directory and take over what is in it.  0, -errno. */
int world_open(struct options *o);
/* If some arenas could not even be opened, for want of memory or descriptors:
 * open them now. */
void world_read_again(void);
/* Answer all who wait, while there is still somebody to answer. */
void world_stop(void);
/* Remove what has no members, keep the rest for the next daemon. */
void world_close(void);

struct arena *world_find(const char *name);
struct arena *world_serial(uint64_t serial);

#endif
