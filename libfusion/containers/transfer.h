/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Transfers: one step that takes a value out of one container and puts it into
 * another, of any kind
 *
 * Each of the two announces in its own record what is to change.  Memory that
 * the taker needs is allocated before the commit point, and what is in each of
 * them changes after it.  Each also has one word, `transfer`, made of the
 * address of the other one and of a state:
 *
 *   giver:  OUT   announced
 *           GONE  done: the store of this word is the commit point
 *   taker:  IN    announced; the giver's word says whether it is done
 *           CAME  done
 *           LOST  given up
 *
 * The two may have locks of their own, so a thread that settles one of them
 * cannot settle the other.  The giver knows from its own word what has
 * happened.  A thread that settles the giver tells the taker, IN to CAME or
 * LOST, before it ends the giver's announcement.  So a taker that is still IN
 * after the giver's word was read has read the word of this transfer.
 *
 * A word is never cleared: it counts only while its container announces a
 * transfer, and the giver's word is stored before the taker announces.  So the
 * giver's word of an older transfer is not taken for that of a later one.  No
 * other transfer can make the taker IN from the same giver while the giver is
 * being settled: that takes the giver's lock.
 *
 * A reader writes nothing, so it must look at the record.  While contents and
 * records may differ, both containers are CONTAINER_MOVING, which keeps readers
 * off the fast paths.
 *
 * Dead owner: the next thread that changes the giver or the taker finishes the
 * change there, or undoes it.
 */
#ifndef FUSION_TRANSFER_H
#define FUSION_TRANSFER_H

#include "libfusion/containers/container.h"

struct fusion_key;
struct fusion_list_node;

enum transfer_state {
	TRANSFER_OUT = 1,
	TRANSFER_GONE = 2,
	TRANSFER_IN = 3,
	TRANSFER_CAME = 4,
	TRANSFER_LOST = 5,
};

/* The giver or the taker, and where in it. */
struct transfer_side {
	struct container *c;
	const struct transfer_kind *kind;
	const struct fusion_key *key; /* of a hash */
	/* Of a list: the giver's node, NULL for the first one; or the node
	 * before which the value goes, NULL for the back. */
	struct fusion_list_node *node;
	uint64_t at; /* an index in the giver */
};

/* What a kind of container does for a transfer. */
struct transfer_kind {
	enum container_kind kind;
	/* Finish or undo what is announced.  0, -EIO, -ENOMEM, -EMFILE. */
	int (*settle)(struct container *c, struct fusion_arena *a);
	/* Find what is to go.  1 and its value; 0: there is nothing; -errno. */
	int (*find)(struct transfer_side *s, struct fusion_arena *a,
		    struct fusion_value *ret);
	/* Announce that it goes.  0, -ENOMEM, -EMFILE. */
	int (*give)(struct transfer_side *s, struct fusion_arena *a);
	/* Make room, announce that @value comes, and write it.  0; or nothing
	 * is announced: -EEXIST, -EINVAL, -EIO, -ENOMEM, -EMFILE. */
	int (*take)(struct transfer_side *s, struct fusion_arena *a,
		    struct fusion_value value);
	/* End a call, whose result is @r, and return @r.  NULL:
	 * container_leave(). */
	int (*leave)(struct container *c, struct fusion_arena *a, int r);
	/* Make the giver smaller if it is much too large; may be NULL. */
	void (*shrink)(struct container *c, struct fusion_arena *a);
};

/* Begin a call on two containers.  The one with the lower address is locked
 * first.  0; -EINVAL: they are one, or in two arenas; else as
 * container_enter(). */
int transfer_enter(struct container *from, uint32_t from_kind,
		   struct container *to, uint32_t to_kind,
		   struct fusion_arena **ret);
/* Transfer what @from says to where @to says.  1; 0: there is nothing to
 * transfer; or an error of transfer_enter() and of the kinds. */
int transfer_run(struct transfer_side *from, struct transfer_side *to);

/* Has the announced transfer of the container reached its commit point? */
bool transfer_is_done(const struct container *c, const struct fusion_arena *a);
/* The transfer is finished or undone in the container, which still announces
 * it.  @done is what transfer_is_done() said.  Idempotent. */
void transfer_settled(struct container *c, const struct fusion_arena *a,
		      bool done);

#endif
