/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Reactors: send a message to all members that listen.
 *
 * A message is dispatched to a channel of a reactor.  It reaches each reaction
 * that was attached to that channel before.  The arena holds one copy of the
 * message, however many members listen.  Messages that one thread dispatches
 * arrive in their order.  Dispatching returns when the message is in the
 * reactor's queue, not when the reactions have run.
 *
 * The listener is the member: all its reactions share one queue position and
 * one policy, which says what happens if the member is slow.  A listener that
 * is slow, stopped or dead delays a dispatching thread once, for as long as its
 * policy says.  It does not delay other listeners.
 *
 * The handle is a pointer that is valid in every member and may be stored in
 * shared data.
 *
 * In the mounted tree a reactor is the directory reactors/NAME.
 */
#ifndef FUSION_REACTOR_H
#define FUSION_REACTOR_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A reactor in an arena; see fusion_reactor_create(). */
struct fusion_reactor;
/** A reaction that this process has attached; see fusion_reactor_attach(). */
struct fusion_reaction;

/** The highest channel; the lowest is 0. */
#define FUSION_REACTOR_CHANNEL_MAX 65535u
/** Most global reactions of a reactor. */
#define FUSION_REACTOR_GLOBALS 12

/** How to create a reactor.  Set everything to zero, then `size` and what you
 *  want. */
struct fusion_reactor_options {
	size_t size;	       /**< sizeof(struct fusion_reactor_options) */
	uint32_t message_size; /**< usual bytes of a message; readers of the
				  reactor's status see it */
	uint32_t cells; /**< length of the queue in cells of 64 bytes: a power
			     of two from 64 to 16384; 0: 1024.  A message takes
			     32 bytes more than its size, and half of the queue
			     or 4095 cells (about 256 KiB) at most */
	uint32_t listeners; /**< most members and shells that listen, at most
			       4096; 0: 128 */
	uint32_t flags;	    /**< 0 */
};

/**
 * Create a reactor, to which nobody listens.
 *
 * @param arena    the arena to create it in
 * @param name     unique among the arena's reactors: 1 to 63 bytes without '/'
 *                 and control characters, not beginning with '.' or '#'.  NULL
 *                 creates a reactor that is called "#<id>"
 * @param options  its size, or NULL for all defaults
 * @param ret      receives the handle.  The reactor lives until
 *                 fusion_reactor_destroy() or the arena's end; the death of its
 *                 creator does not end it
 *
 * @return
 *   0              created
 *   -EINVAL        @name or @options is not valid, or @arena or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EEXIST        another reactor has that name
 *   -ENOSPC        the arena has no room for another reactor
 *   -ENOMEM        the arena has no memory left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_reactor_create(struct fusion_arena *arena, const char *name,
		      const struct fusion_reactor_options *options,
		      struct fusion_reactor **ret);

/**
 * Find a reactor by its name.
 *
 * @param arena  the arena to search
 * @param name   the name, or "#<id>" for a reactor without one
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        no reactor has that name
 *   -EINVAL        no reactor can have that name, or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_reactor_lookup(struct fusion_arena *arena,
				     const char *name,
				     struct fusion_reactor **ret);

/**
 * Destroy a reactor.
 *
 * @param reactor  the reactor; its handle must not be used afterwards
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the reactor was destroyed before
 *   -EINVAL  @reactor is not a reactor
 *
 * Messages that have not reached their reactions yet are lost.  Each reaction
 * runs once more, with a message of NULL.  Members still have to detach their
 * reactions.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_reactor_destroy(struct fusion_reactor *reactor);

/** What happens if a listener is slow and the queue is full. */
enum fusion_reactor_policy_kind {
	/** A dispatching thread waits for the listener, for limit_ns at most.
	 *  Then the listener loses messages, which are counted, until it has
	 *  caught up. */
	FUSION_REACTOR_BLOCK = 0,
	/** No thread waits: the listener loses its oldest messages, which are
	 *  counted. */
	FUSION_REACTOR_DROP_OLDEST = 1,
	/** As FUSION_REACTOR_BLOCK; but after limit_ns the listener is
	 *  disconnected: its reactions run once more, with a message of NULL.
	 */
	FUSION_REACTOR_DISCONNECT = 2,
};

#define FUSION_REACTOR_LIMIT_NS 100000000LL /**< the default limit, 100 ms */

/** The policy of a listener; see fusion_reactor_attach(). */
struct fusion_reactor_policy {
	size_t size;	  /**< sizeof(struct fusion_reactor_policy) */
	uint32_t kind;	  /**< enum fusion_reactor_policy_kind */
	int64_t limit_ns; /**< nanoseconds; 0: FUSION_REACTOR_LIMIT_NS; or
			       FUSION_FOREVER */
};

/** A message as a reaction sees it; valid until the reaction returns. */
struct fusion_reactor_message {
	struct fusion_reactor *reactor;
	uint32_t channel;
	fusion_id_t sender; /**< member that dispatched it; 0: a shell did */
	const void *data;
	size_t size;
};

/** The result of a reaction. */
enum fusion_reaction_result {
	FUSION_REACTION_KEEP = 0,   /**< stay attached */
	FUSION_REACTION_REMOVE = 1, /**< detach it; its handle ends */
};

/**
 * A reaction: a function that runs for each message of a channel.
 *
 * @param message  the message, valid until the function returns.  NULL: no
 *                 more messages will come, because the reactor is destroyed or
 *                 this listener disconnected (FUSION_REACTOR_DISCONNECT)
 * @param ctx      as given to fusion_reactor_attach()
 *
 * @return whether the reaction stays attached
 *
 * Runs as a handler (fusion/dispatch.h), or on the thread that dispatches the
 * message (fusion_reactor_set_direct()).  The reactions of a member run newest
 * first.  A reaction may attach and detach any reaction, also itself.  May
 * leave without returning: see fusion/types.h.
 */
typedef enum fusion_reaction_result (*fusion_reaction_fn)(
	const struct fusion_reactor_message *message, void *ctx);

/**
 * Attach a reaction to a channel.
 *
 * @param reactor  the reactor
 * @param channel  0 to FUSION_REACTOR_CHANNEL_MAX
 * @param fn       runs for each message that is dispatched from now on
 * @param ctx      argument of @fn
 * @param policy   the policy of this member at this reactor, which replaces the
 *                 one before.  NULL keeps it; the first is FUSION_REACTOR_BLOCK
 * @param ret      receives the reaction; give it back with
 *                 fusion_reactor_detach()
 *
 * @return
 *   0        attached
 *   -EINVAL  no such channel or policy, no reactor, or a pointer is NULL
 *   -EIDRM   the reactor is destroyed
 *   -ENOSPC  the reactor has as many listeners as it can, or the arena has no
 *            room for this member's queue
 *   -ENOMEM  memory is used up, or the system starts no thread
 *
 * Any thread, also a reaction.  Takes a short lock.  Starts the dispatcher if
 * it does not run.
 */
FUSION_API int fusion_reactor_attach(struct fusion_reactor *reactor,
				     uint32_t channel, fusion_reaction_fn fn,
				     void *ctx,
				     const struct fusion_reactor_policy *policy,
				     struct fusion_reaction **ret);

/**
 * Detach a reaction.
 *
 * @param reaction  the reaction, whose handle ends; NULL does nothing
 *
 * @return
 *   0        detached
 *   -EINVAL  no reaction, or detached before; the pointer is not followed
 *
 * Any thread, also a reaction.  Waits for the reaction: when it returns, the
 * reaction does not run.  A caller that is a handler or a reaction does not
 * wait, so the reaction may still run on another thread.
 */
FUSION_API int fusion_reactor_detach(struct fusion_reaction *reaction);

/** flags: the message also reaches the reactions of this member. */
#define FUSION_REACTOR_SELF 0x1u
/** flags: fail with -EAGAIN instead of waiting for a slow listener. */
#define FUSION_REACTOR_NOWAIT 0x2u

/**
 * Dispatch a message to channel 0, without global reactions.
 *
 * @param reactor  the reactor
 * @param data     the bytes, which are copied; NULL if @size is 0
 * @param size     how many
 * @param flags    FUSION_REACTOR_SELF, FUSION_REACTOR_NOWAIT or 0
 *
 * @return what fusion_reactor_dispatch_channel() returns
 *
 * Any thread, also a reaction.  Blocks as the policies of slow listeners say.
 */
FUSION_API int fusion_reactor_dispatch(struct fusion_reactor *reactor,
				       const void *data, size_t size,
				       unsigned flags);

/**
 * A global reaction: a function that runs in each process that dispatches.
 *
 * @param message  the message, valid until the function returns
 * @param ctx      as given to fusion_reactor_attach_global()
 *
 * @return whether the reaction stays attached
 *
 * Runs on the thread that dispatches.  May leave without returning: see
 * fusion/types.h.  The message is then not dispatched.
 */
typedef enum fusion_reaction_result (*fusion_global_fn)(
	const struct fusion_reactor_message *message, void *ctx);

/**
 * Dispatch a message to a channel.
 *
 * @param reactor    the reactor
 * @param channel    0 to FUSION_REACTOR_CHANNEL_MAX
 * @param data       the bytes, which are copied; NULL if @size is 0
 * @param size       how many
 * @param flags      FUSION_REACTOR_SELF, FUSION_REACTOR_NOWAIT or 0
 * @param globals    functions for the reactor's global reactions: each reaction
 *                   has the index of one.  NULL runs no global reaction
 * @param n_globals  functions in @globals
 *
 * @return
 *   0          each listener gets the message, or loses it by its policy
 *   -EMSGSIZE  nobody gets it: it is larger than half of the queue, or than
 *              262048 bytes
 *   -EAGAIN    nobody gets it: the call would have to wait for a slow listener,
 *              and FUSION_REACTOR_NOWAIT is set
 *   -EINVAL    an argument is not valid
 *   -EIDRM     the reactor is destroyed
 *
 * The order: first the global reactions run, for channel 0 only.  Then this
 * member's reactions run, if FUSION_REACTOR_SELF is set and the reactor is
 * direct.  Then the message goes into the queue.  A caller that is killed has
 * put the whole message there or nothing.
 *
 * Any thread, also a reaction.  Blocks as the policies of slow listeners say;
 * signals do not end the wait, the listener's death does.  While a handler
 * dispatches, its own member cannot catch up.  So the limit of that member
 * counts as 0.
 */
FUSION_API int fusion_reactor_dispatch_channel(struct fusion_reactor *reactor,
					       uint32_t channel,
					       const void *data, size_t size,
					       unsigned flags,
					       const fusion_global_fn *globals,
					       size_t n_globals);

/**
 * Attach a global reaction, which runs in each process that dispatches.
 *
 * @param reactor  the reactor
 * @param index    the function: its index in the array that the dispatching
 *                 program gives to fusion_reactor_dispatch_channel()
 * @param ctx      argument of the function: a pointer into the arena, or NULL
 *
 * @return
 *   0        attached
 *   -ENOSPC  the reactor has FUSION_REACTOR_GLOBALS global reactions
 *   -EINVAL  an argument is not valid
 *   -EIDRM   the reactor is destroyed
 *
 * Global reactions run newest first.  They belong to the reactor and stay when
 * this member leaves.
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_reactor_attach_global(struct fusion_reactor *reactor,
					    uint32_t index, void *ctx);
/**
 * Detach the newest global reaction with an index and argument.
 *
 * @param reactor  the reactor
 * @param index    as it was attached
 * @param ctx      as it was attached
 *
 * @return
 *   0        detached
 *   -ENOENT  no such reaction is attached
 *   -EINVAL  an argument is not valid
 *   -EIDRM   the reactor is destroyed
 *
 * Any thread.  Does not block, and does not wait for the function.
 */
FUSION_API int fusion_reactor_detach_global(struct fusion_reactor *reactor,
					    uint32_t index, void *ctx);

/**
 * Choose the thread that runs the reactions of the dispatching member.
 *
 * @param reactor  the reactor
 * @param direct   true, the default: the reactions run on the thread that
 *                 dispatches, before dispatching returns; false: they run on
 *                 the dispatcher, as those of other members do
 *
 * @return
 *   0        set, for all members
 *   -EINVAL  no reactor of an arena that this process is in
 *   -EIDRM   the reactor is destroyed
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_reactor_set_direct(struct fusion_reactor *reactor,
					 bool direct);

/**
 * Set the function that runs when all listeners are done with a message.
 *
 * @param reactor  the reactor
 * @param fn       runs as a handler, once for each message that is dispatched
 *                 from now on, in their order; its result is ignored.  NULL
 *                 removes the function of this member
 * @param ctx      argument of @fn
 *
 * @return
 *   0        set
 *   -EINVAL  no reactor of an arena that this process is in
 *   other    an error of fusion_reactor_attach()
 *
 * A listener is done with a message when its reactions have run, when it has
 * lost the message, or when it has died.  Use this to reuse memory that the
 * message points to.  Each member has one such function.
 *
 * Any thread, also a reaction.  Waits for the former function.
 */
FUSION_API int fusion_reactor_set_done(struct fusion_reactor *reactor,
				       fusion_reaction_fn fn, void *ctx);

/** The numbers of a reactor; see fusion_reactor_stat(). */
struct fusion_reactor_stat {
	fusion_id_t id;
	uint32_t listeners;  /**< members and shells */
	uint64_t dispatched; /**< messages ever dispatched */
	uint64_t bytes;	     /**< bytes in these messages */
	uint64_t dropped;    /**< messages that present listeners lost */
	uint32_t rate;	     /**< messages in the last full second */
};

/**
 * Get the numbers of a reactor.
 *
 * @param reactor  the reactor
 * @param ret      receives the numbers
 *
 * @return
 *   0        done
 *   -EINVAL  no reactor of an arena that this process is in, or @ret is NULL
 *   -EIDRM   the reactor is destroyed
 *
 * Any thread.  Takes no lock.
 */
FUSION_API int fusion_reactor_stat(struct fusion_reactor *reactor,
				   struct fusion_reactor_stat *ret);

/*
 * Fork: in an arena entered with FUSION_ENTER_FORK the child starts with the
 * reactions of its parent, and a queue position of its own.  The child gets the
 * messages that parent and child dispatch after fork() has returned.  The
 * parent's handles detach the child's reactions in the child.  Functions of
 * fusion_reactor_set_done() stay the parent's, since they free what was
 * dispatched.
 *
 * A process that forks in a reaction has a child without reactions.  In such a
 * child, and in a child that is not a member, fusion_reactor_detach() has
 * nothing to do.
 */

FUSION_END_DECLS

#endif
