/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Functions for objects of one type, which a macro defines.
 *
 * <fusion/fusion.h> does not include this header: a program that wants the
 * macro includes it.
 */
#ifndef FUSION_OBJECT_METHODS_H
#define FUSION_OBJECT_METHODS_H

#include <errno.h>

#include <fusion/object.h>

FUSION_BEGIN_DECLS

/**
 * Define type-safe functions for objects whose data is a @type.
 *
 *   FUSION_OBJECT_METHODS(struct surface, surface)
 *
 * defines functions on `struct surface *`, which is the data of the object:
 *
 *   surface_pool_create(arena, name, options, &pool)
 *   surface_pool_open(arena, name, options, &pool)
 *   surface_create(pool, &surface)
 *   surface_get(pool, id, &surface)
 *   surface_object(surface)
 *   surface_link(&slot, surface)
 *   surface_unlink(&slot)
 *   surface_inherit(surface, object)
 *
 * It also defines surface_activate(), _destroy(), _ref(), _unref(),
 * _globalize(), _throw(), _catch(), _stat(), _attach(), _detach(),
 * _attach_global(), _detach_global() and _dispatch().  Each does what the
 * fusion_object_ function of its name does.
 *
 * The pool's functions use sizeof(type) for an object_size of 0 in @options,
 * which may be NULL.  surface_create() and surface_get() return -EPROTOTYPE if
 * the objects of the pool are smaller than a @type.
 *
 * The parameters' names end in _, so that they hide no name of the program.
 */
#define FUSION_OBJECT_METHODS(type, prefix)                                    \
	static inline                                                          \
		__attribute__((unused)) struct fusion_object *prefix##_object( \
			const type *data_)                                     \
	{                                                                      \
		return fusion_object_of(data_);                                \
	}                                                                      \
	FUSION_OBJECT_POOL_METHOD_(type, prefix, create)                       \
	FUSION_OBJECT_POOL_METHOD_(type, prefix, open)                         \
	static inline __attribute__((unused)) int prefix##_create(             \
		struct fusion_object_pool *pool_, type **ret_)                 \
	{                                                                      \
		struct fusion_object *object_;                                 \
		int r_ = ret_ ? fusion_object_create(pool_, &object_)          \
			      : -EINVAL;                                       \
                                                                               \
		if (r_ < 0)                                                    \
			return r_;                                             \
		if (fusion_object_data_size(object_) < sizeof(type)) {         \
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
		if (fusion_object_data_size(object_) < sizeof(type)) {         \
			fusion_object_unref(object_);                          \
			return -EPROTOTYPE;                                    \
		}                                                              \
		*ret_ = (type *)fusion_object_data(object_);                   \
		return 0;                                                      \
	}                                                                      \
	FUSION_OBJECT_METHOD_(type, prefix, activate)                          \
	static inline                                                          \
		__attribute__((unused)) int prefix##_destroy(type *data_)      \
	{                                                                      \
		struct fusion_object *object_ = fusion_object_of(data_);       \
                                                                               \
		return data_ && !object_ ? -EINVAL                             \
					 : fusion_object_destroy(object_);     \
	}                                                                      \
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
		type *data_, struct fusion_object_stat *ret_, size_t size_)    \
	{                                                                      \
		return fusion_object_stat(fusion_object_of(data_), ret_,       \
					  size_);                              \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_attach(             \
		type *data_,                                                   \
		const struct fusion_reactor_attach_options *options_,          \
		fusion_reaction_fn fn_, void *ctx_,                            \
		struct fusion_reaction **ret_)                                 \
	{                                                                      \
		return fusion_object_attach(fusion_object_of(data_), options_, \
					    fn_, ctx_, ret_);                  \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_detach(             \
		struct fusion_reaction *reaction_)                             \
	{                                                                      \
		return fusion_object_detach(reaction_);                        \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_attach_global(      \
		type *data_,                                                   \
		const struct fusion_reactor_global_options *options_,          \
		void *ctx_)                                                    \
	{                                                                      \
		return fusion_object_attach_global(fusion_object_of(data_),    \
						   options_, ctx_);            \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_detach_global(      \
		type *data_,                                                   \
		const struct fusion_reactor_global_options *options_,          \
		void *ctx_)                                                    \
	{                                                                      \
		return fusion_object_detach_global(fusion_object_of(data_),    \
						   options_, ctx_);            \
	}                                                                      \
	static inline __attribute__((unused)) int prefix##_dispatch(           \
		type *data_,                                                   \
		const struct fusion_reactor_dispatch_options *options_,        \
		const void *message_, size_t size_)                            \
	{                                                                      \
		return fusion_object_dispatch(fusion_object_of(data_),         \
					      options_, message_, size_);      \
	}

/* A function that makes or finds a pool. */
#define FUSION_OBJECT_POOL_METHOD_(type, prefix, verb)                    \
	static inline __attribute__((unused)) int prefix##_pool_##verb(   \
		struct fusion_arena *arena_, const char *name_,           \
		const struct fusion_object_pool_options *options_,        \
		struct fusion_object_pool **ret_)                         \
	{                                                                 \
		struct fusion_object_pool_options sized_ =                \
			FUSION_OBJECT_POOL_OPTIONS_INIT;                  \
                                                                          \
		if (options_ && options_->size != sizeof(sized_))         \
			return fusion_object_pool_##verb(arena_, name_,   \
							 options_, ret_); \
		if (options_)                                             \
			sized_ = *options_;                               \
		if (!sized_.object_size)                                  \
			sized_.object_size = sizeof(type);                \
		return fusion_object_pool_##verb(arena_, name_, &sized_,  \
						 ret_);                   \
	}

/* A function that has no parameter but the object. */
#define FUSION_OBJECT_METHOD_(type, prefix, verb)                              \
	static inline __attribute__((unused)) int prefix##_##verb(type *data_) \
	{                                                                      \
		return fusion_object_##verb(fusion_object_of(data_));          \
	}

FUSION_END_DECLS

#endif
