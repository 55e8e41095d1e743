/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fetching an arena's descriptors from the daemon: protocol.h. */
#ifndef FUSION_HAND_OVER_H
#define FUSION_HAND_OVER_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/file/protocol.h"

/* What comes.  The descriptors are above 2 and close on exec; -1 none. */
struct handed {
	int heap, lock;
	void *witness; /* the page of witness_keep(), NULL none */
};

/*
 * Fetch what @token stands for through the open directory @dirfd, which is
 * @path.  0; -ENOTCONN the daemon is gone; -ESTALE the token is not good any
 * more; -EMFILE; -errno.  A child of a fork gets nothing of it.
 */
int hand_over_fetch(int dirfd, const char *path,
		    const struct hand_over_token *token, struct handed *ret);
void handed_close(struct handed *h);

/* One more description of the lock file: its descriptor, or -errno. */
int hand_over_description(struct fusion_arena *arena);

/* Around fork(): no descriptor of another thread's goes to the child. */
void hand_over_before_fork(void);
void hand_over_after_fork(bool child);

/* view.renew: the program has closed our descriptors. */
int hand_over_renew(struct view *v);

#endif
