/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Properties: use something exclusively, for a moment or for long.
 *
 * A thread leases a property for a short use, or purchases it for a long one,
 * and cedes it afterwards.  The owner may lease or purchase it again, and then
 * cedes it as often.
 *
 * A thread that wants a leased property waits until it is ceded.  A thread that
 * wants a purchased property waits for the property's window only.  If the
 * purchase is older than the window already, the thread gets -EBUSY at once.
 *
 * If the owner dies, ends or leaves the arena, the property is available again
 * and all threads that wait for it wake.
 *
 *                         lease             purchase          cede
 *   available             becomes owner     becomes owner     -EPERM
 *   leased by caller      one level more    -EDEADLK          one level less
 *   purchased by caller   -EDEADLK          one level more    one level less
 *   leased by another     waits             waits             -EPERM
 *   purchased by another  waits its window, then -EBUSY       -EPERM
 *
 * The handle is a pointer that is valid in every member and may be stored in
 * shared data.  Any thread may use it, but not a signal handler.  The owner is
 * a thread, and the thread that leased or purchased must cede.
 *
 * In the mounted tree a property is the file properties/NAME.  flock(1) leases
 * it.
 */
#ifndef FUSION_PROPERTY_H
#define FUSION_PROPERTY_H

#include <fusion/arena.h>

FUSION_BEGIN_DECLS

/** Something to be used exclusively; see fusion_property_create(). */
struct fusion_property;

/** Most properties a thread can own or wait for at once. */
#define FUSION_PROPERTIES_OWNED 24

/** How to create a property; begin with FUSION_PROPERTY_OPTIONS_INIT. */
struct fusion_property_options {
	size_t size; /**< sizeof(struct fusion_property_options) */
	/** The window of a lease, in nanoseconds; 0: 100 ms; FUSION_FOREVER: no
	 *  limit.  A lease waits for another thread's purchase for this long at
	 *  most.  It does not wait for a purchase that is older than this. */
	int64_t lease_window_ns;
	/** The window of a purchase, which waits likewise; 0: 1 s;
	 *  FUSION_FOREVER: no limit. */
	int64_t purchase_window_ns;
};

/** All defaults, for C and C++. */
#define FUSION_PROPERTY_OPTIONS_INIT                         \
	{                                                    \
		sizeof(struct fusion_property_options), 0, 0 \
	}

/** The status in struct fusion_property_stat.  Unknown values will come. */
enum fusion_property_status {
	FUSION_PROPERTY_AVAILABLE = 0,
	FUSION_PROPERTY_LEASED = 1,
	FUSION_PROPERTY_PURCHASED = 2,
};

/** The state of a property at one moment. */
struct fusion_property_stat {
	fusion_id_t id; /**< fusion_property_id() */
	enum fusion_property_status status;
	fusion_id_t owner;   /**< member; 0 if available, or owned by a shell */
	uint32_t levels;     /**< how often the owner has to cede */
	int64_t age_ns;	     /**< since it was leased or purchased, or 0 */
	bool mine;	     /**< the calling thread is the owner */
	uint8_t reserved[7]; /**< 0 */
};

/**
 * Create a property, which is available.
 *
 * @param arena    the arena to create it in
 * @param name     unique among the arena's properties: 1 to 63 bytes without
 *                 '/' and control characters, not beginning with '.' or '#'.
 *                 NULL creates a property that is called "#<id>"
 * @param options  the windows, or NULL for all defaults
 * @param ret      receives the handle.  The property lives until
 *                 fusion_property_destroy() or the arena's end; the death of
 *                 its creator does not end it
 *
 * @return
 *   0              created
 *   -EINVAL        @name or @options is not valid, or @ret is NULL
 *   -E2BIG         @options asks for what this library does not know
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EEXIST        another property has that name
 *   -ENOSPC        the arena has no room for another property
 *   -ENOMEM        the arena has no memory left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_property_create(struct fusion_arena *arena, const char *name,
		       const struct fusion_property_options *options,
		       struct fusion_property **ret);

/**
 * Find the property of that name, or create it.
 *
 * @param arena    the arena to search
 * @param name     the name, as for fusion_property_create(), but not NULL
 * @param options  the windows of a new property, or NULL for all defaults.  A
 *                 property that exists stays as it is
 * @param ret      receives the handle
 *
 * @return 0 if it is found or created, or an error of
 *         fusion_property_create(), but never -EEXIST
 *
 * All threads that open one name get the same property, also if they open it at
 * the same time.  If another thread destroys the property meanwhile, its handle
 * may be destroyed on return.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_property_open(struct fusion_arena *arena, const char *name,
		     const struct fusion_property_options *options,
		     struct fusion_property **ret);

/**
 * Find a property by its name.
 *
 * @param arena  the arena to search
 * @param name   the name, or "#<id>" for a property without one
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        no property has that name
 *   -EINVAL        no property can have that name, or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_property_lookup(struct fusion_arena *arena,
				      const char *name,
				      struct fusion_property **ret);

/**
 * Find a property by its id.
 *
 * @param arena  the arena to search
 * @param id     the id, as fusion_property_id() returns it
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  no property has that id, because it was destroyed
 *   -EINVAL  @id is 0, or @arena or @ret is NULL
 *
 * Takes constant time on average for a property without a name; for one with a
 * name, time in proportion to the number of properties.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_property_get(struct fusion_arena *arena, fusion_id_t id,
				   struct fusion_property **ret);

/**
 * Get the id of a property.
 *
 * @param property  the handle
 *
 * @return the id, which the arena gives to nothing else; 0: the property is
 *         destroyed, or its arena is not one that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t
fusion_property_id(const struct fusion_property *property);

/**
 * Destroy a property, even if a thread owns it.
 *
 * @param property  the property; its handle must not be used afterwards.  NULL
 *                  does nothing
 *
 * @return
 *   0        destroyed
 *   -EIDRM   the property was destroyed before
 *   -EINVAL  @property is not a property
 *
 * Threads that wait for the property get -EIDRM.  A thread that uses the handle
 * later gets -EIDRM too (fusion/types.h says for how long).  So make sure that
 * no member keeps the handle.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_property_destroy(struct fusion_property *property);

/**
 * Lease the property, waiting until it is ceded.
 *
 * @param property  the property
 *
 * @return
 *   0           the caller owns it, or owns it for one more level
 *   -EBUSY      another thread has purchased it, and keeps it for longer than
 *               the lease window
 *   -EDEADLK    the caller has purchased it
 *   -EIDRM      the property is destroyed
 *   -ENOLCK     the thread owns FUSION_PROPERTIES_OWNED already
 *   -EOVERFLOW  the caller owns it 2^31 - 1 times
 *   -EINVAL     no property of an arena that this process is in
 *
 * Any thread.  Blocks.  Signals do not end the wait: for that call
 * fusion_property_lease_timed() with FUSION_FOREVER and
 * FUSION_WAIT_INTERRUPTIBLE.  The owner's death ends the wait, also while the
 * daemon is gone.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_property_lease(struct fusion_property *property);

/**
 * Lease the property, waiting for a limited time.
 *
 * @param property    the property
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit.  The window may end the wait
 *                    earlier, with -EBUSY
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return what fusion_property_lease() returns, or
 *   -ETIMEDOUT  another thread still owns it
 *   -EINTR      another thread still owns it, and a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL     also: @timeout_ns or @flags is not valid
 *
 * Any thread.  Blocks like fusion_property_lease(), within the limit.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_property_lease_timed(struct fusion_property *property,
			    int64_t timeout_ns, uint32_t flags);

/**
 * Purchase the property, waiting until it is ceded.
 *
 * @param property  the property
 *
 * @return
 *   0           the caller owns it, or owns it for one more level
 *   -EBUSY      another thread has purchased it, and keeps it for longer than
 *               the purchase window
 *   -EDEADLK    the caller has leased it
 *   -EIDRM      the property is destroyed
 *   -ENOLCK     the thread owns FUSION_PROPERTIES_OWNED already
 *   -EOVERFLOW  the caller owns it 2^31 - 1 times
 *   -EINVAL     no property of an arena that this process is in
 *
 * Any thread.  Blocks like fusion_property_lease(); signals end only
 * fusion_property_purchase_timed().
 */
FUSION_API FUSION_MUST_CHECK int
fusion_property_purchase(struct fusion_property *property);

/**
 * Purchase the property, waiting for a limited time.
 *
 * @param property    the property
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit.  The window may end the wait
 *                    earlier, with -EBUSY
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return what fusion_property_purchase() returns, or
 *   -ETIMEDOUT  another thread still owns it
 *   -EINTR      another thread still owns it, and a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL     also: @timeout_ns or @flags is not valid
 *
 * Any thread.  Blocks like fusion_property_lease(), within the limit.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_property_purchase_timed(struct fusion_property *property,
			       int64_t timeout_ns, uint32_t flags);

/**
 * Cede the property for one level.
 *
 * @param property  the property
 *
 * @return
 *   0        one level less; after the last one the property is available, and
 *            all threads that wait for it wake
 *   -EPERM   the caller does not own it
 *   -EIDRM   the property is destroyed
 *   -EINVAL  no property of an arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_property_cede(struct fusion_property *property);

/**
 * Kill the process that has purchased the property, and wait for its end.
 *
 * @param property    the property; if it is only leased, nothing happens
 * @param timeout_ns  longest wait in nanoseconds for the end of that process; 0
 *                    kills and does not wait, FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return
 *   0           it was not purchased, or that purchase has ended; with
 *               @timeout_ns 0: SIGKILL is sent
 *   -EPERM      this process may not kill the purchaser
 *   -EDEADLK    a thread of this process has purchased it
 *   -ETIMEDOUT  killed, but its purchase has not ended yet
 *   -EINTR      the same, and a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -ESRCH      the purchaser cannot be reached
 *   -EMFILE     this process or the daemon has no descriptor left
 *   -ENFILE     this machine has no descriptor left
 *   -EIDRM      the property is destroyed
 *   -EINVAL     no property of an arena that this process is in, or
 *               @timeout_ns or @flags is not valid
 *
 * Root, the owner of the arena, and processes of the purchaser's user may call
 * this.  The daemon sends SIGKILL, with the rights of the user that entered the
 * arena as the purchaser.  So the owner of the arena can kill a process of
 * another user, if the daemon runs as root.  If the daemon is gone, the caller
 * itself sends the signal.  Then the kernel must allow it; the owner of the
 * arena has no right of its own.
 *
 * A shell that has purchased the property is killed like a member.  A process
 * that has called execve(2) since it purchased is never killed.
 *
 * Any thread.  Blocks.
 */
FUSION_API int fusion_property_hold_up(struct fusion_property *property,
				       int64_t timeout_ns, uint32_t flags);

/**
 * Get the state of a property.
 *
 * @param property  the property
 * @param ret       receives the state, which may have changed meanwhile
 * @param size      sizeof(struct fusion_property_stat)
 *
 * @return
 *   0        done
 *   -EIDRM   the property is destroyed
 *   -EINVAL  no property of an arena that this process is in, @ret is NULL, or
 *            @size is 0
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_property_stat(struct fusion_property *property,
				    struct fusion_property_stat *ret,
				    size_t size);

FUSION_END_DECLS

#endif
