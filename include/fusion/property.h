/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Properties: exclusive use of something, for a moment or for long.
 *
 * A thread leases a property for a short use or purchases it for a long one,
 * and cedes it when done; both are recursive.  Who wants a leased one waits
 * until it is ceded.  Who wants a purchased one waits only as long as the
 * property's window says, and is told -EBUSY at once when the purchase is
 * older than that.  A property whose owner dies, ends or leaves the arena is
 * available again, and all who wait for it are woken.
 *
 *                    lease            purchase          cede
 *   available        mine             mine              -EPERM
 *   leased by me     one level more   -EDEADLK          one level less
 *   purchased by me  -EDEADLK         one level more    one level less
 *   leased           waits            waits             -EPERM
 *   purchased        waits its window, then -EBUSY      -EPERM
 *
 * A handle is valid in every member and may be stored in shared data.  All
 * functions may be called by any thread of any member, but not by signal
 * handlers; it is the thread that owns, and that must cede.
 *
 * In the mounted tree a property is properties/NAME, and flock(1) leases it.
 */
#ifndef FUSION_PROPERTY_H
#define FUSION_PROPERTY_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** Exclusive use in an arena; see fusion_property_create(). */
struct fusion_property;

/** As many a thread can own and wait for at once. */
#define FUSION_PROPERTIES_OWNED 24

/** How to make one.  Zero everything, then set `size` and what you want. */
struct fusion_property_options {
	size_t size; /**< sizeof(struct fusion_property_options) */
	/** Longest that a lease waits for another's purchase, and age at which
	 *  a purchase is not waited for at all; 0: 100 ms. */
	int64_t lease_window_ns;
	/** The same for a purchase; 0: 1 s. */
	int64_t purchase_window_ns;
};

/** States, for struct fusion_property_state. */
enum fusion_property_status {
	FUSION_PROPERTY_AVAILABLE = 0,
	FUSION_PROPERTY_LEASED = 1,
	FUSION_PROPERTY_PURCHASED = 2,
};

/** What a property is at the moment. */
struct fusion_property_state {
	enum fusion_property_status status;
	fusion_id_t owner; /**< member, 0 if available or a shell's */
	uint32_t levels;   /**< of the owner */
	bool mine;	   /**< the calling thread owns it */
	int64_t age_ns;	   /**< since it was leased or purchased; else 0 */
};

/**
 * Make a property; it is available.
 *
 * @param name     unique among the arena's properties, 1 to 63 bytes, no '/',
 *                 no control characters, not beginning with '.' or '#'; or
 *                 NULL: it is then called "#<id>"
 * @param options  or NULL for all defaults
 * @param ret      the handle; it lives until fusion_property_destroy() or the
 *                 arena's end, whoever made it
 *
 * @return 0; -EINVAL name or options; -ENAMETOOLONG; -EEXIST; -ENOSPC the
 *         arena has as many as it can; -ENOMEM; -EMFILE too many threads
 */
FUSION_API int
fusion_property_create(struct fusion_arena *arena, const char *name,
		       const struct fusion_property_options *options,
		       struct fusion_property **ret);

/**
 * Find a property by its name, or by "#<id>".
 *
 * @return 0; -ENOENT; -EINVAL no such name is possible
 */
FUSION_API int fusion_property_lookup(struct fusion_arena *arena,
				      const char *name,
				      struct fusion_property **ret);

/**
 * Destroy a property, owned or not.  All who wait for it get -EIDRM, and so
 * does whoever uses the handle later, until its place is used for a new one:
 * make sure that nobody keeps it.
 *
 * @return 0; -EIDRM it is destroyed already; -EINVAL no property
 */
FUSION_API int fusion_property_destroy(struct fusion_property *property);

/**
 * Take it for a short use.  Signals do not end the wait.
 *
 * @return 0 it is the calling thread's, or one level deeper; or
 *         -EBUSY somebody has purchased it and keeps it longer than the window;
 *         -EDEADLK the caller has purchased it; -EIDRM destroyed; -EMFILE the
 *         thread owns FUSION_PROPERTIES_OWNED; -EOVERFLOW; -EINVAL no property
 *         of an arena that the process is in; -ENOMEM
 */
FUSION_API int fusion_property_lease(struct fusion_property *property);

/** The same, waiting at most @timeout_ns in all (FUSION_FOREVER: no limit;
 *  0: not at all); then -ETIMEDOUT. */
FUSION_API int fusion_property_lease_timed(struct fusion_property *property,
					   int64_t timeout_ns);

/** Take it for long.  As fusion_property_lease(), with the other window;
 *  -EDEADLK the caller has leased it. */
FUSION_API int fusion_property_purchase(struct fusion_property *property);

/** The same, waiting at most @timeout_ns in all; then -ETIMEDOUT. */
FUSION_API int fusion_property_purchase_timed(struct fusion_property *property,
					      int64_t timeout_ns);

/**
 * Give one level back; with the last one it is available, and all who wait are
 * woken.
 *
 * @return 0; -EPERM the calling thread does not own it; -EIDRM; -EINVAL
 */
FUSION_API int fusion_property_cede(struct fusion_property *property);

/**
 * Kill the process that has purchased it, with SIGKILL, and wait until it is
 * available.  Does nothing to a lease.
 *
 * Allowed to root, to the owner of the arena, and to processes of the
 * purchaser's user.  The daemon sends the signal, with the rights of the user
 * that the purchaser had when it entered: so an owner that is not root can kill
 * another user's process, if the daemon is root's.  Else, and without a daemon,
 * the kernel must allow the caller to send the signal, and the owner of the
 * arena has no right of its own.  A shell that has purchased the property is
 * killed as a member is.  A process that has called exec since is never killed.
 *
 * @param timeout_ns  longest wait for the purchaser's end; FUSION_FOREVER; or
 * 0: kill and do not wait
 *
 * @return 0 it was not purchased, or is not any more by whom it was; -EPERM;
 *         -EDEADLK a thread of the calling process has purchased it;
 * -ETIMEDOUT; -ESRCH the purchaser cannot be reached; -EIDRM; -EINVAL
 */
FUSION_API int fusion_property_hold_up(struct fusion_property *property,
				       int64_t timeout_ns);

/** What it is now; may have changed when this returns.  0, -EIDRM, -EINVAL. */
FUSION_API int fusion_property_state(struct fusion_property *property,
				     struct fusion_property_state *ret);

FUSION_END_DECLS

#endif
