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

/** How to create a reactor; see fusion/types.h for options. */
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

/** All defaults of struct fusion_reactor_options. */
#define FUSION_REACTOR_OPTIONS_INIT                               \
	{                                                         \
		sizeof(struct fusion_reactor_options), 0, 0, 0, 0 \
	}

/**
 * Create a reactor, to which nobody listens.
 *
 * @param arena    the arena to create it in
 * @param name     unique among the arena's reactors: 1 to 63 bytes without '/'
 *                 and control characters, not beginning with '.' or '#'.  NULL
 *                 creates a reactor that is called "#<id>"
 * @param options  how, or NULL for all defaults
 * @param ret      receives the handle.  The reactor lives until
 *                 fusion_reactor_destroy() or the arena's end; the death of its
 *                 creator does not end it
 *
 * @return
 *   0              created
 *   -EINVAL        @name or @options is not valid, or @arena or @ret is NULL
 *   -E2BIG         @options says something that this library does not know
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
 * Find the reactor of that name, or create it.
 *
 * @param arena    the arena
 * @param name     as for fusion_reactor_create(), but not NULL; or "#<id>" to
 *                 find a reactor without a name
 * @param options  how to create it, or NULL for all defaults.  A reactor that
 *                 exists stays as it is
 * @param ret      receives the handle
 *
 * @return 0 if the reactor is found or created, or an error of
 *         fusion_reactor_create(), but never -EEXIST
 *
 * All threads that open one name get the same reactor, also if they do so at
 * the same time.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_reactor_open(struct fusion_arena *arena, const char *name,
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
 * Find a reactor by its id.
 *
 * @param arena  the arena to search
 * @param id     the id, from fusion_reactor_id()
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  no reactor has that id
 *   -EINVAL  @id is 0, or @arena or @ret is NULL
 *
 * Takes constant time on average for a reactor without a name; for one with a
 * name, time in proportion to the number of reactors.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_reactor_get(struct fusion_arena *arena, fusion_id_t id,
				  struct fusion_reactor **ret);

/**
 * Get the id of a reactor, which no other thing of the arena ever has.
 *
 * @param reactor  the reactor
 *
 * @return the id; 0 if the reactor is destroyed, or @reactor is no reactor of
 *         an arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_reactor_id(const struct fusion_reactor *reactor);

/**
 * Destroy a reactor.
 *
 * @param reactor  the reactor; its handle must not be used afterwards.  NULL
 *                 does nothing
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the reactor was destroyed before
 *   -EINVAL  @reactor is not a reactor
 *
 * Each reaction gets what was dispatched before, unless its listener's policy
 * has dropped it.  Then the reaction runs once more, for
 * FUSION_REACTOR_DESTROYED.  The queue goes with its last listener, so a
 * listener that is stopped keeps the queue until it goes on or leaves.  Members
 * still have to detach their reactions.
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
	 *  disconnected, and loses what it has not got yet.  Its reactions
	 *  run once more, for FUSION_REACTOR_DISCONNECTED. */
	FUSION_REACTOR_DISCONNECT = 2,
};

#define FUSION_REACTOR_LIMIT_NS 100000000LL /**< the default limit, 100 ms */

/** The policy of a listener; see fusion_reactor_attach(), and fusion/types.h
 *  for options. */
struct fusion_reactor_policy {
	size_t size;	   /**< sizeof(struct fusion_reactor_policy) */
	uint32_t kind;	   /**< enum fusion_reactor_policy_kind */
	uint32_t reserved; /**< 0 */
	int64_t limit_ns;  /**< nanoseconds; 0: FUSION_REACTOR_LIMIT_NS; or
				FUSION_FOREVER */
};

/** FUSION_REACTOR_BLOCK, with the default limit. */
#define FUSION_REACTOR_POLICY_INIT                            \
	{                                                     \
		sizeof(struct fusion_reactor_policy), 0, 0, 0 \
	}

/** Why a reaction runs.  Later versions may add events: ignore those that you
 *  do not know. */
enum fusion_reactor_event {
	FUSION_REACTOR_DATA = 0,	 /**< a message has come */
	FUSION_REACTOR_DISCONNECTED = 1, /**< this member listens no more: it
					   was too slow
					   (FUSION_REACTOR_DISCONNECT), or the
					   child of a fork found no place */
	FUSION_REACTOR_DESTROYED = 2,	 /**< the reactor is destroyed */
};

/** What a reaction gets; valid until the reaction returns.  Later versions
 *  append members: never copy the struct. */
struct fusion_reactor_message {
	struct fusion_reactor *reactor;
	uint32_t channel;   /**< at an end: the reaction's */
	fusion_id_t sender; /**< member that dispatched it; 0: a shell did, or
			       it is an end */
	const void *data;   /**< the bytes; NULL at an end */
	size_t size;	    /**< how many; 0 at an end */
	uint32_t event;	    /**< enum fusion_reactor_event */
	uint32_t reserved;  /**< 0 */
};

/** The result of a reaction. */
enum fusion_reaction_result {
	FUSION_REACTION_KEEP = 0,   /**< stay attached */
	FUSION_REACTION_REMOVE = 1, /**< detach it; its handle ends */
};

/**
 * A reaction: a function that runs for each message of a channel.
 *
 * @param message  the message, valid until the function returns; never NULL.
 *                 An event other than FUSION_REACTOR_DATA says that no more
 *                 messages will come.  It comes once, behind all messages
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

/** How to attach a reaction; see fusion/types.h for options. */
struct fusion_reactor_attach_options {
	size_t size;	  /**< sizeof(struct fusion_reactor_attach_options) */
	uint32_t flags;	  /**< 0 */
	uint32_t channel; /**< 0 to FUSION_REACTOR_CHANNEL_MAX */
	/** The policy of this member at this reactor, which replaces the one
	 *  before.  NULL keeps it; the first is FUSION_REACTOR_BLOCK. */
	const struct fusion_reactor_policy *policy;
	/** Runs once with the argument of the reaction, when the reaction is
	 *  gone: it was detached, has removed itself, or this process leaves
	 *  the arena.  NULL: nothing runs.  It must return, and must not use
	 *  the reaction. */
	fusion_destroy_fn destroy;
};

/** All defaults of struct fusion_reactor_attach_options: channel 0. */
#define FUSION_REACTOR_ATTACH_OPTIONS_INIT                                     \
	{                                                                      \
		sizeof(struct fusion_reactor_attach_options), 0, 0, NULL, NULL \
	}

/**
 * Attach a reaction to a channel.
 *
 * @param reactor  the reactor
 * @param options  how, or NULL for all defaults
 * @param fn       runs for each message that is dispatched from now on, and
 *                 once for the end
 * @param ctx      argument of @fn, and of the destroy function
 * @param ret      receives the reaction; give it back with
 *                 fusion_reactor_detach().  NULL: the reaction stays until it
 *                 removes itself, or this process exits the arena
 *
 * @return
 *   0        attached
 *   -EINVAL  no such channel or policy, no reactor, or @fn is NULL
 *   -E2BIG   @options or the policy says something that this library does not
 *            know
 *   -EIDRM   the reactor is destroyed
 *   -ENOSPC  the reactor has as many listeners as it can, or the arena has no
 *            room for this member's queue
 *   -ENOMEM  memory is used up, or the system starts no thread
 *
 * If the call fails, the destroy function does not run.
 *
 * Any thread, also a reaction.  Takes a short lock.  Starts the dispatcher if
 * it does not run.
 */
FUSION_API int
fusion_reactor_attach(struct fusion_reactor *reactor,
		      const struct fusion_reactor_attach_options *options,
		      fusion_reaction_fn fn, void *ctx,
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
 * reaction does not run, and its destroy function has run.  A caller that is a
 * handler or a reaction does not wait, so the reaction may still run on another
 * thread.  The destroy function then runs behind it, on that thread.
 */
FUSION_API int fusion_reactor_detach(struct fusion_reaction *reaction);

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

/** flags: the message also reaches the reactions of this member. */
#define FUSION_REACTOR_SELF 0x1u
/** flags: fail with -EAGAIN instead of waiting for a slow listener. */
#define FUSION_REACTOR_NOWAIT 0x2u

/** How to dispatch a message; see fusion/types.h for options. */
struct fusion_reactor_dispatch_options {
	size_t size;	  /**< sizeof(struct fusion_reactor_dispatch_options) */
	uint32_t flags;	  /**< FUSION_REACTOR_..., FUSION_WAIT_INTERRUPTIBLE */
	uint32_t channel; /**< 0 to FUSION_REACTOR_CHANNEL_MAX */
	const fusion_global_fn *globals; /**< functions for the reactor's global
					   reactions: each reaction has the
					   index of one.  NULL runs no global
					   reaction */
	size_t n_globals;		 /**< functions in globals */
};

/** All defaults of struct fusion_reactor_dispatch_options: channel 0, no flags,
 *  no global reactions. */
#define FUSION_REACTOR_DISPATCH_OPTIONS_INIT                                  \
	{                                                                     \
		sizeof(struct fusion_reactor_dispatch_options), 0, 0, NULL, 0 \
	}

/**
 * Dispatch a message.
 *
 * @param reactor  the reactor
 * @param options  how, or NULL for all defaults
 * @param data     the bytes, which are copied; NULL if @size is 0
 * @param size     how many
 *
 * @return
 *   0          each listener gets the message, or loses it by its policy
 *   -EMSGSIZE  nobody gets it: it is larger than half of the queue, or than
 *              262048 bytes
 *   -EAGAIN    nobody gets it: the call would have to wait for a slow listener,
 *              and FUSION_REACTOR_NOWAIT is set
 *   -EINTR     nobody gets it through the queue: a signal handler has run while
 *              the call waited for a slow listener
 *              (FUSION_WAIT_INTERRUPTIBLE).  Reactions that run before the
 *              queue have run
 *   -EINVAL    an argument is not valid
 *   -E2BIG     @options says something that this library does not know
 *   -EIDRM     the reactor is destroyed
 *
 * The order: first the global reactions run, for channel 0 only.  Then this
 * member's reactions run, if FUSION_REACTOR_SELF is set and the reactor is
 * direct.  Then the message goes into the queue.  A caller that is killed has
 * put the whole message there or nothing.
 *
 * Any thread, also a reaction.  Blocks as the policies of slow listeners say;
 * the listener's death ends the wait.  While a handler
 * dispatches, its own member cannot catch up.  So the limit of that member
 * counts as 0.
 */
FUSION_API int
fusion_reactor_dispatch(struct fusion_reactor *reactor,
			const struct fusion_reactor_dispatch_options *options,
			const void *data, size_t size);

/** Which global reaction to attach or detach; see fusion/types.h for
 *  options. */
struct fusion_reactor_global_options {
	size_t size;	/**< sizeof(struct fusion_reactor_global_options) */
	uint32_t flags; /**< 0 */
	uint32_t index; /**< the function: its index in the array that the
			     dispatching program gives to
			     fusion_reactor_dispatch(), at most 65534 */
};

/** All defaults of struct fusion_reactor_global_options: index 0. */
#define FUSION_REACTOR_GLOBAL_OPTIONS_INIT                         \
	{                                                          \
		sizeof(struct fusion_reactor_global_options), 0, 0 \
	}

/**
 * Attach a global reaction, which runs in each process that dispatches.
 *
 * @param reactor  the reactor
 * @param options  which, or NULL for all defaults
 * @param ctx      argument of the function: a pointer into the arena, or NULL
 *
 * @return
 *   0        attached
 *   -ENOSPC  the reactor has FUSION_REACTOR_GLOBALS global reactions
 *   -EINVAL  an argument is not valid
 *   -E2BIG   @options says something that this library does not know
 *   -EIDRM   the reactor is destroyed
 *
 * Global reactions run newest first.  They belong to the reactor and stay when
 * this member leaves.
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_reactor_attach_global(
	struct fusion_reactor *reactor,
	const struct fusion_reactor_global_options *options, void *ctx);
/**
 * Detach the newest global reaction with these options and argument.
 *
 * @param reactor  the reactor
 * @param options  as it was attached
 * @param ctx      as it was attached
 *
 * @return
 *   0        detached
 *   -ENOENT  no such reaction is attached
 *   -EINVAL  an argument is not valid
 *   -E2BIG   @options says something that this library does not know
 *   -EIDRM   the reactor is destroyed
 *
 * Any thread.  Does not block, and does not wait for the function.
 */
FUSION_API int fusion_reactor_detach_global(
	struct fusion_reactor *reactor,
	const struct fusion_reactor_global_options *options, void *ctx);

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
 * Subscribe a function that runs when all listeners are done with a message.
 *
 * @param reactor  the reactor
 * @param fn       runs as a handler, once for each message that is dispatched
 *                 from now on, in their order, and once for the end.  If it
 *                 returns FUSION_REACTION_REMOVE, its subscription is cancelled
 * @param ctx      argument of @fn and @destroy
 * @param destroy  runs when @fn has run for the last time; NULL: nothing runs
 * @param ret      receives the slot, for fusion_slot_cancel(); or NULL.  It is
 *                 set before @fn runs
 *
 * @return
 *   0        subscribed
 *   -EINVAL  no reactor of an arena that this process is in, or @fn is NULL
 *   -EIDRM   the reactor is destroyed
 *   -ENOSPC  the reactor has as many listeners as it can, or the arena has no
 *            room for this member's queue
 *   -ENOMEM  memory is used up, or the system starts no thread
 *
 * A listener is done with a message when its reactions have run, when it has
 * lost the message, or when it has died.  Use this to reuse memory that the
 * message points to.
 *
 * There is one exception: when the queue is full, a listener whose limit is
 * over, or which drops (FUSION_REACTOR_DROP_OLDEST), is not waited for.  It
 * counts as done with the message whose reactions run then, although they may
 * still read that memory.  Give FUSION_REACTOR_BLOCK with the limit
 * FUSION_FOREVER to listeners that must not meet reused memory.
 *
 * Any number of functions can be subscribed.  They count as one listener of
 * this member.  A subscription lasts until it is cancelled, also when the
 * reactor is destroyed, and until this process exits the arena.  If the call
 * fails, @destroy does not run.
 *
 * Any thread, also a reaction.  Takes a short lock.  Starts the dispatcher if
 * it does not run.
 */
FUSION_API int fusion_reactor_on_done(struct fusion_reactor *reactor,
				      fusion_reaction_fn fn, void *ctx,
				      fusion_destroy_fn destroy,
				      struct fusion_slot **ret);

/** The numbers of a reactor; see fusion_reactor_stat().  Later versions append
 *  members. */
struct fusion_reactor_stat {
	fusion_id_t id;
	uint32_t listeners;  /**< members and shells */
	uint64_t dispatched; /**< messages ever dispatched */
	uint64_t bytes;	     /**< bytes in these messages */
	uint64_t dropped;    /**< messages that present listeners lost */
	uint32_t rate;	     /**< messages in the last full second */
	uint32_t reserved;   /**< 0 */
};

/**
 * Get the numbers of a reactor.
 *
 * @param reactor  the reactor
 * @param ret      receives the numbers
 * @param size     sizeof(struct fusion_reactor_stat)
 *
 * @return
 *   0        done
 *   -EINVAL  no reactor of an arena that this process is in, @ret is NULL, or
 *            @size is 0
 *   -EIDRM   the reactor is destroyed
 *
 * Any thread.  Takes no lock.
 */
FUSION_API int fusion_reactor_stat(struct fusion_reactor *reactor,
				   struct fusion_reactor_stat *ret,
				   size_t size);

/*
 * Fork: in an arena entered with FUSION_ENTER_FORK the child starts with the
 * reactions of its parent, and a queue position of its own.  The child gets the
 * messages that parent and child dispatch after fork() has returned.  The
 * parent's handles detach the child's reactions in the child, where their
 * destroy functions run, too, for the child's copies.  Functions of
 * fusion_reactor_on_done() stay the parent's, since they free what was
 * dispatched.
 *
 * A process that forks in a reaction has a child without reactions.  In such a
 * child, and in a child that is not a member, fusion_reactor_detach() has
 * nothing to do.
 */

FUSION_END_DECLS

#endif
