/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handle of an arena: what one process knows of it
 *
 * In the child of a fork a handle is dead (id 0, nothing mapped) unless the
 * arena was entered with FUSION_ENTER_FORK.  A dead handle is not freed, as the
 * program may still ask it for its id.
 *
 * Invariant: a handle whose state is HANDLE_IN is listed, mapped, and known to
 * arena_of(); its id is that of a member that lives.
 */
#ifndef FUSION_ARENA_PRIVATE_H
#define FUSION_ARENA_PRIVATE_H

#include <pthread.h>

#include <fusion/arena.h>

#include "libfusion/base/orphan.h"
#include "libfusion/core/file/view.h"
#include "libfusion/core/heap/slab.h"

struct tcache;
struct notice;
struct duty;
struct describers;
struct watcher;
struct forking;
struct dispatcher;
struct calls;
struct local_reactor;

enum handle_state {
	HANDLE_ENTERING, /* listed, so that no other thread enters it */
	HANDLE_IN,
	HANDLE_EXITING,
	HANDLE_DEAD, /* in the child of a fork */
};

struct fusion_arena {
	struct view view;
	struct class_info classes[HEAP_CLASSES];
	uint8_t tag; /* of blocks that this member allocates */

	struct fusion_arena *next;	  /* guarded by arenas_lock */
	struct fusion_arena *next_mapped; /* guarded by mapped_lock */
	enum handle_state state;	  /* guarded by arenas_lock */
	pthread_t thread; /* that is entering or exiting; arenas_lock */
	bool abandoned;	  /* that thread has given up; guarded by arenas_lock */
	unsigned n_entered; /* guarded by arenas_lock */
	/* Of the directory.  The daemon gives each arena an inode number that
	 * it keeps, and no other arena of any mount has. */
	uint64_t dir_dev, dir_ino;
	char *path;	/* as the program named the arena, for messages */
	char *dir_path; /* absolute, to find the directory again */
	char name[ARENA_NAME_MAX + 1];
	int dirfd; /* where ioctls go; -1 once it is gone */
	uint32_t id;
	uint32_t flags;
	struct orphan orphan;		 /* in the child of a fork */
	fusion_arena_fn shutdown, leave; /* of the first entry, or NULL */
	void *ctx;			 /* argument of both */

	pthread_mutex_t notice_lock; /* guards notice */
	struct notice *notice;

	uint32_t *ref_rows;	    /* atomic: one a reference (ref_rows.h) */
	pthread_mutex_t watch_lock; /* guards watcher */
	struct watcher *watcher;
	struct duty *duty;	       /* atomic; object_duty.c */
	struct describers *describers; /* atomic; object_describe.c */
	struct forking *forking;       /* guarded by arenas_lock */

	pthread_mutex_t dispatch_lock; /* held to make dispatcher and calls */
	struct dispatcher *dispatcher; /* atomic; NULL none yet */
	int event_fd; /* with FUSION_ENTER_MANUAL; -1 none (dispatch_fd.h) */
	uint32_t event_fd_wanted; /* atomic: the program has asked for it */
	struct calls *calls;	  /* atomic; NULL none yet */

	pthread_mutex_t reactors_lock;	/* guards the next five */
	pthread_cond_t reaction_ended;	/* a reaction that was detached */
	struct local_reactor *reactors; /* that this process listens to */
	struct local_reactor *news;	/* those that have news */
	uint64_t news_turn;		/* turns of reading them, ever */
	struct fusion_reaction *gone;	/* whose destroy functions are due */
};

#endif
