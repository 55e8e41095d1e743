/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Fields: shared data with names.
 *
 * A field is a pointer into the arena that has a name, and may have a size and
 * a type.  Members find shared data by it.  In the mounted tree the field is
 * the file fields/NAME.
 *
 * A field is the name only.  The data is a block of the heap, and stays when
 * the field is removed or the member that created it has gone.  If nobody uses
 * the data any more, any member may free it with fusion_free().
 *
 * A thread that gets a field sees all that its creator wrote before.
 */
#ifndef FUSION_FIELD_H
#define FUSION_FIELD_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

struct fusion_arena;

/**
 * A callback that initialises the data of a new field.
 *
 * @param data  the data, which no other thread sees yet
 * @param ctx   fusion_field_options.ctx
 *
 * @return 0; or a negative errno, which becomes the result of the function that
 *         was to create the field
 *
 * Runs on the thread that creates the field, without a lock.  May call
 * everything but fusion_arena_exit() for this arena.  May leave without
 * returning: see fusion/types.h.
 */
typedef int (*fusion_field_fn)(void *data, void *ctx);

/** What a field is to be.  Begin with FUSION_FIELD_OPTIONS_INIT, then set what
 *  you want. */
struct fusion_field_options {
	size_t size;	   /**< sizeof(struct fusion_field_options) */
	uint32_t flags;	   /**< 0 */
	uint32_t reserved; /**< 0 */
	/** Bytes of the data, which readers may check; 0: unknown, if `data` is
	 *  given. */
	size_t data_size;
	/** A word that readers may check, at most 39 bytes, or NULL. */
	const char *type;
	/** A pointer into the arena, whose memory stays the caller's; NULL: the
	 *  field gets `data_size` bytes of zeros from the heap. */
	void *data;
	/** Runs before any other thread can find the field, or NULL. */
	fusion_field_fn initialize;
	void *ctx; /**< argument of initialize() */
};

/** All defaults.  Set data_size, or data. */
#define FUSION_FIELD_OPTIONS_INIT                                         \
	{                                                                 \
		sizeof(struct fusion_field_options), 0, 0, 0, NULL, NULL, \
			NULL, NULL                                        \
	}

/**
 * Create a field: publish shared data under a name.
 *
 * @param arena    the arena
 * @param name     unique among the arena's fields: 1 to 63 bytes without '/'
 *                 and control characters, not beginning with '.' or '#'
 * @param options  what the field is to be, not NULL
 * @param ret      receives the pointer to the data, or NULL
 *
 * @return
 *   0              created
 *   -EEXIST        another field has that name
 *   -EINVAL        the name, the type or another option is not valid; the bytes
 *                  at options->data are not in the arena; or data_size is 0,
 *                  and there is no data
 *   -E2BIG         an option is set that this library does not know
 *   -ENAMETOOLONG  the name or the type is too long
 *   -ENOSPC        the arena has no room for another field
 *   -ENOMEM        the arena has no memory left
 *   other          initialize() returned it
 *
 * A call that fails publishes nothing, and frees the block that it allocated.
 * A caller that is killed has published the whole field or nothing.  If it is
 * killed before, a block that the call allocated leaks until the arena's end.
 *
 * Any thread.  Takes a short lock.  Holds no lock while initialize() runs.
 */
FUSION_API int fusion_field_create(struct fusion_arena *arena, const char *name,
				   const struct fusion_field_options *options,
				   void **ret);

/**
 * Find the field of a name, or create it.
 *
 * @param arena    the arena
 * @param name     the name, as for fusion_field_create()
 * @param options  as for fusion_field_create().  If the field exists, its size
 *                 and type are compared with these, as fusion_field_lookup()
 *                 does; `data` and initialize() are not used
 * @param ret      receives the pointer to the data, or NULL
 *
 * @return
 *   0              found or created
 *   -EPROTOTYPE    the field exists with another size or type, or without;
 *                  fusion_strerror() names both
 *   -EIO           a member has overwritten the field
 *   other          as fusion_field_create(), but -EEXIST only from
 *                  initialize()
 *
 * Of several threads that call this at once, one creates the field and all get
 * its pointer.  initialize() may run in each of them, once, for a block of its
 * own.  One of these blocks is published.  The others are freed.  So
 * initialize() should write to the data only: what else it makes, it may make
 * in vain.
 *
 * Any thread.  Takes a short lock.  Holds no lock while initialize() runs.
 */
FUSION_API int fusion_field_open(struct fusion_arena *arena, const char *name,
				 const struct fusion_field_options *options,
				 void **ret);

/**
 * Find the field of a name.
 *
 * @param arena  the arena
 * @param name   the name
 * @param size   the size that the field has to have been created with, usually
 *               the sizeof of the program's struct; 0 does not check
 * @param type   the type that it has to have been created with; NULL does not
 *               check
 * @param ret    receives the pointer to the data
 *
 * @return
 *   0              found
 *   -ENOENT        no field has that name
 *   -EPROTOTYPE    the field has another size or type, or was created without;
 *                  fusion_strerror() names both
 *   -EINVAL        no field can have that name, or @ret is NULL
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EIO           a member has overwritten the field
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_field_lookup(struct fusion_arena *arena, const char *name,
				   size_t size, const char *type, void **ret);

/**
 * Wait until a field is created, then get its pointer.
 *
 * @param arena       the arena
 * @param name        the name
 * @param size        as for fusion_field_lookup()
 * @param type        as for fusion_field_lookup()
 * @param timeout_ns  longest wait in nanoseconds; 0 does not wait,
 *                    FUSION_FOREVER has no limit
 * @param flags       FUSION_WAIT_..., or 0
 * @param ret         receives the pointer to the data
 *
 * @return
 *   0              found
 *   -ETIMEDOUT     nobody has created it in time
 *   -EINTR         a signal handler has run (FUSION_WAIT_INTERRUPTIBLE)
 *   -EPROTOTYPE    the field has another size or type, or was created without
 *   -EINVAL        no field can have that name, @ret is NULL, or @timeout_ns or
 *                  @flags is not valid
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *   -EIO           a member has overwritten the field
 *
 * Any thread.  Blocks.
 */
FUSION_API int fusion_field_wait(struct fusion_arena *arena, const char *name,
				 size_t size, const char *type,
				 int64_t timeout_ns, uint32_t flags,
				 void **ret);

/**
 * Remove a field; the memory that it points to stays.
 *
 * @param arena  the arena
 * @param name   the name
 *
 * @return
 *   0              removed
 *   -ENOENT        no field has that name
 *   -EINVAL        no field can have that name
 *   -ENAMETOOLONG  @name is longer than 63 bytes
 *
 * Members that have the pointer go on using the memory.  Free it when none does
 * any more.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_field_remove(struct fusion_arena *arena,
				   const char *name);

FUSION_END_DECLS

#endif
