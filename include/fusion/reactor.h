/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Reactors: messages from any member to all who listen.
 *
 * A message is dispatched to a channel of a reactor and reaches every reaction
 * that was attached to the channel before.  It lies in the arena once, however
 * many listen.  What one thread dispatches arrives in the order in which it was
 * dispatched; dispatching returns when the message is there, not when it has
 * been processed.
 *
 * Who listens is a member: it has one place in the reactor's queue for all its
 * reactions, and a policy for the case that it is slow.  A member that is
 * stopped, slow or dead holds up a dispatcher as long as its policy says, once,
 * and other listeners not at all.
 *
 * A handle is valid in every member and may be stored in shared data.
 *
 * In the mounted tree a reactor is the directory reactors/NAME.
 */
#ifndef FUSION_REACTOR_H
#define FUSION_REACTOR_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** A reactor in an arena; see fusion_reactor_create(). */
struct fusion_reactor;
/** An attached reaction of this process. */
struct fusion_reaction;

/** Channels are 0 to this. */
#define FUSION_REACTOR_CHANNEL_MAX 65535u
/** Global reactions that a reactor can have. */
#define FUSION_REACTOR_GLOBALS 12

/** How to make one.  Zero everything, then set `size` and what you want. */
struct fusion_reactor_options {
	size_t size;	       /**< sizeof(struct fusion_reactor_options) */
	uint32_t message_size; /**< for who reads its status: bytes that
				  messages have usually */
	uint32_t cells; /**< length of its queue in cells of 64 bytes, a power
			     of two from 64 to 16384; 0: 1024.  A message takes
			     32 bytes more than its size, and at most half of
			     the queue or 4095 cells, about 256 KiB */
	uint32_t listeners; /**< most members and shells that listen, up to
			       4096; 0: 128 */
	uint32_t flags;	    /**< 0 */
};

/**
 * Make a reactor; nobody listens.
 *
 * @param name     unique among the arena's reactors, as for
 *                 fusion_skirmish_create(); NULL: "#<id>"
 * @param options  NULL: all defaults
 *
 * @return 0; -EINVAL name or options; -ENAMETOOLONG; -EEXIST; -ENOSPC; -ENOMEM;
 *         -EMFILE too many threads
 */
FUSION_API int
fusion_reactor_create(struct fusion_arena *arena, const char *name,
		      const struct fusion_reactor_options *options,
		      struct fusion_reactor **ret);

/** Find one by its name, or by "#<id>".  0; -ENOENT; -EINVAL. */
FUSION_API int fusion_reactor_lookup(struct fusion_arena *arena,
				     const char *name,
				     struct fusion_reactor **ret);

/**
 * Destroy a reactor.  What was dispatched and not yet processed is lost; who
 * uses the handle gets -EIDRM.  Reactions stay the caller's to detach.
 * @return 0; -EIDRM destroyed already; -EINVAL no reactor
 */
FUSION_API int fusion_reactor_destroy(struct fusion_reactor *reactor);

/** What a listener is owed when it is slow. */
enum fusion_reactor_policy_kind {
	/** Who dispatches waits for it, at most limit_ns; then it loses
	 * messages, which are counted, until it has caught up. */
	FUSION_REACTOR_BLOCK = 0,
	/** Nobody waits: it loses the oldest messages, which are counted. */
	FUSION_REACTOR_DROP_OLDEST = 1,
	/** As BLOCK, but then it is detached and told so. */
	FUSION_REACTOR_DISCONNECT = 2,
};

#define FUSION_REACTOR_LIMIT_NS 100000000LL /**< the default, 100 ms */

struct fusion_reactor_policy {
	size_t size;	  /**< sizeof(struct fusion_reactor_policy) */
	uint32_t kind;	  /**< enum fusion_reactor_policy_kind */
	int64_t limit_ns; /**< 0: FUSION_REACTOR_LIMIT_NS; FUSION_FOREVER */
};

/** A message as a reaction sees it; valid until the reaction returns. */
struct fusion_reactor_message {
	struct fusion_reactor *reactor;
	uint32_t channel;
	fusion_id_t sender; /**< member that dispatched it; 0: from a shell */
	const void *data;
	size_t size;
};

/** What a reaction returns. */
enum fusion_reaction_result {
	FUSION_REACTION_KEEP = 0,
	FUSION_REACTION_REMOVE = 1, /**< detach it; its handle ends with that */
};

/**
 * A reaction.  Runs on the dispatcher (fusion/dispatch.h), newest first; or on
 * the thread that dispatches, see fusion_reactor_set_direct().  May attach and
 * detach any, itself too.  With @message NULL: this listener was disconnected
 * (FUSION_REACTOR_DISCONNECT) or its reactor destroyed, and no more will come.
 * May not return: see fusion/types.h.
 */
typedef enum fusion_reaction_result (*fusion_reaction_fn)(
	const struct fusion_reactor_message *message, void *ctx);

/**
 * Listen to a channel.
 *
 * @param policy  of this member at this reactor: what was given last counts.
 *                NULL: as it is, at first FUSION_REACTOR_BLOCK
 * @param ret     the reaction; give it back with fusion_reactor_detach()
 *
 * @return 0; -EINVAL no such channel or policy; -EIDRM; -ENOSPC as many listen
 * as can, or the arena has no room for another queue; -ENOMEM; what
 *         fusion_message_handle() says
 *
 * Any thread, also a reaction.  Starts the dispatcher if nobody has.
 */
FUSION_API int fusion_reactor_attach(struct fusion_reactor *reactor,
				     uint32_t channel, fusion_reaction_fn fn,
				     void *ctx,
				     const struct fusion_reactor_policy *policy,
				     struct fusion_reaction **ret);

/**
 * Listen no more.  When it returns the reaction does not run any more, unless
 * the caller is it.  NULL is nothing to do.  Any thread, also a reaction.
 * @return 0; -EINVAL it is no reaction, or none any more: nothing is read there
 */
FUSION_API int fusion_reactor_detach(struct fusion_reaction *reaction);

/** flags of dispatching: own reactions too. */
#define FUSION_REACTOR_SELF 0x1u
/** Fail with -EAGAIN rather than wait for a slow listener. */
#define FUSION_REACTOR_NOWAIT 0x2u

/**
 * Dispatch a message to channel 0.  As fusion_reactor_dispatch_channel()
 * without global reactions.
 */
FUSION_API int fusion_reactor_dispatch(struct fusion_reactor *reactor,
				       const void *data, size_t size,
				       unsigned flags);

/** A global reaction: runs in the process that dispatches.  May not return: see
 *  fusion/types.h; then the message was not dispatched. */
typedef enum fusion_reaction_result (*fusion_global_fn)(
	const struct fusion_reactor_message *message, void *ctx);

/**
 * Dispatch a message to a channel.
 *
 * @param data, size  copied
 * @param flags       FUSION_REACTOR_SELF, FUSION_REACTOR_NOWAIT
 * @param globals     functions for the reactor's global reactions, which name
 *                    one by its index; NULL: none are run
 *
 * @return 0 all who listen will get it, or lose it by their policy; -EMSGSIZE
 *         it is larger than half of the queue, or than 262048 bytes: nobody
 *         gets it; -EAGAIN;
 *         -EINVAL; -EIDRM; -ENOMEM; -EMFILE
 *
 * Any thread, also a reaction.  First global reactions (channel 0 only), then
 * own ones if FUSION_REACTOR_SELF is given and the reactor is direct, then it
 * goes into the queue.  Waits as the policies of slow listeners say.  A
 * dispatcher that is killed has dispatched the whole message or nothing.
 */
FUSION_API int fusion_reactor_dispatch_channel(struct fusion_reactor *reactor,
					       uint32_t channel,
					       const void *data, size_t size,
					       unsigned flags,
					       const fusion_global_fn *globals,
					       size_t n_globals);

/**
 * Add a global reaction: in each process that dispatches to channel 0, function
 * number @index of the array given there is run with @ctx, a pointer into the
 * arena or NULL.  Newest first.  Belongs to the reactor, not to this member.
 * @return 0; -ENOSPC; -EINVAL; -EIDRM
 */
FUSION_API int fusion_reactor_attach_global(struct fusion_reactor *reactor,
					    uint32_t index, void *ctx);
/** Take away the newest one that is such.  0; -ENOENT; -EINVAL; -EIDRM. */
FUSION_API int fusion_reactor_detach_global(struct fusion_reactor *reactor,
					    uint32_t index, void *ctx);

/**
 * Do own reactions run inside dispatching, on the same thread (true, the
 * default), or on the dispatcher as others' do?  Counts for all members.
 * @return 0; -EINVAL; -EIDRM
 */
FUSION_API int fusion_reactor_set_direct(struct fusion_reactor *reactor,
					 bool direct);

/**
 * Have a function told of each message when all who were to get it have
 * processed it, or died, or lost it: the place to reuse what it points to.
 * Once for each message, in order, from now on; one for each member.
 *
 * @param fn  as a reaction, on the dispatcher; NULL: no more.  What it returns
 *            does not matter
 *
 * @return 0; as fusion_reactor_attach()
 */
FUSION_API int fusion_reactor_set_done(struct fusion_reactor *reactor,
				       fusion_reaction_fn fn, void *ctx);

/** What a reactor has seen. */
struct fusion_reactor_stat {
	fusion_id_t id;
	uint32_t listeners;  /**< members and shells */
	uint64_t dispatched; /**< messages ever */
	uint64_t bytes;	     /**< and bytes in them */
	uint64_t dropped;    /**< lost by those who listen now */
	uint32_t rate;	     /**< messages in the last full second */
};

/** Ask for it.  0; -EINVAL; -EIDRM.  Any thread; no lock. */
FUSION_API int fusion_reactor_stat(struct fusion_reactor *reactor,
				   struct fusion_reactor_stat *ret);

/*
 * Fork.  In an arena entered with FUSION_ENTER_FORK the child has its parent's
 * reactions, with cursors of its own: what is dispatched after fork() has
 * returned, in either of them, it hears.  It detaches them by the handles that
 * its parent had.  Done functions stay the parent's: they free what was
 * dispatched.  Who forks in a reaction has a child without any; in such a
 * child, and in one that is no member, fusion_reactor_detach() has nothing to
 * do.
 */

FUSION_END_DECLS

#endif
