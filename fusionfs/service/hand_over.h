/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Handing over: how members get an arena's descriptors (protocol.h)
 *
 * One socket serves the whole mount.  Its file is called HAND_OVER_NAME.  The
 * root and each arena's directory have that file, and do not list it.  All
 * these names have one node id and so one inode, by which the kernel finds a
 * bound socket.  A process that can reach an arena can reach the socket, in
 * whatever namespaces it is, and gets nothing there without a token.
 *
 * A bound socket keeps its mount busy.  So it is bound when a process wants to
 * join, and closed when no arena has members, which keep the mount busy
 * themselves.  bind(2) is a MKNOD request to this very daemon, so a thread does
 * it, and JOINs wait for it.
 */
#ifndef FUSIONFS_HAND_OVER_H
#define FUSIONFS_HAND_OVER_H

#include "fusionfs/world/world.h"
#include "libfusion/core/file/protocol.h"

struct node;
struct offer;
struct stat;

/* Begin.  0, -errno. */
int hand_over_init(void);
/* Have the socket bound.  0: it is; 1: it will be, and waiters_look() is called
 * then; -errno. */
int hand_over_listen(void);
/* Close the socket if no arena has members, so that the mount is not busy. */
void hand_over_rest(void);
/* Close all: the mount goes. */
void hand_over_stop(void);
/* Hang up on processes that have connected and say nothing.  To be called from
 * time to time, as often as the caller likes. */
void hand_over_patrol(void);

/* Open the descriptors that a member of @a is to get.  0, -EMFILE, -errno. */
int offer_make(struct arena *a, bool with_witness, struct offer **ret);
/* Return the descriptor whose description will be the witness; 0: none. */
int offer_witness(const struct offer *o);
/* Let member @id, process @pid, fetch the descriptors with this token. */
void offer_publish(struct offer *o, uint32_t id, pid_t pid,
		   struct hand_over_token *ret);
/* Has member @id of @a still to fetch its descriptors?  Till then the daemon
 * itself has the witness of that member. */
bool offer_is_pending(const struct arena *a, uint32_t id);
/* Take the offer back.  Takes NULL, too. */
void offer_cancel(struct offer *o);
/* Forget the offers to member @id of @a, 0: to all members. */
void offers_forget(struct arena *a, uint32_t id);

/* Allow thread @tid to make HAND_OVER_NAME in the root.  0; -EPERM it is not
 * the thread that binds the socket. */
int hand_over_bound(pid_t tid);
/* For row.check: is the socket's file there?  0, -ENOENT. */
int hand_over_check(const struct node *n);

#endif
