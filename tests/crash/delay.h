/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delays: one is interrupted, once, by the whole of another
 *
 * A scene has a victim and a rival, each with one operation.  The victim is
 * stopped in front of one of its instructions, the rival does all of its own,
 * then the victim goes on to its end, and the scene judges what has come of the
 * two.  So for each instruction, in an arena that is made anew each time.
 *
 * The processes are children of the tester and do what they are told, one thing
 * at a time.  What they know of each other is in the play, which they share.
 */
#ifndef TESTS_CRASH_DELAY_H
#define TESTS_CRASH_DELAY_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/file/view.h"

enum role { VICTIM, RIVAL, THIRD, N_ROLES };

struct actor;
typedef void (*act_fn)(struct actor *actor);

/* What a process is told, and whether it is done with it. */
struct cue {
	uint32_t told, begun, done; /* atomic: how often; told, done: futexes */
	act_fn act;
	pid_t pid;
};

struct play {
	struct cue cue[N_ROLES];
	char fault[160]; /* the first one; empty: all is well */
	/* The scene's. */
	uint64_t n[16];
	void *p[8];
	uint32_t id[N_ROLES], slot[N_ROLES]; /* as members */
};

/* A process, to itself. */
struct actor {
	struct play *play;
	enum role role;
	struct fusion_arena *arena;
	struct view *v;
	struct thread_rec *me;
};

struct beat {
	enum role role;
	act_fn act;
};

#define BEATS 5
/* There is a third one.  The victim is delayed where its steps begin, then goes
 * on, and is killed in front of the instruction. */
#define VICTIM_DIES 2u

struct scene {
	const char *name;
	struct beat before[BEATS]; /* up to the first without an act */
	act_fn victim, rival;
	struct beat after[BEATS];
	/* By the tester, when all is quiet; the arena is checked besides. */
	void (*judge)(const struct view *v, struct play *play);
	/* Only from there on; NULL the whole operation. */
	const void *from;
	/* A long one is delayed at one of so many instructions, unless each is
	 * asked for; 0 at each. */
	unsigned stride;
	unsigned third; /* 1 there is a third one; or VICTIM_DIES */
};

/* A complaint: the first one counts. */
void fault(struct play *play, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Have @role do it, and wait until it is done. */
void have(struct play *play, enum role role, act_fn act);

extern const struct scene reactor_scenes[], listener_scenes[], life_scenes[],
	table_scenes[], heap_scenes[], call_scenes[], object_scenes[],
	transfer_scenes[];
extern const unsigned n_reactor_scenes, n_listener_scenes, n_life_scenes,
	n_table_scenes, n_heap_scenes, n_call_scenes, n_object_scenes,
	n_transfer_scenes;

#endif
