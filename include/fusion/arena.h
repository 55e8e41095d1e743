/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Arenas: entering, leaving, fields, and the other members.
 *
 * An arena is a directory below a mounted fusionfs and a heap that lies at the
 * same address in every process that has entered it.  The first process in is
 * the master and initialises the arena; later ones are slaves and join it.
 */
#ifndef FUSION_ARENA_H
#define FUSION_ARENA_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

/** A process' handle of an arena it is in.  Not shared between processes. */
struct fusion_arena;

/** Parts to play; for fusion_arena_options.role and fusion_arena_role(). */
enum fusion_role {
	FUSION_ROLE_ANY = 0, /**< master if first, else slave */
	FUSION_ROLE_MASTER = 1,
	FUSION_ROLE_SLAVE = 2,
};

/** What becomes of an arena whose master dies; see fusion_arena_options. */
enum fusion_master_death {
	FUSION_MASTER_DEATH_NOTIFY = 0,	 /**< slaves are told and go on */
	FUSION_MASTER_DEATH_KILL = 1,	 /**< slaves are killed with SIGKILL */
	FUSION_MASTER_DEATH_PROMOTE = 2, /**< the oldest slave is master now */
};

/** fusion_arena_options.flags: fail with -EAGAIN rather than wait for other
 *  members.  A daemon or member that is stopped in the middle of something is
 *  waited for, but no longer than two seconds, or timeout_ns. */
#define FUSION_ENTER_NOWAIT 0x1u
/** After fork() the child enters too, as a new member (a slave), and has the
 *  local counts of references (fusion/ref.h) and the reactions
 *  (fusion/reactor.h) that its parent had. */
#define FUSION_ENTER_FORK 0x2u
/** Fail with -ENOENT rather than make an arena that is not there. */
#define FUSION_ENTER_EXISTING 0x4u

/**
 * A callback of entering and leaving.
 *
 * @return 0, or a negative errno, which undoes the step and is returned
 *
 * Runs on the thread that called fusion_arena_enter() or fusion_arena_exit().
 * May use everything of the arena but enter or exit it.
 * May not return: see fusion/types.h.
 */
typedef int (*fusion_arena_fn)(struct fusion_arena *arena, void *ctx);

/** How to enter.  Zero everything, then set `size` and what you want. */
struct fusion_arena_options {
	size_t size;	    /**< sizeof(struct fusion_arena_options) */
	uint32_t role;	    /**< enum fusion_role */
	uint32_t flags;	    /**< FUSION_ENTER_... */
	int64_t timeout_ns; /**< longest wait for others, the daemon among
				 them; 0 means for ever.  The time that
				 callbacks take does not count */
	uint32_t mode;	    /**< of an arena that is made; 0: 0777 less umask */
	uint32_t on_master_death; /**< enum fusion_master_death, by the creator
				   */
	uint64_t span;	/**< address space of an arena that is made, in bytes,
			     a power of two from 16 MiB to 64 GiB; 0: default */
	uint64_t limit; /**< most memory it may take, bytes; 0: default; less
			     than it can live with is refused */
	fusion_arena_fn initialize; /**< run by the first one in; may be NULL */
	fusion_arena_fn join;	    /**< run by every other; may be NULL */
	void *ctx;		    /**< handed to both */
};

/**
 * Enter an arena, making it when it is not there.
 *
 * @param name     a name below the mounted fusionfs ($FUSION_MOUNT, else
 *                 /run/fusion, else $XDG_RUNTIME_DIR/fusion), or with a '/' in
 *                 it the path of the arena's directory
 * @param options  how, or NULL for all defaults
 * @param ret      the arena; give it back with fusion_arena_exit()
 *
 * @return 1 this process made the arena's content (it is master and its
 *         initialize() has run), 0 it joined; or
 *         -ENODEV no fusionfs is mounted there (mount -t fuse fusionfs DIR),
 *         -ENOTCONN its daemon is gone (mount it again),
 *         -EACCES the directory's mode does not allow it (r, w and x needed),
 *         -EEXIST role is master and there is one, -EAGAIN it would wait and
 *         FUSION_ENTER_NOWAIT is set, -ETIMEDOUT, -EINTR a signal came while
 *         waiting (this process is not in; while fusionfs itself is stopped,
 *         only with a time-out), -ENOENT with
 *         FUSION_ENTER_EXISTING, -EINVAL or -ENAMETOOLONG bad name or option,
 *         -EPROTO library and daemon or arena are of different formats,
 *         -EADDRINUSE something else lies at the arena's address (an arena
 *         that this process creates is placed where there is room: then no
 *         free range is long enough),
 *         -EREMOTE the daemon runs in a pid namespace that this process is
 *         not in, so it could not see this process die (fusionfs(8)),
 *         -ENOSPC the arena has no free member slot, -ENOMEM, -EMFILE (this
 *         process or the daemon is out of descriptors), -EDQUOT the user or
 *         the arena's owner has as much as fusionfs allows one user,
 *         -EOVERFLOW four billion members have joined since the arena was last
 *         empty, and no id comes back: it can be entered again when all have
 *         left,
 *         -ENOTSUP this process is in it already in another role than asked,
 *         -EDEADLK called by a callback of entering or leaving it,
 *         -EIO the arena is corrupt, or what a callback returned.
 *
 * Entering again in the same process counts: the same handle comes back, no
 * callback runs and as many exits are needed.
 *
 * Any thread.  Blocks while another process initialises or shuts down, a slave
 * until there is a master, and while the daemon, or a member that is entering
 * or leaving, is stopped.  Without a time-out it waits as long as that lasts
 * and never says -ETIMEDOUT.  With one, or FUSION_ENTER_NOWAIT, steps that
 * could hang are made by a thread of the library's.  A step that does hang is
 * left to that thread, which gives back what it gets as soon as it can go on;
 * until then another enter of the same arena waits for that.  No lock of ours
 * is held meanwhile.
 */
FUSION_API int fusion_arena_enter(const char *name,
				  const struct fusion_arena_options *options,
				  struct fusion_arena **ret);

/**
 * Leave an arena.  The handle and all pointers into the arena end with it.
 *
 * @param shutdown  run when this is the last process, may be NULL; afterwards
 *                  the arena's content is thrown away
 * @param leave     run when it is not, may be NULL
 * @param ctx       handed to either
 *
 * @return 0; or what a callback returned: then nothing has happened, and the
 *         process is still in
 *
 * A master leaves like any member: the others go on without one, and are told
 * so (FUSION_NOTICE_MASTER_LOST).  A master that does not want to leave its
 * slaves behind gives a @leave that returns an error, say -EBUSY, and tries
 * again after fusion_members_wait() or fusion_members_kill().
 *
 * No other thread may use the arena while this runs.  Blocks while others are
 * leaving.  Works without the daemon.  -EINVAL for a handle that was left
 * already, or is dead in the child of a fork, and for any other pointer, at
 * which nothing is read; -EDEADLK in a callback of entering or leaving, and in
 * a handler.
 */
FUSION_API int fusion_arena_exit(struct fusion_arena *arena,
				 fusion_arena_fn shutdown,
				 fusion_arena_fn leave, void *ctx);

/** This process' member id in the arena, 0 in the child of a fork that is not
 *  in it.  Any thread; does not block. */
FUSION_API fusion_id_t fusion_arena_id(const struct fusion_arena *arena);

/** The master's id, 0 when there is none.  Any thread; does not block. */
FUSION_API fusion_id_t fusion_arena_master(const struct fusion_arena *arena);

/** The arena's name.  Valid as long as the handle. */
FUSION_API const char *fusion_arena_name(const struct fusion_arena *arena);

/** Where the arena lies and how long it is, in bytes.  Either may be NULL. */
FUSION_API void fusion_arena_range(const struct fusion_arena *arena,
				   void **ret_base, uint64_t *ret_span);

/** Does @ptr point into the arena?  NULL does not.  Any thread. */
FUSION_API bool fusion_arena_is_shared(const struct fusion_arena *arena,
				       const void *ptr);

/** The arena of this process in which @ptr lies, or NULL.  Any thread. */
FUSION_API struct fusion_arena *fusion_arena_of(const void *ptr);

/**
 * Set and get the arena's root: one shared pointer without a name.
 * @return set: 0, or -EINVAL if @ptr is neither NULL nor in the arena
 * A release store and an acquire load: what was written before the set is seen
 * after the get.  Any thread; do not block.
 */
FUSION_API int fusion_arena_set_root(struct fusion_arena *arena, void *ptr);
FUSION_API void *fusion_arena_root(const struct fusion_arena *arena);

/**
 * Publish a shared pointer under a name.  It shows as fields/NAME in the tree.
 *
 * @param name  1..63 bytes, no '/', no control characters, not starting with
 *              '.' or '#'
 * @param ptr   a pointer into the arena; stays the caller's
 * @param size  bytes at it, or 0 if you do not say
 * @param type  a word for readers, at most 39 bytes, or NULL
 *
 * @return 0; -EEXIST the name is taken; -EINVAL bad name or @ptr not in the
 *         arena; -ENAMETOOLONG; -ENOSPC no free entry; -ENOMEM
 *
 * Atomic against death: the field is there whole or not at all.  Release: who
 * gets the field sees what was written to it before.  Any thread; blocks for
 * a short lock that the death of its owner frees.
 */
FUSION_API int fusion_arena_add_field(struct fusion_arena *arena,
				      const char *name, void *ptr, size_t size,
				      const char *type);

/**
 * Look a field up.
 * @param ret_size  its size as added, may be NULL
 * @return 0, -ENOENT, -EINVAL
 */
FUSION_API int fusion_arena_get_field(struct fusion_arena *arena,
				      const char *name, void **ret_ptr,
				      size_t *ret_size);

/** Take a field's name away; the memory stays.  0, -ENOENT, -EINVAL. */
FUSION_API int fusion_arena_remove_field(struct fusion_arena *arena,
					 const char *name);

/**
 * Wait until the field is there, then get it.
 * @param timeout_ns  0 does not wait, FUSION_FOREVER waits for ever
 * @return 0, -ETIMEDOUT, -EINTR a signal came, -EINVAL
 */
FUSION_API int fusion_arena_wait_field(struct fusion_arena *arena,
				       const char *name, int64_t timeout_ns,
				       void **ret_ptr, size_t *ret_size);

/** A member as fusion_members_list() shows it. */
struct fusion_member {
	fusion_id_t id;
	pid_t pid;
	uid_t uid;
	uint32_t role;	   /**< enum fusion_role, as it is now */
	char comm[16];	   /**< its command name */
	int64_t joined_ns; /**< CLOCK_REALTIME */
};

/**
 * List the members, this process included, oldest first.
 * @param members  room for @n, may be NULL if @n is 0
 * @return how many there are (may be more than @n: only @n are written)
 */
FUSION_API int fusion_members_list(struct fusion_arena *arena,
				   struct fusion_member *members, size_t n);

/**
 * Wait until a member, or all others, are no longer inside, and what the dead
 * among them held is recovered.
 * @param id  a member's id, or FUSION_ALL for all but this process
 * @return 0 (also if it is not inside), -ETIMEDOUT, -EINTR, -EDEADLK own id
 * Any thread.  Notices deaths also while the daemon is gone.
 */
FUSION_API int fusion_members_wait(struct fusion_arena *arena, fusion_id_t id,
				   int64_t timeout_ns);

/**
 * Send a signal to a member, or to all others, and wait until they are out.
 * Who joins meanwhile is not meant.
 * @param signal      as for kill(2); 0 only waits
 * @param timeout_ns  0 does not wait, FUSION_FOREVER waits for ever
 * @return 0, -ESRCH no such member, -EPERM one may not be signalled,
 *         -ETIMEDOUT, -EINTR, -EINVAL bad signal, -EDEADLK own id
 * The process meant is the one that joined: the signal never reaches a process
 * that got the same pid later, that has called exec since it entered, or that
 * does not map the arena.  What this process cannot reach itself, as it is in
 * another pid namespace or another user's, the daemon signals for root, for the
 * owner of the arena, and for processes of the same user.
 */
FUSION_API int fusion_members_kill(struct fusion_arena *arena, fusion_id_t id,
				   int signal, int64_t timeout_ns);

/** Why a leave notice came. */
enum fusion_notice {
	FUSION_NOTICE_LEFT = 1,	       /**< it left by itself */
	FUSION_NOTICE_DIED = 2,	       /**< it was killed or crashed */
	FUSION_NOTICE_MASTER_LOST = 3, /**< it was master and nobody is now */
	FUSION_NOTICE_PROMOTED = 4,    /**< it is master now */
};

/**
 * Called once for each member that goes, and for changes of the master.
 * A handler like others (fusion/dispatch.h): on the dispatcher's thread or in
 * fusion_dispatch(), one call at a time.  May use the arena, and ask for other
 * notices or none; exiting it gives -EDEADLK.
 * May not return: see fusion/types.h.
 */
typedef void (*fusion_leave_fn)(struct fusion_arena *arena,
				enum fusion_notice notice, fusion_id_t id,
				void *ctx);

/**
 * Ask for notices about members that leave, or with NULL stop asking.
 * @return 0, -ENOMEM, -EAGAIN no thread could be started, -ENOSPC as
 *         fusion_message_handle()
 * When it returns, the function before runs no more and never will.  Only a
 * handler cannot wait: if that function is running, this call of it still ends.
 */
FUSION_API int fusion_arena_on_leave(struct fusion_arena *arena,
				     fusion_leave_fn fn, void *ctx);

/**
 * Where the library's messages go; NULL (the default) is nowhere.
 * @param level  as syslog(3): LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG
 * Process-wide; set it before other calls.  The function returns: it is called
 * in the middle of things.
 *
 * A call that fails and has something to explain writes one line, that of
 * fusion_strerror(): at LOG_INFO if programs often ask only to see whether it
 * is so (-EAGAIN, -EBUSY, -EEXIST, -EINTR, -ENOENT, -ETIMEDOUT), else at
 * LOG_ERR.  Failures of locks and the like are at LOG_DEBUG.
 *
 * With FUSION_LOG=stderr or FUSION_LOG=stderr:LEVEL in the environment (error,
 * warning, info or debug; info if it is not given) lines of that level and of
 * graver ones go to the standard error, too.
 */
typedef void (*fusion_log_fn)(int level, const char *message, void *ctx);
FUSION_API void fusion_set_log(fusion_log_fn fn, void *ctx);

FUSION_END_DECLS

#endif
