/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handle of an arena in this process
 *
 * One for each arena the process is in, found by address (arena_of()) and by
 * the directory's device and inode.  It is made by enter.c, ended by exit.c,
 * and lives in private memory.
 *
 * `view` is mapped at the arena's own base: an offset and a plain pointer
 * differ by `base` alone.  Threads announce in records of their own: tls.h.
 *
 * In the child of a fork a handle is dead (id 0, nothing mapped) unless it was
 * entered with FUSION_ENTER_FORK.  It is not freed there: somebody may still
 * ask it for its id.
 */
#ifndef FUSION_ARENA_PRIVATE_H
#define FUSION_ARENA_PRIVATE_H

#include <pthread.h>
#include <sys/types.h>

#include <fusion/arena.h>

#include "libfusion/core/protocol.h"
#include "libfusion/core/view.h"

struct arena_heap;   /* the heap's, in private memory */
struct arena_notice; /* notice.c */

enum handle_state {
	HANDLE_ENTERING, /* in the table, so that nobody else enters it */
	HANDLE_IN,
	HANDLE_EXITING,
	HANDLE_DEAD, /* in the child of a fork */
};

struct fusion_arena {
	char *base;	 /* == view.base; with span, is_shared is one compare */
	uint64_t span;	 /* == view.geo.span */
	uint64_t serial; /* of this handle, never used again: TLS caches it */
	struct view view; /* view.slot: my member slot */
	struct arena_heap *heap;
	fusion_id_t id;

	int dir_fd; /* the arena's directory, where ioctls go */
	char *path; /* the same, absolute: for when the daemon was restarted */
	dev_t dir_dev;
	ino_t dir_ino;
	char name[ARENA_NAME_MAX + 1];
	struct fusion_arena_options options; /* as entered, whole */

	/* Guarded by the table's lock (arena.c). */
	enum handle_state state;
	unsigned entries; /* enters minus exits */
	pthread_t thread; /* who is entering or exiting */
	struct fusion_arena *next;

	pthread_mutex_t notice_lock;
	struct arena_notice *notice; /* guarded by notice_lock */
};

/* --- arena.c: the process' table ------------------------------------------ */

/* The arena in which @p lies, or NULL.  No lock; any thread. */
struct fusion_arena *arena_of(const void *p);

void table_lock(void);
void table_unlock(void);
/* Sleep until a handle has changed state; the table is locked. */
void table_wait(void);
void table_wake(void);
/* All below: the table is locked. */
struct fusion_arena *table_first(void);
void table_add(struct fusion_arena *arena);
void table_remove(struct fusion_arena *arena);
/* In the child of a fork: the lock is nobody's. */
void table_after_fork_child(void);
/* Make the mapped arena known to arena_of(), or forget it.  -EMFILE. */
int address_add(struct fusion_arena *arena);
void address_remove(struct fusion_arena *arena);

struct fusion_arena *arena_new(void);
void arena_free(struct fusion_arena *arena);

/* --- enter.c ---------------------------------------------------------------
 */

/* JOIN on arena->dir_fd, map, stand witness: a member in state JOINING (or
 * ALIVE) with nothing run yet.  Also the way in of a fork's child. */
int arena_join(struct fusion_arena *arena, struct ioc_join *join);
/* Undo arena_join(): not a member, nothing mapped. */
void arena_unjoin(struct fusion_arena *arena, int result);
/* One request about this member; if the daemon was restarted, on the directory
 * opened anew.  -ENOTCONN: there is no daemon. */
int arena_request(struct fusion_arena *arena, unsigned long request,
		  struct ioc_member *args);
/* After something was logged: have the daemon tell readers of `events`. */
void arena_poke(struct fusion_arena *arena);

/* --- notice.c, fork.c ------------------------------------------------------
 */

void notice_stop(struct fusion_arena *arena);
void notice_after_fork_child(struct fusion_arena *arena);
/* Have fork() mind arenas; the first enter calls it. */
void fork_watch(void);

#endif
