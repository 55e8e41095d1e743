/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Objects: shared data that counts who uses it, tells who listens, and is
 * destroyed when nobody uses it any more.
 *
 * A pool is a type of objects, by a name.  An object is a record of the arena
 * (`struct fusion_object *`, valid in every member, may be stored in shared
 * data) and a block of the heap for what the program keeps in it
 * (fusion_object_data()).  It has an id, a reference counter, a reactor made
 * when somebody first attaches, typed properties, owners and an access list.
 *
 *   INIT --- fusion_object_activate() ---> ACTIVE --- count is 0 ---> DEINIT
 *     \--- count is 0, or fusion_object_destroy(): gone, no destructor
 *
 * The destructor runs on the dispatcher (fusion/dispatch.h) of the one member
 * that has the pool's DUTY.  It is whoever made the pool; when that one leaves
 * or dies, the next of those who said fusion_object_pool_register().  Objects
 * that fell to zero meanwhile are destroyed then.  A destructor is begun
 * exactly once for each object: should its member be killed in it, the next one
 * frees the object and does not run it again.
 *
 * A count that has fallen to zero may be taken up again by whoever still has
 * the pointer until the destructor is about to run: the object lives on, and
 * nothing has happened.
 *
 * Local references die with their member, as those of fusion/ref.h.  A member
 * that is killed while it makes an object leaves nothing behind.
 *
 * In the mounted tree a pool is the directory pools/NAME, with a file for each
 * object.
 */
#ifndef FUSION_OBJECT_H
#define FUSION_OBJECT_H

#include <errno.h>
#include <stdbool.h>

#include <fusion/arena.h>
#include <fusion/reactor.h>

FUSION_BEGIN_DECLS

/** A pool of objects; see fusion_object_pool_create(). */
struct fusion_object_pool;
/** An object; see fusion_object_create(). */
struct fusion_object;

enum fusion_object_state {
	FUSION_OBJECT_INIT = 0,
	FUSION_OBJECT_ACTIVE = 1,
	FUSION_OBJECT_DEINIT = 2,
};

/** Largest object_size: 1 GiB. */
#define FUSION_OBJECT_SIZE_MAX 0x40000000u
/** Bytes of a key, of a string property, of a pattern, of a description. */
#define FUSION_OBJECT_KEY_MAX 63
#define FUSION_OBJECT_STRING_MAX 4095

/**
 * The end of an object of this pool: give back what its data names.  The object
 * and its data are there until it returns and are freed then; it may also call
 * fusion_object_destroy() itself as its last deed.
 *
 * @param zombie  it is still referenced: its pool is destroyed
 * @param ctx     of the registration
 *
 * On the dispatcher of the member that has the duty; with @zombie, on the
 * thread that destroys the pool.
 * May not return: see fusion/types.h.
 */
typedef void (*fusion_object_destructor_fn)(struct fusion_object *object,
					    bool zombie, void *ctx);
/** One line about @object for who looks (pools/NAME/#ID), at most @size bytes
 * with its NUL.  Runs inside fusion_object_activate() and
 * fusion_object_describe().  May not return: see fusion/types.h; then the
 * object has the description that it had. */
typedef void (*fusion_object_describe_fn)(struct fusion_object *object,
					  char *text, size_t size, void *ctx);
/** For fusion_object_pool_enum(): false ends it.  May not return: see
 *  fusion/types.h. */
typedef bool (*fusion_object_enum_fn)(struct fusion_object *object, void *ctx);

/* --- Pools ---------------------------------------------------------------- */

/**
 * Make a pool and take its duty.
 *
 * @param name          unique among the arena's pools, as for
 *                      fusion_skirmish_create(); NULL: "#<id>"
 * @param object_size   bytes of data of each object, zeroed; 0 is none
 * @param message_size  bytes that a message of its objects' reactors has
 *                      usually; 0: a few
 * @param destructor    NULL: objects are just freed
 * @param ctx           for the destructor, of this process
 *
 * @return 0; -EINVAL; -ENAMETOOLONG; -EEXIST; -ENOSPC; -ENOMEM; -EMFILE; what
 *         fusion_message_handle() says of the dispatcher, which is started
 */
FUSION_API int fusion_object_pool_create(struct fusion_arena *arena,
					 const char *name, size_t object_size,
					 size_t message_size,
					 fusion_object_destructor_fn destructor,
					 void *ctx,
					 struct fusion_object_pool **ret);

/** Find one by its name, or by "#<id>".  0; -ENOENT; -EINVAL. */
FUSION_API int fusion_object_pool_lookup(struct fusion_arena *arena,
					 const char *name,
					 struct fusion_object_pool **ret);

/**
 * Be willing to take the duty of a pool: at once if nobody has it, else when
 * who has it is gone.  Replaces what this process registered before.
 * @return 0; -EINVAL; -EIDRM; -ENOMEM; -EMFILE; as fusion_message_handle()
 * Any thread.  Starts the dispatcher if nobody has.
 */
FUSION_API int
fusion_object_pool_register(struct fusion_object_pool *pool,
			    fusion_object_destructor_fn destructor, void *ctx);
/**
 * Not willing any more; the duty, if this process has it, is another's, who
 * registered, or nobody's for now.  When it returns no destructor of the pool
 * runs here any more, unless the caller is one.
 * @return 0; -ENOENT it was not registered here; -EINVAL
 */
FUSION_API int fusion_object_pool_unregister(struct fusion_object_pool *pool);

/** The function that describes objects in this process; NULL: none.  0;
 * -ENOENT the pool is not registered here; -EINVAL; -EIDRM. */
FUSION_API int fusion_object_pool_set_describe(struct fusion_object_pool *pool,
					       fusion_object_describe_fn fn,
					       void *ctx);

/**
 * Destroy a pool and what is left in it: each object is DEINIT, gets the
 * destructor (`zombie` true if it is still referenced) and is freed; one that
 * was never activated is just freed.  References to it that members have give
 * -EIDRM from then on.
 *
 * @return 0; -EPERM the pool is not registered here; -EDEADLK this is a
 *         destructor of it; -EIDRM; -EINVAL
 *
 * On the calling thread; waits for destructors that other members are in the
 * middle of, and for members that are just making an object.  Killed in it:
 * who takes the duty next goes on.
 */
FUSION_API int fusion_object_pool_destroy(struct fusion_object_pool *pool);

/**
 * Call @fn for each object that is ACTIVE or INIT and referenced, in no order.
 * It is referenced for that long; those made or gone meanwhile may be missed.
 * 0, also when @fn ended it; -EINVAL; -EIDRM; -ENOMEM.
 */
FUSION_API int fusion_object_pool_enum(struct fusion_object_pool *pool,
				       fusion_object_enum_fn fn, void *ctx);
/** Number of its objects in *ret: looks at all of the arena's.  0; -EINVAL;
 * -EIDRM. */
FUSION_API int fusion_object_pool_size(struct fusion_object_pool *pool,
				       size_t *ret);
/** Who has the duty; 0 nobody.  0 is also said of what is no pool. */
FUSION_API fusion_id_t
fusion_object_pool_duty(const struct fusion_object_pool *pool);

/** Find the object with @id, which takes the same time however many there are.
 * Takes no reference.  0; -ENOENT; -EIDRM no such pool any more; -EINVAL. */
FUSION_API int fusion_object_lookup(struct fusion_object_pool *pool,
				    fusion_id_t id, struct fusion_object **ret);
/** The same, with a local reference.  0; -EOWNERDEAD nobody references it any
 * more, it is about to go; -ENOENT; -EIDRM; -EINVAL; -ENOSPC, -ENOMEM as
 * fusion_ref_up(). */
FUSION_API int fusion_object_get(struct fusion_object_pool *pool,
				 fusion_id_t id, struct fusion_object **ret);

/* --- Objects -------------------------------------------------------------- */

/**
 * Make an object: INIT, with one local reference of the caller's, its data
 * zeroed.  It can be found from now on.
 * @return 0; -ENOSPC, -ENOMEM no room for it; -EIDRM no such pool any more;
 *         -EINVAL; -EMFILE
 */
FUSION_API int fusion_object_create(struct fusion_object_pool *pool,
				    struct fusion_object **ret);
/** INIT to ACTIVE: it is whole.  0; -EBUSY it is not INIT; -EIDRM; -EINVAL. */
FUSION_API int fusion_object_activate(struct fusion_object *object);
/**
 * Free an object: one in INIT that came to nothing, or as the last deed of its
 * destructor.
 * @return 0; -EBUSY it is ACTIVE, or being destroyed by another; -EIDRM;
 *         -EINVAL
 */
FUSION_API int fusion_object_destroy(struct fusion_object *object);

/** Its data, in every member at the same address; NULL: it has none, or is
 * gone.  Aligned to 16 bytes. */
FUSION_API void *fusion_object_data(const struct fusion_object *object);
/** Bytes of its data, as its pool says; 0 also if it is gone. */
FUSION_API size_t fusion_object_size(const struct fusion_object *object);
/** The object whose data begins at @data; NULL: none does. */
FUSION_API struct fusion_object *fusion_object_of(const void *data);
/** Its id, 0 it is gone. */
FUSION_API fusion_id_t fusion_object_id(const struct fusion_object *object);
/** enum fusion_object_state; -EIDRM; -EINVAL. */
FUSION_API int fusion_object_state(const struct fusion_object *object);
/** Its pool.  0; -EIDRM; -EINVAL. */
FUSION_API int fusion_object_pool_of(const struct fusion_object *object,
				     struct fusion_object_pool **ret);

/* --- References -----------------------------------------------------------
 * All: any thread; -EINVAL no object; -EIDRM it is gone; -EOWNERDEAD its
 * destructor is about to run, or runs. */

/** One local reference more: fusion_ref_up(). */
FUSION_API int fusion_object_ref(struct fusion_object *object);
/** One less; the last one is the end of the object.  -EPERM this member has
 * none. */
FUSION_API int fusion_object_unref(struct fusion_object *object);

/**
 * Store the object in *slot, a place in shared memory, with a global reference
 * that belongs to the place.  A death in the middle leaves both or none.
 * @return 0; -EBUSY the slot is not NULL
 */
FUSION_API int fusion_object_link(struct fusion_object **slot,
				  struct fusion_object *object);
/** Clear the slot and give up its global reference, both or none.  0, also if
 * it was NULL. */
FUSION_API int fusion_object_unlink(struct fusion_object **slot);
/** The same for slots that name objects by their data. */
FUSION_API int fusion_object_link_data(void *slot, void *data);
FUSION_API int fusion_object_unlink_data(void *slot);

/** Make a local reference of this member's a global one, in one step.  -EPERM
 * it has none. */
FUSION_API int fusion_object_globalize(struct fusion_object *object);
/** Have what @from has count for @object too: fusion_ref_inherit(). */
FUSION_API int fusion_object_inherit(struct fusion_object *object,
				     struct fusion_object *from);
/** A local reference of this member's goes to @member, who says
 * fusion_object_catch(): fusion_ref_throw(). */
FUSION_API int fusion_object_throw(struct fusion_object *object,
				   fusion_id_t member);
/** -EAGAIN nobody threw one to this member. */
FUSION_API int fusion_object_catch(struct fusion_object *object);

/** What an object is.  The rest is that of its reference counter. */
struct fusion_object_stat {
	fusion_id_t id;
	uint32_t state;	     /**< enum fusion_object_state */
	fusion_id_t creator; /**< member that made it */
	size_t size;	     /**< of its data */
	uint64_t total;	     /**< references */
	uint64_t global;     /**< of these, those of shared places */
	uint64_t local;	     /**< and this member's */
	uint32_t members;    /**< how many have local ones */
};

FUSION_API int fusion_object_stat(struct fusion_object *object,
				  struct fusion_object_stat *ret);

/* --- Properties, owners, access -------------------------------------------
 * A few values by a key, seen by all, each set or removed as a whole.  Any
 * thread; -EINVAL no object, or a key that is empty or longer than
 * FUSION_OBJECT_KEY_MAX bytes; -EIDRM; -ENOMEM. */

/** Set it, whatever it was.  -EMSGSIZE longer than FUSION_OBJECT_STRING_MAX. */
FUSION_API int fusion_object_set_string(struct fusion_object *object,
					const char *key, const char *value);
FUSION_API int fusion_object_set_integer(struct fusion_object *object,
					 const char *key, int64_t value);
/** -EINVAL @value does not point into the arena. */
FUSION_API int fusion_object_set_pointer(struct fusion_object *object,
					 const char *key, void *value);
/** Copy it, with its NUL.  0; -ENOENT; -EPROTOTYPE it is of another type;
 * -EMSGSIZE @size is too small, *ret_needed (may be NULL) is not. */
FUSION_API int fusion_object_get_string(struct fusion_object *object,
					const char *key, char *value,
					size_t size, size_t *ret_needed);
FUSION_API int fusion_object_get_integer(struct fusion_object *object,
					 const char *key, int64_t *ret);
FUSION_API int fusion_object_get_pointer(struct fusion_object *object,
					 const char *key, void **ret);
/** -ENOENT there was none. */
FUSION_API int fusion_object_remove_property(struct fusion_object *object,
					     const char *key);

/** Note that @member owns it, one of several perhaps.  It is for the program to
 * ask; nothing else depends on it.  0, also if it did. */
FUSION_API int fusion_object_add_owner(struct fusion_object *object,
				       fusion_id_t member);
/** 0 @member owns it, or it has no owner and @if_unowned; -ENOENT. */
FUSION_API int fusion_object_check_owner(struct fusion_object *object,
					 fusion_id_t member, bool if_unowned);
/** Let programs at @path use it; a '*' at its end stands for any rest. */
FUSION_API int fusion_object_add_access(struct fusion_object *object,
					const char *path);
/** 0 the program at @path may use it; -EACCES. */
FUSION_API int fusion_object_has_access(struct fusion_object *object,
					const char *path);

/** A line about it for who looks, at most FUSION_OBJECT_STRING_MAX bytes. */
FUSION_API int fusion_object_set_description(struct fusion_object *object,
					     const char *text);
/** Have the pool's function, registered here, describe it again.  -ENOENT there
 * is none. */
FUSION_API int fusion_object_describe(struct fusion_object *object);

/* --- Its reactor ---------------------------------------------------------- */

/** Its reactor, made if need be.  0; -ENOSPC the arena has no room for another
 * one; -ENOMEM; -EIDRM; -EINVAL. */
FUSION_API int fusion_object_reactor(struct fusion_object *object,
				     struct fusion_reactor **ret);
/** fusion_reactor_attach() at it.  Give the reaction back with
 * fusion_object_detach(). */
FUSION_API int fusion_object_attach(struct fusion_object *object,
				    fusion_reaction_fn fn, void *ctx,
				    struct fusion_reaction **ret);
FUSION_API int
fusion_object_attach_channel(struct fusion_object *object, uint32_t channel,
			     fusion_reaction_fn fn, void *ctx,
			     const struct fusion_reactor_policy *policy,
			     struct fusion_reaction **ret);
FUSION_API int fusion_object_detach(struct fusion_reaction *reaction);
FUSION_API int fusion_object_attach_global(struct fusion_object *object,
					   uint32_t index, void *ctx);
FUSION_API int fusion_object_detach_global(struct fusion_object *object,
					   uint32_t index, void *ctx);
/** fusion_reactor_dispatch(); nothing to do if nobody ever attached. */
FUSION_API int fusion_object_dispatch(struct fusion_object *object,
				      const void *data, size_t size,
				      unsigned flags);
FUSION_API int fusion_object_dispatch_channel(struct fusion_object *object,
					      uint32_t channel,
					      const void *data, size_t size,
					      unsigned flags,
					      const fusion_global_fn *globals,
					      size_t n_globals);

/**
 * Type-safe functions for objects whose data is a @type:
 *
 *   FUSION_OBJECT_METHODS(struct surface, surface)
 *
 * gives surface_pool_create(arena, name, message_size, destructor, ctx, &pool),
 * surface_create(pool, &surface) and surface_get(pool, id, &surface), which say
 * -EPROTOTYPE if the pool's objects are smaller than a @type, surface_object(),
 * _activate(), _destroy(), _ref(), _unref(), _link(&slot, surface),
 * _unlink(&slot), _globalize(), _inherit(surface, object), _throw(), _catch(),
 * _stat(), _attach(), _attach_channel(), _detach(), _attach_global(),
 * _detach_global(), _dispatch() and _dispatch_channel(), all on `struct surface
 * *`.  Their parameters end in _, to hide no name of the program's.
 */
#define FUSION_OBJECT_METHODS(type, prefix)                                    \
	static inline                                                          \
		__attribute__((unused)) struct fusion_object *prefix##_object( \
			const type *data_)                                     \
	{                                                                      \
		return fusion_object_of(data_);                                \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_pool_create(        \
		struct fusion_arena *arena_, const char *name_,                \
		size_t message_size_, fusion_object_destructor_fn destructor_, \
		void *ctx_, struct fusion_object_pool **ret_)                  \
	{                                                                      \
		return fusion_object_pool_create(arena_, name_, sizeof(type),  \
						 message_size_, destructor_,   \
						 ctx_, ret_);                  \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_create(             \
		struct fusion_object_pool *pool_, type **ret_)                 \
	{                                                                      \
		struct fusion_object *object_;                                 \
		int r_ = ret_ ? fusion_object_create(pool_, &object_)          \
			      : -EINVAL;                                       \
                                                                               \
		if (r_ < 0)                                                    \
			return r_;                                             \
		if (fusion_object_size(object_) < sizeof(type)) {              \
			fusion_object_destroy(object_);                        \
			return -EPROTOTYPE;                                    \
		}                                                              \
		*ret_ = (type *)fusion_object_data(object_);                   \
		return 0;                                                      \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_get(                \
		struct fusion_object_pool *pool_, fusion_id_t id_,             \
		type **ret_)                                                   \
	{                                                                      \
		struct fusion_object *object_;                                 \
		int r_ = ret_ ? fusion_object_get(pool_, id_, &object_)        \
			      : -EINVAL;                                       \
                                                                               \
		if (r_ < 0)                                                    \
			return r_;                                             \
		if (fusion_object_size(object_) < sizeof(type)) {              \
			fusion_object_unref(object_);                          \
			return -EPROTOTYPE;                                    \
		}                                                              \
		*ret_ = (type *)fusion_object_data(object_);                   \
		return 0;                                                      \
	}                                                                      \
	FUSION_OBJECT_METHOD_(type, prefix, activate)                          \
	FUSION_OBJECT_METHOD_(type, prefix, destroy)                           \
	FUSION_OBJECT_METHOD_(type, prefix, ref)                               \
	FUSION_OBJECT_METHOD_(type, prefix, unref)                             \
	FUSION_OBJECT_METHOD_(type, prefix, globalize)                         \
	FUSION_OBJECT_METHOD_(type, prefix, catch)                             \
	static inline __attribute__((unused)) int prefix##_link(type **slot_,  \
								type *data_)   \
	{                                                                      \
		return fusion_object_link_data(slot_, data_);                  \
	}                                                                      \
	static inline                                                          \
		__attribute__((unused)) int prefix##_unlink(type **slot_)      \
	{                                                                      \
		return fusion_object_unlink_data(slot_);                       \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_inherit(            \
		type *data_, struct fusion_object *from_)                      \
	{                                                                      \
		return fusion_object_inherit(fusion_object_of(data_), from_);  \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_throw(              \
		type *data_, fusion_id_t member_)                              \
	{                                                                      \
		return fusion_object_throw(fusion_object_of(data_), member_);  \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_stat(               \
		type *data_, struct fusion_object_stat *ret_)                  \
	{                                                                      \
		return fusion_object_stat(fusion_object_of(data_), ret_);      \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_attach(             \
		type *data_, fusion_reaction_fn fn_, void *ctx_,               \
		struct fusion_reaction **ret_)                                 \
	{                                                                      \
		return fusion_object_attach(fusion_object_of(data_), fn_,      \
					    ctx_, ret_);                       \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_attach_channel(     \
		type *data_, uint32_t channel_, fusion_reaction_fn fn_,        \
		void *ctx_, const struct fusion_reactor_policy *policy_,       \
		struct fusion_reaction **ret_)                                 \
	{                                                                      \
		return fusion_object_attach_channel(fusion_object_of(data_),   \
						    channel_, fn_, ctx_,       \
						    policy_, ret_);            \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_detach(             \
		struct fusion_reaction *reaction_)                             \
	{                                                                      \
		return fusion_object_detach(reaction_);                        \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_attach_global(      \
		type *data_, uint32_t index_, void *ctx_)                      \
	{                                                                      \
		return fusion_object_attach_global(fusion_object_of(data_),    \
						   index_, ctx_);              \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_detach_global(      \
		type *data_, uint32_t index_, void *ctx_)                      \
	{                                                                      \
		return fusion_object_detach_global(fusion_object_of(data_),    \
						   index_, ctx_);              \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_dispatch(           \
		type *data_, const void *message_, size_t size_,               \
		unsigned flags_)                                               \
	{                                                                      \
		return fusion_object_dispatch(fusion_object_of(data_),         \
					      message_, size_, flags_);        \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_dispatch_channel(   \
		type *data_, uint32_t channel_, const void *message_,          \
		size_t size_, unsigned flags_,                                 \
		const fusion_global_fn *globals_, size_t n_globals_)           \
	{                                                                      \
		return fusion_object_dispatch_channel(                         \
			fusion_object_of(data_), channel_, message_, size_,    \
			flags_, globals_, n_globals_);                         \
	}

/* What takes nothing but the object. */
#define FUSION_OBJECT_METHOD_(type, prefix, verb)                              \
	static inline __attribute__((unused)) int prefix##_##verb(type *data_) \
	{                                                                      \
		return fusion_object_##verb(fusion_object_of(data_));          \
	}

FUSION_END_DECLS

#endif
