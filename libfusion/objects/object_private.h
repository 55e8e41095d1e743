/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of objects and their pools share. */
#ifndef FUSION_OBJECT_PRIVATE_H
#define FUSION_OBJECT_PRIVATE_H

#include <fusion/object.h>

#include "libfusion/arena/arenas.h"
#include "libfusion/arena/entries.h"
#include "libfusion/core/objects/object.h"
#include "libfusion/talk/dispatch.h"

/* What this process registered of a pool.  Guarded by the duty's lock. */
struct pool_type {
	struct object_pool *pool;
	uint32_t id; /* of the pool */
	fusion_object_destructor_fn destructor;
	void *ctx;
	fusion_object_describe_fn describe;
	void *describe_ctx;
	unsigned pins; /* as many use it */
	bool ended;    /* not registered any more: the last one frees it */
	bool destroying;
	struct pool_type *next;
};

/* --- object.c ------------------------------------------------------------- */

/* The live record at @object and the calling thread's part of its arena; NULL
 * and *ret_error. */
struct object *object_of(const struct fusion_object *object,
			 struct tcache **ret_cache, int *ret_error);
/* The same, and its reference. */
struct ref *object_counter(const struct fusion_object *object,
			   struct tcache **ret_cache, int *ret_error);
/* What a reference says that is locked at zero: its object is destroyed. */
static inline int as_object(int r)
{
	return r == -EAGAIN ? -EOWNERDEAD : r;
}
/* A local reference more of @ref, if it is that of @o, which has @id. */
int object_up(const struct view *v, const struct object *o, uint32_t id,
	      struct ref *ref);

/* --- object_pool.c -------------------------------------------------------- */

struct object_pool *object_pool_of(struct fusion_object_pool *pool,
				   struct tcache **ret_cache, int *ret_error);
static inline uint32_t object_pool_index(const struct view *v,
					 const struct object_pool *p)
{
	return (uint32_t)(p - object_pool_at(v, 0));
}

/* --- object_duty.c -------------------------------------------------------- */

/* Who runs destructors, and who looks at what has fallen.  0, -errno. */
int duty_start(struct fusion_arena *arena);
/* Register, or register anew, and look at what has fallen.  0, -errno. */
int duty_register(struct fusion_arena *arena, struct object_pool *p,
		  fusion_object_destructor_fn destructor, void *ctx);
/* The same without threads: who registers so calls duty_run(). */
int duty_add(struct fusion_arena *arena, struct object_pool *p,
	     fusion_object_destructor_fn destructor, void *ctx);
/* All that there is to do now.  How many have ended. */
unsigned duty_run(struct fusion_arena *arena);
/* -ENOENT. */
int duty_unregister(struct fusion_arena *arena, struct object_pool *p);
/* What was registered of @p, NULL nothing; it stays until duty_unpin(). */
struct pool_type *duty_pin(struct fusion_arena *arena, struct object_pool *p);
void duty_unpin(struct fusion_arena *arena, struct pool_type *t);
int duty_set_describe(struct fusion_arena *arena, struct object_pool *p,
		      fusion_object_describe_fn fn, void *ctx);
/* -ENOENT there is none. */
int duty_describe_of(struct fusion_arena *arena, struct object_pool *p,
		     fusion_object_describe_fn *ret, void **ret_ctx);
/* Only the first one gets it, until it gives it back: it has not destroyed it,
 * and is willing to go on with who does. */
bool duty_begin_destroy(struct fusion_arena *arena, struct pool_type *t);
void duty_end_destroy(struct fusion_arena *arena, struct pool_type *t);

/* Is the calling thread in the destructor of @o; in one of pool @p, or further
 * down? */
bool duty_ends(const struct object *o);
bool duty_ends_one_of(const struct object_pool *p);
/* Run the destructor of @t, if @o is ACTIVE, and reap.  It is claimed by this
 * member. */
int duty_finish(struct fusion_arena *arena, struct pool_type *t,
		struct object *o, uint32_t id, bool zombie);
/* The same for all of a pool that is dying.  How many are left, -errno. */
int duty_finish_all(struct fusion_arena *arena, struct pool_type *t);

static inline uint64_t who_am_i(const struct fusion_arena *a)
{
	return REF_WHO(a->view.slot, a->id);
}

#endif
