/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Objects: share data that is destroyed when its last user has gone.
 *
 * A pool is a type of objects, and has a name.  An object is
 *
 *  - a record of the arena: its handle is a pointer that is valid in every
 *    member and may be stored in shared data (`struct fusion_object *`);
 *  - a block of the heap with the program's data (fusion_object_data()).
 *
 * An object has an id, a reference (fusion/ref.h), typed properties, owners, an
 * access list, and a reactor (fusion/reactor.h), which is created when a member
 * first attaches to it.
 *
 *   INIT --- fusion_object_activate() ---> ACTIVE --- count is 0 ---> DEINIT
 *     \--- count is 0, or fusion_object_destroy(): gone, no destructor
 *
 * One member has the duty of a pool: its dispatcher (fusion/dispatch.h) runs
 * the destructors of the pool's objects.  At first this is the member that
 * created the pool.  When that member leaves or dies, another one that has
 * opened the pool (fusion_object_pool_open()), or has registered for it
 * (fusion_object_pool_register()), takes the duty.  It destroys the objects
 * whose count fell to zero meanwhile.
 *
 * The destructor of each object begins exactly once.  If the member that runs a
 * destructor is killed, the next member with the duty frees the object and does
 * not run the destructor again.
 *
 * A member that still has the handle may reference the object again after its
 * count has fallen to zero, until the destructor is about to run.  Then the
 * object lives on, and no destructor runs.
 *
 * Local references end with their member, as in fusion/ref.h.  A member that is
 * killed while it creates an object leaves nothing behind.
 *
 * Any thread may call these functions, but not a signal handler.
 *
 * In the mounted tree a pool is the directory pools/NAME, with a file for each
 * object.
 */
#ifndef FUSION_OBJECT_H
#define FUSION_OBJECT_H

#include <stdbool.h>

#include <fusion/arena.h>
#include <fusion/reactor.h>

FUSION_BEGIN_DECLS

/** A pool of objects; see fusion_object_pool_create(). */
struct fusion_object_pool;
/** An object; see fusion_object_create(). */
struct fusion_object;

/** The state of an object, as drawn at the top of this file. */
enum fusion_object_state {
	FUSION_OBJECT_INIT = 0,
	FUSION_OBJECT_ACTIVE = 1,
	FUSION_OBJECT_DEINIT = 2,
};

/** Most bytes of data of an object: 1 GiB. */
#define FUSION_OBJECT_SIZE_MAX 0x40000000u
/** Most bytes of a property's key, without the NUL. */
#define FUSION_OBJECT_KEY_MAX 63
/** Most bytes of a string property, an access path and a description, without
 *  the NUL. */
#define FUSION_OBJECT_STRING_MAX 4095

/**
 * A destructor: gives back what the data of an object refers to.
 *
 * @param object  the object; it and its data are valid until the function
 *                returns, and are freed then
 * @param zombie  true: the object is still referenced, but its pool is being
 *                destroyed
 * @param ctx     as it was registered by this process
 *
 * May call fusion_object_destroy() for @object, after which it must not use the
 * object.
 *
 * Runs as a handler (fusion/dispatch.h) of the member that has the duty; with
 * @zombie, on the thread that destroys the pool.  May leave without returning:
 * see fusion/types.h.
 */
typedef void (*fusion_object_destructor_fn)(struct fusion_object *object,
					    bool zombie, void *ctx);
/**
 * A function that describes an object in one line, for pools/NAME/#ID.
 *
 * @param object  the object
 * @param text    receives the line, and is empty.  If nothing is written there,
 *                this function adds nothing
 * @param size    room in @text, the NUL included
 * @param ctx     as given to fusion_object_pool_on_describe()
 *
 * Runs inside fusion_object_activate() and fusion_object_describe().  May leave
 * without returning: see fusion/types.h.  The object then keeps the description
 * that it has.
 */
typedef void (*fusion_object_describe_fn)(struct fusion_object *object,
					  char *text, size_t size, void *ctx);
/**
 * A function for fusion_object_pool_enum().
 *
 * @param object  an object, referenced while the function runs
 * @param ctx     as given to fusion_object_pool_enum()
 *
 * @return true to go on with the next object, false to end
 *
 * Runs on the calling thread.  May leave without returning: see
 * fusion/types.h.
 */
typedef bool (*fusion_object_enum_fn)(struct fusion_object *object, void *ctx);

/* --- Pools ---------------------------------------------------------------- */

/** How to create a pool of objects; see fusion/types.h for options. */
struct fusion_object_pool_options {
	size_t size;	     /**< sizeof(struct fusion_object_pool_options) */
	size_t object_size;  /**< bytes of data of each object; 0: no data */
	size_t message_size; /**< usual bytes of a message of the objects'
			      *   reactors; 0: not known */
	fusion_object_destructor_fn destructor; /**< runs for each object; NULL:
						 *   objects are only freed */
	void *ctx; /**< argument of the destructor in this process */
};

/** All defaults of struct fusion_object_pool_options. */
#define FUSION_OBJECT_POOL_OPTIONS_INIT                                     \
	{                                                                   \
		sizeof(struct fusion_object_pool_options), 0, 0, NULL, NULL \
	}

/**
 * Create a pool and take its duty.
 *
 * @param arena    the arena to create it in
 * @param name     unique among the arena's pools of objects: 1 to 63 bytes
 *                 without '/' and control characters, not beginning with '.' or
 *                 '#'.  NULL creates a pool that is called "#<id>"
 * @param options  NULL for all defaults: objects without data that are only
 *                 freed
 * @param ret      receives the handle.  The pool lives until
 *                 fusion_object_pool_destroy() or the arena's end
 *
 * @return
 *   0              created
 *   -EINVAL        an argument is not valid
 *   -E2BIG         @options says something that this library does not know
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EEXIST        another pool has that name
 *   -ENOSPC        the arena has no room for another pool, or for this member's
 *                  queue
 *   -ENOMEM        memory is used up, or the system starts no thread
 *
 * Any thread.  Takes a short lock.  Starts the dispatcher if it does not run.
 */
FUSION_API int
fusion_object_pool_create(struct fusion_arena *arena, const char *name,
			  const struct fusion_object_pool_options *options,
			  struct fusion_object_pool **ret);

/**
 * Find a pool by its name, or create it if there is none; in both cases
 * register this process for its duty.
 *
 * @param arena    the arena
 * @param name     as for fusion_object_pool_create(), but not NULL; or "#<id>"
 *                 to find a pool without a name
 * @param options  NULL for all defaults.  The sizes must be those of the pool;
 *                 the destructor and its argument are this process' own
 * @param ret      receives the handle
 *
 * @return
 *   0            found or created, and registered
 *   -EPROTOTYPE  the objects or the messages of the pool have another size
 *   -EIDRM       the pool is being destroyed
 *   other        an error of fusion_object_pool_create(), but not -EEXIST
 *
 * Members that open one name at the same time get the same pool.  One of them
 * takes the duty, and the others may take it later: see
 * fusion_object_pool_register().  A caller that is killed may leave a new pool
 * whose duty nobody has; the next member that opens the pool takes it.
 *
 * Any thread.  Takes a short lock.  Starts the dispatcher if it does not run.
 */
FUSION_API int
fusion_object_pool_open(struct fusion_arena *arena, const char *name,
			const struct fusion_object_pool_options *options,
			struct fusion_object_pool **ret);

/**
 * Find a pool by its name.
 *
 * @param arena  the arena to search
 * @param name   the name, or "#<id>" for a pool without one
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        no pool has that name
 *   -EINVAL        no pool can have that name, or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_pool_lookup(struct fusion_arena *arena,
					 const char *name,
					 struct fusion_object_pool **ret);

/**
 * Find a pool by its id.
 *
 * @param arena  the arena to search
 * @param id     the id, from fusion_object_pool_id()
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  no pool has that id
 *   -EINVAL  @id is 0, or @ret is NULL
 *
 * Takes constant time on average for a pool without a name; for one with a
 * name, time in proportion to the number of pools.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_pool_get(struct fusion_arena *arena,
				      fusion_id_t id,
				      struct fusion_object_pool **ret);

/**
 * Get the id of a pool, which no other thing of the arena ever has.
 *
 * @param pool  the pool
 *
 * @return the id; 0 if the pool is destroyed, or @pool is not a pool
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t
fusion_object_pool_id(const struct fusion_object_pool *pool);

/**
 * Register this process as willing to take the duty of a pool.
 *
 * @param pool        the pool
 * @param destructor  runs for each object; NULL: objects are only freed
 * @param ctx         argument of the destructor
 *
 * @return
 *   0        registered
 *   -EINVAL  no pool of an arena that this process is in
 *   -EIDRM   the pool is destroyed
 *   -ENOMEM  memory is used up
 *   other    an error of fusion_message_handle()
 *
 * If no member has the duty, this member takes it now; else it may take it when
 * the other member is gone.  A second registration replaces the first.
 *
 * Any thread.  Takes a short lock.  Starts the dispatcher if it does not run.
 */
FUSION_API int
fusion_object_pool_register(struct fusion_object_pool *pool,
			    fusion_object_destructor_fn destructor, void *ctx);
/**
 * Withdraw the registration of this process for a pool.
 *
 * @param pool  the pool
 *
 * @return
 *   0        withdrawn
 *   -EPERM   this process has not registered for the pool
 *   -EINVAL  no pool of an arena that this process is in
 *   -EIDRM   the pool is destroyed
 *
 * If this member has the duty, another registered member takes it.  If there is
 * none, objects whose count falls to zero wait for one.
 *
 * Any thread.  Waits for destructors: when it returns, no destructor of the
 * pool runs in this process, unless the caller is one.
 */
FUSION_API int fusion_object_pool_unregister(struct fusion_object_pool *pool);

/**
 * Subscribe a function that describes the objects of a pool in this process.
 *
 * @param pool     the pool
 * @param fn       runs when this process activates or describes an object of
 *                 the pool
 * @param ctx      argument of @fn and @destroy
 * @param destroy  runs when @fn has run for the last time; NULL: nothing runs
 * @param ret      receives the slot, for fusion_slot_cancel(); or NULL
 *
 * @return
 *   0        subscribed
 *   -EINVAL  no pool of an arena that this process is in, or @fn is NULL
 *   -EIDRM   the pool is destroyed
 *   -ENOMEM  memory is used up
 *
 * Any number of functions can be subscribed.  The description has what each of
 * them writes, in the order of their subscriptions, with "; " between two.  A
 * function whose text has no room any more does not run.
 *
 * The process need not be registered for the pool.  A subscription lasts until
 * it is cancelled, also when the pool is destroyed, and until this process
 * exits the arena.  If the call fails, @destroy does not run.
 *
 * Any thread.  Does not wait for other processes.
 */
FUSION_API int fusion_object_pool_on_describe(struct fusion_object_pool *pool,
					      fusion_object_describe_fn fn,
					      void *ctx,
					      fusion_destroy_fn destroy,
					      struct fusion_slot **ret);

/**
 * Destroy a pool with all its objects.
 *
 * @param pool  the pool; its handle must not be used afterwards.  NULL does
 *              nothing
 *
 * @return
 *   0         destroyed
 *   -EPERM    this process has not registered for the pool
 *   -EDEADLK  the caller is a destructor of the pool
 *   -EIDRM    the pool is destroyed, or another member is destroying it
 *   -EINVAL   no pool of an arena that this process is in
 *
 * Each object that was activated becomes DEINIT, its destructor runs, and it is
 * freed.  The destructor's `zombie` is true if the object is still referenced.
 * An object that was never activated is only freed.  A member that has
 * references gets -EIDRM for them from now on.
 *
 * Any thread; the destructors run on it.  Waits for destructors that are
 * running in other members, and for members that are creating an object.  If
 * the caller is killed, the next member that takes the duty goes on.
 */
FUSION_API int fusion_object_pool_destroy(struct fusion_object_pool *pool);

/**
 * Run a function for each object of a pool, in no order.
 *
 * @param pool  the pool
 * @param fn    runs for each object that is INIT or ACTIVE and referenced
 * @param ctx   argument of @fn
 *
 * @return
 *   0        done, or @fn ended it
 *   -EINVAL  no pool of an arena that this process is in, or @fn is NULL
 *   -EIDRM   the pool is destroyed
 *   -ENOMEM  memory is used up
 *
 * An object that is created or freed during the call may be missed.
 *
 * Any thread.  Holds no lock while @fn runs.
 */
FUSION_API int fusion_object_pool_enum(struct fusion_object_pool *pool,
				       fusion_object_enum_fn fn, void *ctx);
/**
 * Count the objects of a pool.
 *
 * @param pool  the pool
 * @param ret   receives the number
 *
 * @return
 *   0        counted
 *   -EINVAL  no pool of an arena that this process is in, or @ret is NULL
 *   -EIDRM   the pool is destroyed
 *
 * Any thread.  Takes no lock.  Walks over the objects of all pools of the
 * arena.
 */
FUSION_API int fusion_object_pool_count(struct fusion_object_pool *pool,
					uint64_t *ret);
/**
 * Get the member that has the duty of a pool.
 *
 * @param pool  the pool
 *
 * @return the member's id; 0 if no member has it, or @pool is not a pool
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t
fusion_object_pool_duty(const struct fusion_object_pool *pool);

/** The numbers of a pool at one moment; see fusion_object_pool_stat().  They
 *  grow at their end in later versions. */
struct fusion_object_pool_stat {
	fusion_id_t id;	       /**< fusion_object_pool_id() */
	fusion_id_t duty;      /**< fusion_object_pool_duty() */
	fusion_id_t creator;   /**< member that created the pool */
	uint32_t dying;	       /**< 1: a member is destroying the pool; or 0 */
	uint64_t object_size;  /**< bytes of data of each object */
	uint64_t message_size; /**< usual bytes of a message; 0: not known */
	uint64_t created;      /**< objects that were ever created */
	uint64_t destroyed;    /**< objects of these that are gone.  Both
				    numbers may miss an object whose creation or
				    end was interrupted by a death */
};

/**
 * Get the numbers of a pool.
 *
 * @param pool  the pool
 * @param ret   receives the numbers
 * @param size  sizeof(*ret); see fusion/types.h for results that are structs
 *
 * @return
 *   0        done
 *   -EINVAL  no pool of an arena that this process is in, @ret is NULL, or
 *            @size is 0
 *   -EIDRM   the pool is destroyed
 *
 * Takes constant time, unlike fusion_object_pool_count(), which counts the
 * objects.
 *
 * Any thread.  Takes no lock.
 */
FUSION_API int fusion_object_pool_stat(struct fusion_object_pool *pool,
				       struct fusion_object_pool_stat *ret,
				       size_t size);

/**
 * Find an object by its id, without referencing it.
 *
 * @param pool  the pool
 * @param id    the object's id
 * @param ret   receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  no object of the pool has that id
 *   -EIDRM   the pool is destroyed
 *   -EINVAL  no pool of an arena that this process is in, @id is 0, or @ret is
 *            NULL
 *
 * Any thread.  Takes a short lock.  Takes constant time on average, however
 * many objects there are.
 */
FUSION_API int fusion_object_lookup(struct fusion_object_pool *pool,
				    fusion_id_t id, struct fusion_object **ret);
/**
 * Find an object by its id, and add a local reference of this member.
 *
 * @param pool  the pool
 * @param id    the object's id
 * @param ret   receives the handle; give the reference back with
 *              fusion_object_unref()
 *
 * @return
 *   0        found and referenced
 *   -ESTALE  no member references the object: it is about to go
 *   -ENOENT  no object of the pool has that id
 *   -EIDRM   the pool is destroyed
 *   -EINVAL  no pool of an arena that this process is in, @id is 0, or @ret is
 *            NULL
 *   -ENOSPC  the arena has no room for another local reference
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_get(struct fusion_object_pool *pool,
				 fusion_id_t id, struct fusion_object **ret);

/* --- Objects -------------------------------------------------------------- */

/**
 * Create an object: INIT, its data zeroed, with one local reference.
 *
 * @param pool  the pool
 * @param ret   receives the handle; the reference is the caller's to give back
 *
 * @return
 *   0        created; from now on other members can find it
 *   -ENOSPC  the arena has no room for another object
 *   -ENOMEM  the arena has no memory left
 *   -EIDRM   the pool is destroyed
 *   -EINVAL  no pool of an arena that this process is in, or @ret is NULL
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_create(struct fusion_object_pool *pool,
				    struct fusion_object **ret);
/**
 * Activate an object: declare that its data is complete.
 *
 * @param object  an object that is INIT
 *
 * @return
 *   0        it is ACTIVE
 *   -EBUSY   it is not INIT
 *   -EIDRM   the object is gone
 *   -EINVAL  not an object of an arena that this process is in
 *
 * A release operation: a thread that finds the object ACTIVE sees its data.
 *
 * Any thread.  Runs the functions of fusion_object_pool_on_describe().
 */
FUSION_API int fusion_object_activate(struct fusion_object *object);
/**
 * Free an object in INIT, or in DEINIT from its destructor.
 *
 * @param object  the object; its handle must not be used afterwards.  NULL does
 *                nothing
 *
 * @return
 *   0        freed
 *   -EBUSY   it is ACTIVE, or another thread is destroying it
 *   -EIDRM   the object is gone
 *   -EINVAL  not an object of an arena that this process is in
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_destroy(struct fusion_object *object);

/**
 * Get the data of an object.
 *
 * @param object  the object
 *
 * @return the data, aligned to 16 bytes, at one address in every member; NULL
 *         if the object has none, or is gone
 *
 * Any thread.  Does not block.
 */
FUSION_API void *fusion_object_data(const struct fusion_object *object);
/**
 * Get the size of an object's data.
 *
 * @param object  the object
 *
 * @return bytes, as in the options of the pool; 0 if it is gone
 *
 * Any thread.  Does not block.
 */
FUSION_API size_t fusion_object_data_size(const struct fusion_object *object);
/**
 * Get the object that data belongs to.
 *
 * @param data  the address from fusion_object_data(), or any pointer
 *
 * @return the object; NULL if the data of no object begins there
 *
 * Any thread.  Does not block.
 */
FUSION_API struct fusion_object *fusion_object_of(const void *data);
/**
 * Get the id of an object.
 *
 * @param object  the object
 *
 * @return the id; 0 if the object is gone
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_object_id(const struct fusion_object *object);
/**
 * Get the state of an object.
 *
 * @param object  the object
 *
 * @return enum fusion_object_state; or
 *   -EIDRM   the object is gone
 *   -EINVAL  not an object of an arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_object_state(const struct fusion_object *object);
/**
 * Get the pool of an object.
 *
 * @param object  the object
 * @param ret     receives the pool
 *
 * @return
 *   0        done
 *   -EIDRM   the object or its pool is gone
 *   -EINVAL  not an object of an arena that this process is in, or @ret is NULL
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_object_pool_of(const struct fusion_object *object,
				     struct fusion_object_pool **ret);

/* --- References ------------------------------------------------------------
 *
 * A slot is a pointer in shared data.  Its address is a `void *` here, so that
 * pointers of any type can be slots without a cast, in C and in C++.
 *
 * All functions of this section may also return
 *   -EINVAL  not an object of an arena that this process is in
 *   -EIDRM   the object is gone
 *   -ESTALE  the destructor of the object is about to run, or runs
 */

/**
 * Add a local reference of this member to an object.
 *
 * @param object  the object
 *
 * @return
 *   0           referenced
 *   -EOVERFLOW  this member has counted to 2^32 - 1
 *   -ENOSPC     the arena has no room for another local reference
 *   -ENOMEM     the arena has no memory left
 *
 * Any thread.  Blocks like fusion_ref_up().
 */
FUSION_API int fusion_object_ref(struct fusion_object *object);
/**
 * Give back a local reference of this member to an object.
 *
 * @param object  the object; the last reference of all members ends it
 *
 * @return
 *   0       given back
 *   -EPERM  this member has no local reference
 *
 * Any thread.  Blocks like fusion_ref_down().
 */
FUSION_API int fusion_object_unref(struct fusion_object *object);

/**
 * Store an object in a shared slot, and add a global reference for the slot.
 *
 * @param slot    the address of a `struct fusion_object *` in the arena,
 *                aligned to 8 bytes, that is NULL
 * @param object  the object
 *
 * @return
 *   0           stored and referenced
 *   -EBUSY      the slot is not NULL
 *   -EINVAL     also: @slot is not in the arena, or not aligned
 *   -EOVERFLOW  the global count has its largest value
 *
 * A caller that is killed has done both or nothing.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_link(void *slot, struct fusion_object *object);
/**
 * Clear a shared slot, and give back the global reference of the slot.
 *
 * @param slot  the address of a pointer that fusion_object_link() has set, or
 *              that is NULL
 *
 * @return
 *   0        the slot is NULL
 *   -EINVAL  @slot is not in an arena that this process is in, or not aligned
 *   -EPERM   the object has no global reference
 *
 * A caller that is killed has done both or nothing.  A slot whose object is
 * gone is only cleared.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_unlink(void *slot);
/**
 * Store an object's data in a shared slot, and add a global reference.
 *
 * @param slot  the address of a pointer to the data's type in the arena,
 *              aligned to 8 bytes, that is NULL
 * @param data  the address from fusion_object_data()
 *
 * @return what fusion_object_link() returns
 *   -EINVAL  also: the data of no object begins at @data
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_link_data(void *slot, void *data);
/**
 * Clear a shared slot of an object's data, and give back the global reference.
 *
 * @param slot  the address of a pointer that fusion_object_link_data() has set,
 *              or that is NULL
 *
 * @return what fusion_object_unlink() returns
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_unlink_data(void *slot);

/**
 * Turn a local reference of this member into a global one, in one step.
 *
 * @param object  the object
 *
 * @return
 *   0       done
 *   -EPERM  this member has no local reference
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_globalize(struct fusion_object *object);
/**
 * Let an object inherit the local references of another object.
 *
 * @param object  the object that inherits
 * @param from    an object of this arena
 *
 * @return what fusion_ref_inherit() returns for their references, but never
 *         -EBUSY: that is -ESTALE here
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_inherit(struct fusion_object *object,
				     struct fusion_object *from);
/**
 * Hand a local reference of this member to another member.
 *
 * @param object  the object
 * @param member  the id of the member that is to call fusion_object_catch()
 *
 * @return what fusion_ref_throw() returns for its reference, but never -EBUSY:
 *         that is -ESTALE here
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_throw(struct fusion_object *object,
				   fusion_id_t member);
/**
 * Take a reference that was thrown to this member as a local one.
 *
 * @param object  the object
 *
 * @return
 *   0           this member has one local reference more
 *   -ENODATA    no reference was thrown to this member
 *   -EOVERFLOW  this member has counted to 2^32 - 1
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_catch(struct fusion_object *object);

/** The numbers of an object; see fusion_object_stat().  It grows at its end in
 *  later versions. */
struct fusion_object_stat {
	fusion_id_t id;	     /**< fusion_object_id() */
	uint32_t state;	     /**< enum fusion_object_state */
	fusion_id_t creator; /**< member that created it */
	uint32_t members;    /**< members with local references */
	size_t size;	     /**< bytes of its data */
	uint64_t total;	     /**< references */
	uint64_t global;     /**< global references */
	uint64_t local;	     /**< local references of this member */
};

/**
 * Get the numbers of an object.
 *
 * @param object  the object
 * @param ret     receives the numbers
 * @param size    sizeof(*ret); see fusion/types.h for results that are structs
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL, or @size is 0
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_stat(struct fusion_object *object,
				  struct fusion_object_stat *ret, size_t size);

/* --- Properties, owners, access --------------------------------------------
 *
 * An object has a few values, each with a key, that all members see.  Setting a
 * value replaces the value of that key, whatever its type.  A caller that is
 * killed leaves the old value or the new one.
 *
 * All functions of this section may also return
 *   -EINVAL  not an object of an arena that this process is in; or the key is
 *            empty or longer than FUSION_OBJECT_KEY_MAX bytes
 *   -EIDRM   the object is gone
 *   -ENOMEM  the arena has no memory left
 */

/**
 * Set a property to a string.
 *
 * @param object  the object
 * @param key     the key
 * @param value   NUL-terminated; it is copied
 *
 * @return
 *   0          set
 *   -EMSGSIZE  @value is longer than FUSION_OBJECT_STRING_MAX bytes
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_set_string(struct fusion_object *object,
					const char *key, const char *value);
/**
 * Set a property to an integer.
 *
 * @param object  the object
 * @param key     the key
 * @param value   the integer
 *
 * @return 0; or an error that all functions of this section may return
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_set_integer(struct fusion_object *object,
					 const char *key, int64_t value);
/**
 * Set a property to a pointer.
 *
 * @param object  the object
 * @param key     the key
 * @param value   a pointer into the arena
 *
 * @return
 *   0        set
 *   -EINVAL  also: @value does not point into the arena
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_set_pointer(struct fusion_object *object,
					 const char *key, void *value);
/**
 * Get a property that is a string.
 *
 * @param object      the object
 * @param key         the key
 * @param value       receives the string with its NUL
 * @param size        room in @value
 * @param ret_needed  receives the bytes that the string and its NUL need, also
 *                    after -EMSGSIZE; or NULL
 *
 * @return
 *   0            done
 *   -ENOENT      no property has that key
 *   -EPROTOTYPE  the property is not a string
 *   -EMSGSIZE    @size is too small
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_get_string(struct fusion_object *object,
					const char *key, char *value,
					size_t size, size_t *ret_needed);
/**
 * Get a property that is an integer.
 *
 * @param object  the object
 * @param key     the key
 * @param ret     receives the integer
 *
 * @return
 *   0            done
 *   -ENOENT      no property has that key
 *   -EPROTOTYPE  the property is not an integer
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_get_integer(struct fusion_object *object,
					 const char *key, int64_t *ret);
/**
 * Get a property that is a pointer.
 *
 * @param object  the object
 * @param key     the key
 * @param ret     receives the pointer
 *
 * @return
 *   0            done
 *   -ENOENT      no property has that key
 *   -EPROTOTYPE  the property is not a pointer
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_get_pointer(struct fusion_object *object,
					 const char *key, void **ret);
/**
 * Remove a property.
 *
 * @param object  the object
 * @param key     the key
 *
 * @return
 *   0        removed
 *   -ENOENT  no property has that key
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_remove_property(struct fusion_object *object,
					     const char *key);

/**
 * Note that a member owns an object.
 *
 * @param object  the object, which may have several owners
 * @param member  the member's id
 *
 * @return
 *   0       noted, perhaps before
 *   -ESRCH  @member is FUSION_NONE
 *
 * Only fusion_object_check_owner() asks for this; nothing else depends on it.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_add_owner(struct fusion_object *object,
				       fusion_id_t member);
/**
 * Test whether a member owns an object.
 *
 * @param object      the object
 * @param member      the member's id
 * @param if_unowned  true: return 0 too if the object has no owner
 *
 * @return
 *   0        @member owns it; or it has no owner, and @if_unowned is true
 *   -ENOENT  @member does not own it
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_check_owner(struct fusion_object *object,
					 fusion_id_t member, bool if_unowned);
/**
 * Allow programs to use an object.
 *
 * @param object  the object
 * @param path    the path of the program; a '*' at its end stands for any rest
 *
 * @return
 *   0          allowed
 *   -EINVAL    also: @path is NULL or empty
 *   -EMSGSIZE  @path is longer than FUSION_OBJECT_STRING_MAX bytes
 *
 * Only fusion_object_has_access() asks for this; nothing else depends on it.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_add_access(struct fusion_object *object,
					const char *path);
/**
 * Test whether a program is allowed to use an object.
 *
 * @param object  the object
 * @param path    the path of the program
 *
 * @return
 *   0        fusion_object_add_access() has allowed it
 *   -EACCES  it has not
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_has_access(struct fusion_object *object,
					const char *path);

/**
 * Set the description of an object, which pools/NAME/#ID shows.
 *
 * @param object  the object
 * @param text    one line, at most FUSION_OBJECT_STRING_MAX bytes
 *
 * @return
 *   0          set
 *   -EINVAL    also: @text is NULL
 *   -EMSGSIZE  @text is too long
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_set_description(struct fusion_object *object,
					     const char *text);
/**
 * Describe an object again, with the functions of its pool.
 *
 * @param object  the object
 *
 * @return
 *   0        described
 *   -ENOENT  this process has no function for the pool
 *
 * Any thread; the functions of fusion_object_pool_on_describe() run on it.
 */
FUSION_API int fusion_object_describe(struct fusion_object *object);

/* --- Reactor ---------------------------------------------------------------
 *
 * All functions of this section that take an object may also return
 *   -EINVAL  not an object of an arena that this process is in
 *   -EIDRM   the object is gone
 */

/**
 * Get the reactor of an object, and create it if necessary.
 *
 * @param object  the object
 * @param ret     receives the reactor
 *
 * @return
 *   0        done
 *   -ENOSPC  the arena has no room for another reactor
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_object_reactor(struct fusion_object *object,
				     struct fusion_reactor **ret);
/**
 * Attach a reaction to an object.
 *
 * @param object   the object, whose reactor is created if necessary
 * @param options  as for fusion_reactor_attach(), or NULL
 * @param fn       runs for each message
 * @param ctx      argument of @fn
 * @param ret      receives the reaction; give it back with
 *                 fusion_object_detach().  NULL: as for fusion_reactor_attach()
 *
 * @return what fusion_reactor_attach() returns
 *
 * Any thread, also a reaction.  Takes a short lock.  Starts the dispatcher if
 * it does not run.
 */
FUSION_API int
fusion_object_attach(struct fusion_object *object,
		     const struct fusion_reactor_attach_options *options,
		     fusion_reaction_fn fn, void *ctx,
		     struct fusion_reaction **ret);
/**
 * Detach a reaction from an object.
 *
 * @param reaction  the reaction, whose handle ends; NULL does nothing
 *
 * @return what fusion_reactor_detach() returns
 *
 * Any thread, also a reaction.  Waits like fusion_reactor_detach().
 */
FUSION_API int fusion_object_detach(struct fusion_reaction *reaction);
/**
 * Attach a global reaction to an object.
 *
 * @param object   the object, whose reactor is created if necessary
 * @param options  as for fusion_reactor_attach_global(), or NULL
 * @param ctx      argument of the function: a pointer into the arena, or NULL
 *
 * @return what fusion_reactor_attach_global() returns, or an error of
 *         fusion_object_reactor()
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int
fusion_object_attach_global(struct fusion_object *object,
			    const struct fusion_reactor_global_options *options,
			    void *ctx);
/**
 * Detach a global reaction from an object.
 *
 * @param object   the object
 * @param options  as it was attached
 * @param ctx      as it was attached
 *
 * @return what fusion_reactor_detach_global() returns
 *
 * Any thread.  Does not block.
 */
FUSION_API int
fusion_object_detach_global(struct fusion_object *object,
			    const struct fusion_reactor_global_options *options,
			    void *ctx);
/**
 * Dispatch a message to an object.
 *
 * @param object   the object; if it has no reactor, nothing happens, but wrong
 *                 arguments are refused
 * @param options  as for fusion_reactor_dispatch(), or NULL
 * @param data     the bytes, which are copied; NULL if @size is 0
 * @param size     how many
 *
 * @return what fusion_reactor_dispatch() returns
 *
 * Any thread, also a reaction.  Blocks like fusion_reactor_dispatch().
 */
FUSION_API int
fusion_object_dispatch(struct fusion_object *object,
		       const struct fusion_reactor_dispatch_options *options,
		       const void *data, size_t size);

FUSION_END_DECLS

#endif
