/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handle of an arena: what one process knows of it
 */
#ifndef FUSION_ARENA_PRIVATE_H
#define FUSION_ARENA_PRIVATE_H

#include <pthread.h>

#include <fusion/arena.h>

#include "libfusion/core/slab.h"
#include "libfusion/core/view.h"

struct tcache;
struct notice;

struct fusion_arena {
	struct view view;
	struct class_info classes[HEAP_CLASSES];
	uint8_t tag; /* of blocks that this member allocates */

	struct fusion_arena *next; /* guarded by arenas_lock */
	unsigned n_entered;	   /* guarded by arenas_lock */
	uint64_t dir_dev, dir_ino;
	char *path; /* of the directory, to find it again */
	char name[ARENA_NAME_MAX + 1];
	int dirfd; /* what keeps us in; -1 once it is gone */
	uint32_t id;
	uint32_t role; /* as it entered */
	uint32_t flags;

	pthread_mutex_t caches_lock; /* guards caches */
	struct tcache *caches;	     /* of all threads */
	pthread_mutex_t notice_lock; /* guards notice */
	struct notice *notice;
};

/* Find the handle in whose range @p is; NULL. */
struct fusion_arena *arena_of(const void *p);

/* The daemon may be waiting for events: tell it. */
void arena_poke(struct fusion_arena *arena);

#endif
