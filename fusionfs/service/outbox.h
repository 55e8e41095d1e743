/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Outboxes: messages of shells that found no room yet
 *
 * The kernel locks an inode while one process writes to it.  A second process
 * that writes, truncates or touches the same file sleeps for that lock, deaf
 * to signals, SIGKILL included.  So no write waits until a member makes room:
 * the write is answered at once, and the daemon keeps its message.
 *
 * All open files of one inbox, or of one reactor, share an outbox, which sends
 * in the order of the writes.  It is bounded, and so is the sum of an arena's.
 * A write that finds it full waits for half a second, which slows down a
 * flood; if nothing moves in that time, it and all that follow are refused at
 * once until something does.
 */
#ifndef FUSIONFS_OUTBOX_H
#define FUSIONFS_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct port;
struct port_ops;

/* Do messages wait that go before those of @p? */
bool outbox_waits(const struct port *p);
/* Keep a message of @p; @tried: sending it was tried before.  0; -EAGAIN the
 * outbox is full; -ENOMEM; -EDQUOT. */
int outbox_put(struct port *p, const char *data, size_t size, bool tried);
/* Mark the outbox stuck: nothing has moved for as long as a write may wait. */
void outbox_is_stuck(const struct port *p);
/* May a write wait until a message leaves the full outbox? */
bool outbox_may_wait(const struct port *p);
/* Send the messages that find room now.  false: none did. */
bool outbox_send(struct arena *a);
/* Return how many messages wait for such a file. */
unsigned outbox_count(const struct arena *a, const struct port_ops *ops,
		      uint32_t item);
/* Drop all messages of the arena, and tell their ports @error. */
void outbox_forget(struct arena *a, int error);

#endif
