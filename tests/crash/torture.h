/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Level 4: random kill -9 of real processes
 *
 * A scene is where it happens: an arena without a mount, or one behind a real
 * fusionfs.  The parent starts workers, kills them at random, has the dead
 * recovered while others go on, and at the end of each round kills all at once
 * and audits what is left.
 */
#ifndef TESTS_CRASH_TORTURE_H
#define TESTS_CRASH_TORTURE_H

#include <sys/types.h>

#include "tests/crash/audit.h"
#include "tests/crash/rng.h"

struct torture;

struct scene {
	const char *name;
	/* The parent comes in; returns its handle. */
	struct fusion_arena *(*open)(struct torture *t);
	/* In a worker: come in.  NULL: not now, it ends. */
	struct fusion_arena *(*enter)(struct torture *t);
	/* In a worker, now and then: leave; NULL if it cannot. */
	void (*leave)(struct fusion_arena *a);
	bool once; /* a process enters once only */
	/* @pid was killed, others go on: come back when it is recovered.
	 * NULL: the others shall find it. */
	void (*one_died)(struct torture *t, pid_t pid);
	/* Everybody is dead: come back when they are recovered. */
	void (*all_died)(struct torture *t);
	/* In mid-round, and after the audit; may be NULL. */
	void (*disturb)(struct torture *t);
	void (*repair)(struct torture *t);
	/* The parent leaves; nothing may be left behind. */
	void (*close)(struct torture *t);
};

struct torture {
	const struct scene *scene;
	struct fusion_arena *arena;
	struct rng rng;
	pid_t worker[WORKERS];
	unsigned kills, other_kills, round;
	struct audit audit;
	void *own; /* the scene's */
};

extern const struct scene scene_direct, scene_survivors;
extern const struct scene scene_mount, scene_restart;

#endif
