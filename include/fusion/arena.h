/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Arenas: enter and exit them, and see the other members.
 *
 * An arena is a directory below a mounted fusionfs, and a heap that lies at one
 * address in every process that has entered the arena.  So a pointer into the
 * heap is valid in each of these processes, the members.
 *
 * The first process to enter is the master and initialises the arena.  Later
 * ones are slaves and join it.  When the last member has left, the arena's
 * content is gone.
 */
#ifndef FUSION_ARENA_H
#define FUSION_ARENA_H

#include <fusion/slot.h>
#include <fusion/types.h>

FUSION_BEGIN_DECLS

/** A process' handle of an arena that it has entered.  Private: other processes
 *  have handles of their own. */
struct fusion_arena;

/** The role of a member; for fusion_arena_options.role, fusion_arena_role() and
 *  struct fusion_member. */
enum fusion_role {
	FUSION_ROLE_ANY = 0, /**< as an option: master if first, else slave */
	FUSION_ROLE_MASTER = 1,
	FUSION_ROLE_SLAVE = 2,
};

/** What happens when an arena's master dies; see fusion_arena_options. */
enum fusion_master_death {
	FUSION_MASTER_DEATH_NOTIFY = 0,	 /**< slaves are told and go on */
	FUSION_MASTER_DEATH_KILL = 1,	 /**< slaves are killed with SIGKILL */
	FUSION_MASTER_DEATH_PROMOTE = 2, /**< the oldest slave becomes master */
};

/** fusion_arena_options.flags: fail with -EAGAIN instead of waiting for other
 *  members.  If the daemon or a member is stopped in the middle of a step, the
 *  call still waits: two seconds at most, or timeout_ns. */
#define FUSION_ENTER_NOWAIT 0x1u
/** After fork() the child enters too, as a new member (a slave).  The child has
 *  its parent's callbacks, local counts (fusion/ref.h) and reactions
 *  (fusion/reactor.h). */
#define FUSION_ENTER_FORK 0x2u
/** Fail with -ENOENT instead of creating an arena. */
#define FUSION_ENTER_EXISTING 0x4u
/** The program runs the handlers itself, by fusion_arena_dispatch()
 *  (fusion/dispatch.h): the library never starts a thread that does. */
#define FUSION_ENTER_MANUAL 0x8u

/**
 * A callback that runs when this process enters or exits an arena.
 *
 * @param arena  the arena
 * @param ctx    fusion_arena_options.ctx
 *
 * @return 0; or a negative errno, which undoes entering or exiting and becomes
 *         its result
 *
 * Runs on the thread that enters or exits.  May call everything but
 * fusion_arena_enter() and fusion_arena_exit() for this arena.  May leave
 * without returning: see fusion/types.h.
 */
typedef int (*fusion_arena_fn)(struct fusion_arena *arena, void *ctx);

/** How to enter.  Begin with FUSION_ARENA_OPTIONS_INIT, then set what you want.
 */
struct fusion_arena_options {
	size_t size;	    /**< sizeof(struct fusion_arena_options) */
	uint32_t role;	    /**< enum fusion_role */
	uint32_t flags;	    /**< FUSION_ENTER_..., FUSION_WAIT_... */
	int64_t timeout_ns; /**< longest wait for other processes, the daemon
				 among them; 0 and FUSION_FOREVER have no
				 limit.  Time that callbacks take does not
				 count */
	uint32_t mode;	    /**< permissions of a new arena; 0: 0777 & ~umask */
	uint32_t on_master_death; /**< enum fusion_master_death, of a new arena
				   */
	uint64_t span;	/**< address space of a new arena in bytes, a power of
			     two from 16 MiB to 64 GiB; 0: the default */
	uint64_t limit; /**< most memory of a new arena in bytes; 0: the
			     default.  A limit too small to work with is
			     refused */
	fusion_arena_fn initialize; /**< the first member runs it, or NULL */
	fusion_arena_fn join;	    /**< every other member runs it, or NULL */
	/** Runs in fusion_arena_exit() of the last member, or NULL.  Then the
	 *  arena's content is gone. */
	fusion_arena_fn shutdown;
	/** Runs in fusion_arena_exit() while other members remain, or NULL. */
	fusion_arena_fn leave;
	void *ctx; /**< argument of all four */
};

/** The value of a struct fusion_arena_options that asks for all defaults. */
#define FUSION_ARENA_OPTIONS_INIT                                              \
	{                                                                      \
		sizeof(struct fusion_arena_options), FUSION_ROLE_ANY, 0, 0, 0, \
			FUSION_MASTER_DEATH_NOTIFY, 0, 0, NULL, NULL, NULL,    \
			NULL, NULL                                             \
	}

/**
 * Enter an arena, and create it if it does not exist.
 *
 * @param name     a name below the mounted fusionfs ($FUSION_MOUNT, else
 *                 /run/fusion, else $XDG_RUNTIME_DIR/fusion); or a path of the
 *                 arena's directory, which contains a '/'
 * @param options  how to enter, or NULL for all defaults
 * @param ret      receives the handle; give it back with fusion_arena_exit()
 *
 * @return
 *   0              entered: initialize() has run here if this process is the
 *                  first member, else join(); fusion_arena_role() says in
 *                  which role
 *   -ENODEV        no fusionfs is mounted there: mount one (fusionfs DIR)
 *   -ENOTCONN      the fusionfs daemon is gone: mount it again
 *   -EACCES        the directory's mode forbids it: r, w and x are needed
 *   -EPERM         this user may not create an arena there
 *   -ENOTDIR       the path, or a part of it, is not a directory
 *   -ENOENT        no such arena, and FUSION_ENTER_EXISTING is set
 *   -EEXIST        FUSION_ROLE_MASTER is asked for and there is a master
 *   -EAGAIN        FUSION_ENTER_NOWAIT is set and the call would have to wait
 *   -ETIMEDOUT     the wait took longer than timeout_ns
 *   -EINTR         a signal came during the wait, also without
 *                  FUSION_WAIT_INTERRUPTIBLE.  While the daemon itself is
 *                  stopped, signals end the wait only if there is a timeout_ns.
 *                  They end the wait for another thread of this process, which
 *                  is entering or leaving, only with that flag
 *   -EINVAL        the name or an option is not valid, or options->size is too
 *                  small
 *   -E2BIG         an option is set that this library does not know
 *   -ENAMETOOLONG  the name is longer than 63 bytes, or the path is too long
 *   -EPROTO        library, daemon and arena are of different formats
 *   -EADDRINUSE    this process has something else at the arena's address.  For
 *                  a new arena: no free range of addresses is long enough
 *   -EREMOTE       the daemon runs in a pid namespace that this process is not
 *                  in, and could not see this process die; see fusionfs(8)
 *   -ENOSPC        the arena has no free slot for a member, the tmpfs below it
 *                  is full, or there is no address space for a new arena
 *   -ENOMEM        memory is used up, or the system starts no thread
 *   -EMFILE        this process or the daemon has no descriptor left
 *   -ENFILE        this machine has no descriptor left
 *   -EDQUOT        the user has as many arenas, or as much memory, as fusionfs
 *                  allows
 *   -EOVERFLOW     four billion members have joined since the arena was last
 *                  empty.  It can be entered again when all have left
 *   -EISCONN       this process is in it already, in another role; or without
 *                  FUSION_ENTER_MANUAL, which is set now
 *   -EDEADLK       the caller is a callback of entering or exiting this arena
 *   -EROFS         no such arena, and the fusionfs is mounted read-only
 *   -EIO           the arena is corrupt
 *   -ECANCELED     initialize() of the first member left without returning
 *   other          initialize() or join() returned it
 *
 * A process may enter an arena several times.  It gets the handle again, no
 * callback runs, and it has to exit as often as it entered.  The callbacks of
 * the first entry stay: those of later entries are not used, also not in
 * fusion_arena_exit().  FUSION_ENTER_MANUAL, too, stays as it was.
 *
 * Any thread.  Holds no lock during a wait.  Blocks:
 *
 *  - while another process initialises the arena or shuts it down;
 *  - as a slave, until there is a master;
 *  - while the daemon, or a member that is entering or exiting, is stopped.
 *
 * With a time-out or FUSION_ENTER_NOWAIT, a thread of the library makes each
 * step that could hang.  If a step hangs for too long, the call returns and
 * leaves the step to that thread.  The thread undoes the step as soon as it can
 * go on.  Until then, entering this arena again waits for that thread.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_arena_enter(const char *name, const struct fusion_arena_options *options,
		   struct fusion_arena **ret);

/**
 * Exit an arena.
 *
 * @param arena  the arena; the handle, and all pointers into the arena, end
 *               with this call
 *
 * @return
 *   0         exited; or, if this process entered several times, it has to exit
 *             one time less
 *   -EINVAL   no arena that this process is in.  The pointer is not followed
 *   -ECHILD   this process is the child of a fork, and was never in
 *   -EDEADLK  the caller is a handler or a reaction of the arena, a function
 *             that describes an object of it or is shown its objects, or a
 *             callback of entering or exiting it
 *   other     shutdown() or leave() returned it, and this process is still in
 *
 * Runs `shutdown` of the options with which this process first entered, if it
 * is the last member, else `leave`.
 *
 * When a master exits, the others go on without one and are told so
 * (FUSION_NOTICE_MASTER_LOST).  A master that must stay to the end gives a
 * leave() that returns an error, for example -EBUSY.  It tries again after
 * fusion_members_wait() or fusion_members_kill().
 *
 * Any thread; no other thread may use the arena meanwhile.  Blocks while other
 * members are exiting.  Works without the daemon.
 */
FUSION_API int fusion_arena_exit(struct fusion_arena *arena);

/**
 * Get this process' member id.
 *
 * @param arena  the arena
 *
 * @return the id; FUSION_NONE if this process is not in the arena, for example
 *         in the child of a fork
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API fusion_id_t fusion_arena_id(const struct fusion_arena *arena);

/**
 * Get the master's member id.
 *
 * @param arena  the arena
 *
 * @return the id; FUSION_NONE if there is no master, or this process is not in
 *         the arena
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API fusion_id_t fusion_arena_master(const struct fusion_arena *arena);

/**
 * Get this process' role at this moment.
 *
 * @param arena  the arena
 *
 * @return FUSION_ROLE_MASTER or FUSION_ROLE_SLAVE; FUSION_ROLE_ANY if this
 *         process is not in the arena, for example in the child of a fork
 *
 * A slave that is promoted (FUSION_MASTER_DEATH_PROMOTE) becomes the master,
 * and stays it.
 *
 * Any thread, also in the callbacks of entering and exiting.  Does not wait for
 * other processes.
 */
FUSION_API enum fusion_role fusion_arena_role(const struct fusion_arena *arena);

/**
 * Get the arena's name.
 *
 * @param arena  the arena
 *
 * @return the name, valid until fusion_arena_exit(); "" if this process is not
 *         in the arena
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API const char *fusion_arena_name(const struct fusion_arena *arena);

/**
 * Get the arena's address range.
 *
 * @param arena     the arena
 * @param ret_base  receives the first address, or NULL
 * @param ret_span  receives the length in bytes, or NULL
 *
 * Both are 0 if this process is not in the arena.
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API void fusion_arena_range(const struct fusion_arena *arena,
				   void **ret_base, uint64_t *ret_span);

/**
 * Test whether a pointer points into the arena.
 *
 * @param arena  the arena
 * @param ptr    any pointer; it is not followed
 *
 * @return true if it does; false for NULL
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API bool fusion_arena_is_shared(const struct fusion_arena *arena,
				       const void *ptr);

/**
 * Find the arena that a pointer points into.
 *
 * @param ptr  any pointer; it is not followed
 *
 * @return the arena, if this process is in it; else NULL
 *
 * Any thread.  Does not block.
 */
FUSION_API struct fusion_arena *fusion_arena_of(const void *ptr);

/**
 * Set the arena's root: one shared pointer without a name.
 *
 * @param arena  the arena
 * @param ptr    a pointer into the arena, or NULL
 *
 * @return
 *   0        set
 *   -EINVAL  @ptr does not point into the arena, or this process is not in it
 *
 * A release store: a thread that gets the root sees all that the caller wrote
 * before.
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API int fusion_arena_set_root(struct fusion_arena *arena, void *ptr);
/**
 * Get the arena's root.
 *
 * @param arena  the arena
 *
 * @return the pointer of the last fusion_arena_set_root(); NULL if there was
 *         none, or this process is not in the arena
 *
 * An acquire load, the partner of the store in fusion_arena_set_root().
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API void *fusion_arena_root(const struct fusion_arena *arena);

/** A member, for fusion_members_list().  Grows at its end. */
struct fusion_member {
	fusion_id_t id;
	pid_t pid;
	uid_t uid;
	uint32_t role;	   /**< enum fusion_role, at this moment */
	char comm[16];	   /**< the name of its command */
	int64_t joined_ns; /**< when it entered, CLOCK_REALTIME */
};

/**
 * List the members, oldest first.
 *
 * @param arena         the arena
 * @param members       receives the @n oldest members; may be NULL if @n is 0
 * @param element_size  sizeof(struct fusion_member): the bytes of one element
 *                      of @members.  An element gets the fields that it has
 *                      room for, and zeros for those that this library does not
 *                      know
 * @param n             room in @members, in elements
 * @param ret_total     receives the number of all members, this process
 *                      included, or NULL.  If it is more than @n, @n elements
 *                      are filled, else as many as there are members
 *
 * @return
 *   0        listed
 *   -EINVAL  this process is not in the arena; or @members is NULL or
 *            @element_size is 0, and @n is not 0
 *   -ECHILD  this process is the child of a fork
 *   -ENOMEM  memory is used up
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API int fusion_members_list(struct fusion_arena *arena,
				   struct fusion_member *members,
				   size_t element_size, size_t n,
				   size_t *ret_total);

/**
 * Wait until a member, or every other member, has left.
 *
 * @param arena       the arena
 * @param id          a member's id, or FUSION_ALL for all but this process
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return
 *   0           none of them is a member, and all that the dead ones held is
 *               recovered
 *   -ETIMEDOUT  at least one is still a member
 *   -EINTR      at least one is still a member, and a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -ESRCH      @id is FUSION_NONE
 *   -EDEADLK    @id is this process
 *   -EINVAL     this process is not in the arena, or @timeout_ns or @flags is
 *               not valid
 *   -ECHILD     this process is the child of a fork
 *
 * Any thread.  Blocks.  Notices deaths also while the daemon is gone.
 */
FUSION_API int fusion_members_wait(struct fusion_arena *arena, fusion_id_t id,
				   int64_t timeout_ns, uint32_t flags);

/**
 * Send a signal to a member, or to every other member, and wait for its end.
 *
 * @param arena       the arena
 * @param id          a member's id, or FUSION_ALL for all but this process.
 *                    Members that join during the call are not signalled
 * @param signal      the signal, as for kill(2); 0 sends none and only waits
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return
 *   0           sent, and the members have left if a wait was asked for
 *   -ESRCH      no member has that id
 *   -EPERM      this process may not signal one of them
 *   -ETIMEDOUT  sent, but at least one is still a member
 *   -EINTR      sent, but at least one is still a member, and a signal handler
 *               has run (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL     no such signal, this process is not in the arena, or
 *               @timeout_ns or @flags is not valid
 *   -EMFILE     this process or the daemon has no descriptor left
 *   -ENFILE     this machine has no descriptor left
 *   -ECHILD     this process is the child of a fork
 *   -EDEADLK    @id is this process
 *
 * The signal reaches only the process that joined.  It never reaches a process
 * that got the pid later, that has called execve(2) since it entered, or that
 * does not map the arena.  The daemon signals members in another pid namespace
 * and members of other users.  It does so for root, for the owner of the arena,
 * and for processes of the member's user.
 *
 * Any thread.  Blocks.
 */
FUSION_API int fusion_members_kill(struct fusion_arena *arena, fusion_id_t id,
				   int signal, int64_t timeout_ns,
				   uint32_t flags);

/** What a leave notice reports about the member that it names. */
enum fusion_notice {
	FUSION_NOTICE_LEFT = 1,	       /**< it exited the arena */
	FUSION_NOTICE_DIED = 2,	       /**< it was killed or crashed */
	FUSION_NOTICE_MASTER_LOST = 3, /**< it was master and has gone */
	FUSION_NOTICE_PROMOTED = 4,    /**< it has become master */
};

/**
 * A function that receives leave notices.
 *
 * @param arena   the arena
 * @param notice  what happened
 * @param id      the member that it happened to
 * @param ctx     as given to fusion_arena_on_leave()
 *
 * Runs as a handler (fusion/dispatch.h), one notice at a time.  May use the
 * arena, subscribe, and cancel slots; fusion_arena_exit() returns -EDEADLK
 * there.  May leave without returning: see fusion/types.h.
 */
typedef void (*fusion_leave_fn)(struct fusion_arena *arena,
				enum fusion_notice notice, fusion_id_t id,
				void *ctx);

/**
 * Subscribe a function to the leave notices.
 *
 * @param arena    the arena
 * @param fn       runs for each member that leaves, and when the master
 *                 changes, from now on
 * @param ctx      argument of @fn and @destroy
 * @param destroy  runs when @fn has run for the last time; NULL: nothing runs
 * @param ret      receives the slot, for fusion_slot_cancel(); NULL: the
 *                 subscription lasts until this process exits the arena
 *
 * @return
 *   0        subscribed
 *   -ENOMEM  memory is used up, or the system starts no thread
 *   -ENOSPC  the arena has no room for this member's queue
 *   -EINVAL  this process is not in the arena, or @fn is NULL
 *   -ECHILD  this process is the child of a fork
 *
 * Any number of functions can be subscribed.  Each one gets each notice, in the
 * order of the subscriptions.  If one of them leaves without returning, those
 * after it do not get that notice.  If the call fails, @destroy does not run.
 * The child of a fork has none of its parent's subscriptions.
 *
 * Any thread, also a handler.  Does not wait for functions that run.  Starts
 * the dispatcher if it does not run.
 */
FUSION_API int fusion_arena_on_leave(struct fusion_arena *arena,
				     fusion_leave_fn fn, void *ctx,
				     fusion_destroy_fn destroy,
				     struct fusion_slot **ret);

/**
 * A function that receives the library's messages.
 *
 * @param level    as for syslog(3): LOG_ERR, LOG_WARNING, LOG_INFO or LOG_DEBUG
 * @param message  one line without a newline, valid until the function returns
 * @param ctx      as given to fusion_set_log()
 *
 * Runs on the thread that caused the message.  Must return, and should not call
 * the library: the library may hold locks when it calls this function.
 */
typedef void (*fusion_log_fn)(int level, const char *message, void *ctx);
/**
 * Set the function that receives the library's messages.
 *
 * @param fn   the function; NULL, the default, discards messages
 * @param ctx  argument of @fn
 *
 * A call that fails writes the line that fusion_strerror() returns.  Its level
 * depends on the error:
 *
 *   LOG_INFO   -EAGAIN, -EBUSY, -EEXIST, -EINTR, -ENOENT and -ETIMEDOUT, which
 *              programs often expect
 *   LOG_DEBUG  errors that are explained on request only, for example of locks
 *   LOG_ERR    all others
 *
 * The environment variable FUSION_LOG=stderr or FUSION_LOG=stderr:LEVEL also
 * sends lines of that level, and of graver ones, to the standard error.  LEVEL
 * is error, warning, info or debug; without it, info.
 *
 * The function is that of the whole process.  Call this before other threads
 * use the library.  Does not block.
 */
FUSION_API void fusion_set_log(fusion_log_fn fn, void *ctx);

FUSION_END_DECLS

#endif
