/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop: descriptors that the main thread waits for
 *
 * A source lies in whatever the descriptor belongs to.  Its owner closes the
 * descriptor and may free the source at any time, also while the loop runs
 * through a batch of events: loop_drop() makes the loop forget the source.
 */
#ifndef FUSIONFS_LOOP_H
#define FUSIONFS_LOOP_H

#include <stdint.h>

struct source {
	void (*ready)(struct source *s);
};

/* Begin.  0, -errno. */
int loop_init(void);
/* Call s->ready() whenever @fd can be read.  0, -errno. */
int loop_add(struct source *s, int fd);
/* Forget the events of a batch that @s has not been told of yet. */
void loop_drop(struct source *s);
/* Stop waiting for @fd, which stays open. */
void loop_remove(int fd);
/* Wait up to @timeout_ns (-1: for ever) and tell the sources that are ready. */
void loop_wait(int64_t timeout_ns);

#endif
