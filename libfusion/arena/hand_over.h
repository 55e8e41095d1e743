/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fetching an arena's descriptors from the daemon; the protocol is in
 * core/file/protocol.h. */
#ifndef FUSION_HAND_OVER_H
#define FUSION_HAND_OVER_H

#include "libfusion/arena/arena_private.h"
#include "libfusion/core/file/protocol.h"

/* What the daemon hands over.  The descriptors are above 2 and close on exec;
 * -1 none. */
struct handed {
	int heap, lock;
	void *witness; /* the page of witness_keep(), NULL none */
};

/*
 * Fetch what @token stands for through the open directory @dirfd, whose path is
 * @path.  0; -ENOTCONN the daemon is gone; -ESTALE the token is not valid any
 * more; -EMFILE; -errno.  A child of a fork inherits nothing of it.
 */
int hand_over_fetch(int dirfd, const char *path,
		    const struct hand_over_token *token, struct handed *ret);
/* Close and drop all of @h. */
void handed_close(struct handed *h);

/* Get one more open file description of the lock file.  Returns its descriptor,
 * or -errno. */
int hand_over_description(struct fusion_arena *arena);

/* Around fork(): the child inherits no descriptor that another thread is just
 * fetching. */
void hand_over_before_fork(void);
void hand_over_after_fork(bool child);

/* Fetch the descriptors of the view again, as the program has closed them
 * (view.renew). */
int hand_over_renew(struct view *v);

#endif
