/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Services: what the daemon does for an arena, and world/ knows nothing of
 *
 * world/ has the arenas and their files.  Services in the rooms above know
 * which processes are inside, which requests wait and which files are open.
 * They call world/ as they like.  For the other way each service gives a table
 * of functions, and main.c registers all tables before the first arena is
 * opened.  They are called in the order in which they are registered; an absent
 * function does nothing.
 */
#ifndef FUSIONFS_ARENA_SERVICE_H
#define FUSIONFS_ARENA_SERVICE_H

#include <stdbool.h>

struct arena;
struct view_acts;

struct arena_service {
	/* The arena is taken over: find out who is inside. */
	void (*adopt)(struct arena *a);
	/* A fresh life of the arena has begun. */
	void (*begin_life)(struct arena *a);
	/* Something has changed that others may wait for or read about. */
	void (*announce)(struct arena *a);
	/* The arena met trouble that passes: try again later. */
	void (*postpone)(struct arena *a);
	/* The arena goes for good: answer those who want to come in. */
	void (*refuse)(struct arena *a);
	/* The arena goes for good: forget it. */
	void (*forget)(struct arena *a);
	/* This life of the arena is over, and its memory is unmapped next. */
	void (*end_life)(struct arena *a);
	/* The daemon ends: answer all who wait, while they can be answered. */
	void (*stop)(struct arena *a);
	/* Is a process inside? */
	bool (*is_joined)(const struct arena *a);
	/* Is something open or waiting, so that the arena must stay? */
	bool (*is_used)(const struct arena *a);
	/* What the daemon does for a view of an arena: one service has it. */
	const struct view_acts *acts;
};

/* Register the services; @all ends with a NULL. */
void arena_services_begin(const struct arena_service *const all[]);

/* Call the function of this name of each service that has it. */
void arena_services_adopt(struct arena *a);
void arena_services_begin_life(struct arena *a);
void arena_services_announce(struct arena *a);
void arena_services_postpone(struct arena *a);
void arena_services_refuse(struct arena *a);
void arena_services_forget(struct arena *a);
void arena_services_end_life(struct arena *a);
void arena_services_stop(struct arena *a);
/* Does one of the services say yes? */
bool arena_services_is_joined(const struct arena *a);
bool arena_services_is_used(const struct arena *a);
/* Return the acts of the one service that has them. */
const struct view_acts *arena_services_acts(void);

#endif
