/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Vectors: find values by an index, in the shared heap.
 *
 * fusion/container.h describes what all containers have in common: handles,
 * locks, deaths, values.
 *
 * All functions that take a vector may also return the following errors.
 * Nothing has happened then.
 *   -EINVAL  no vector of an arena that this process is in
 *   -EIDRM   the vector is being destroyed
 *   -EIO     a member has overwritten the vector's memory
 *
 * Adding and removing at either end takes constant time on average.  Inserting,
 * removing and moving in the middle copies the vector: if the caller is killed
 * meanwhile, either the old copy counts or the new one.
 *
 * Blocking: with FUSION_CONTAINER_LOCK each function waits for the vector's
 * lock; signals do not end the wait.  Without it no function waits, except for
 * the short lock of the heap.
 */
#ifndef FUSION_VECTOR_H
#define FUSION_VECTOR_H

#include <fusion/container.h>

FUSION_BEGIN_DECLS

/** A vector in an arena; see fusion_vector_create(). */
struct fusion_vector;

struct fusion_hash;
struct fusion_key;
struct fusion_list;
struct fusion_list_node;

/** Most values of a vector. */
#define FUSION_VECTOR_MAX ((uint64_t)1 << 30)

/** What a vector is to be. */
struct fusion_vector_options {
	size_t size; /**< sizeof(struct fusion_vector_options) */
	/** FUSION_CONTAINER_LOCK, FUSION_CONTAINER_WORDS. */
	uint32_t flags;
	uint32_t reserved; /**< 0 */
};

/** All defaults. */
#define FUSION_VECTOR_OPTIONS_INIT                         \
	{                                                  \
		sizeof(struct fusion_vector_options), 0, 0 \
	}

/**
 * Create an empty vector.
 *
 * @param arena    the arena to create it in
 * @param name     its name, by which other members find it, and which shows it
 *                 in vectors/; NULL: it has no name.  A name has 1 to 63 bytes,
 *                 no '/' and no control characters, and does not begin with '.'
 *                 or '#'
 * @param options  what the vector is to be; NULL for all defaults
 * @param ret      receives the handle.  The vector lives until
 *                 fusion_vector_destroy() or the arena's end; the death of its
 *                 creator does not end it
 *
 * @return
 *   0              created
 *   -EEXIST        the arena has a vector of that name
 *   -EINVAL        an argument is not valid
 *   -ENAMETOOLONG  the name is too long
 *   -E2BIG         the options say something that this library does not know
 *   -ENOMEM        the arena has no memory left
 *   -ENOSPC        the arena has no room for another name, or for the
 *                  skirmish of FUSION_CONTAINER_LOCK
 *
 * A caller that is killed may leak one block, and with FUSION_CONTAINER_LOCK a
 * skirmish without a name.
 *
 * Any thread.  Takes a short lock for the name, and when fusion_malloc() does.
 */
FUSION_API int fusion_vector_create(struct fusion_arena *arena,
				    const char *name,
				    const struct fusion_vector_options *options,
				    struct fusion_vector **ret);

/**
 * Find the vector of a name, or create it.
 *
 * @param arena    the arena
 * @param name     the name, as for fusion_vector_create(), not NULL
 * @param options  as for fusion_vector_create().  A vector that exists
 *                 must have been created with the same flags
 * @param ret      receives the handle
 *
 * @return
 *   0              done
 *   -EPROTOTYPE    the vector exists, and has other flags
 *   -EIO           a member has overwritten the vector's memory
 *   others         as fusion_vector_create(), but not -EEXIST
 *
 * If several threads call this at once, one of them creates the vector and all
 * get it.
 *
 * Any thread.  Takes a short lock for the name, and when fusion_malloc() does.
 */
FUSION_API int fusion_vector_open(struct fusion_arena *arena, const char *name,
				  const struct fusion_vector_options *options,
				  struct fusion_vector **ret);

/**
 * Find the vector of a name.
 *
 * @param arena  the arena
 * @param name   the name, as for fusion_vector_create(), not NULL
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        the arena has no vector of that name
 *   -EINVAL        an argument is not valid
 *   -ENAMETOOLONG  the name is too long
 *   -EIO           a member has overwritten the vector's memory
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_vector_lookup(struct fusion_arena *arena,
				    const char *name,
				    struct fusion_vector **ret);

/**
 * Find the vector of an id.
 *
 * @param arena  the arena
 * @param id     the id of a vector that has a name, from fusion_vector_id()
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  the arena has no vector of that id, or the vector has no name
 *   -EINVAL  @id is 0, or @arena or @ret is NULL
 *   -EIO     a member has overwritten the vector's memory
 *
 * Takes time in proportion to the number of vectors that have a name.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_vector_get(struct fusion_arena *arena, fusion_id_t id,
				 struct fusion_vector **ret);

/**
 * Get the id of a vector, which no other thing of the arena ever has.
 *
 * @param vector  the vector, which need not have a name
 *
 * @return the id; 0 if the vector is being destroyed, or @vector is no vector
 *         of an arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_vector_id(const struct fusion_vector *vector);

/**
 * Destroy a vector and free its memory.
 *
 * @param vector  the vector; no thread may use it any more.  NULL does nothing
 *
 * @return 0; or an error that all functions may return
 *
 * What the values point to stays the caller's.  A thread that uses the vector
 * during the call gets -EIDRM, and no thread finds it by its name any more.  If
 * the caller is killed, another thread that has the handle can call this again
 * to finish.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_destroy(struct fusion_vector *vector);

/**
 * Add a value at the end.
 *
 * @param vector  the vector
 * @param value   the value
 *
 * @return
 *   0        added
 *   -EINVAL  also: the value is not valid
 *   -ENOMEM  the arena has no memory left, or the vector has FUSION_VECTOR_MAX
 *            values
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_add(struct fusion_vector *vector,
				 struct fusion_value value);

/**
 * Insert a value at an index; the values from there on move up by one.
 *
 * @param vector  the vector
 * @param index   the index of the new value: 0 to the number of values
 * @param value   the value
 *
 * @return
 *   0        inserted
 *   -ERANGE  @index is too large
 *   -EINVAL  also: the value is not valid
 *   -ENOMEM  the arena has no memory left, or the vector has FUSION_VECTOR_MAX
 *            values
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_insert(struct fusion_vector *vector,
				    uint64_t index, struct fusion_value value);

/**
 * Get the value at an index.
 *
 * @param vector  the vector
 * @param index   the index
 * @param ret     receives the value
 *
 * @return
 *   0        done
 *   -ERANGE  @index is too large
 *   -EINVAL  also: @ret is NULL
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_at(struct fusion_vector *vector, uint64_t index,
				struct fusion_value *ret);

/**
 * Set the value at an index.
 *
 * @param vector   the vector
 * @param index    the index
 * @param value    the new value
 * @param ret_old  receives the old value, or NULL
 *
 * @return
 *   0        done
 *   -ERANGE  @index is too large
 *   -EINVAL  also: the value is not valid
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_set(struct fusion_vector *vector, uint64_t index,
				 struct fusion_value value,
				 struct fusion_value *ret_old);

/**
 * Remove the value at an index; the values behind it move down by one.
 *
 * @param vector   the vector
 * @param index    the index
 * @param ret_old  receives the old value, or NULL
 *
 * @return
 *   0        removed
 *   -ERANGE  @index is too large
 *   -ENOMEM  the arena has no memory left; never for the first and last value
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_remove(struct fusion_vector *vector,
				    uint64_t index,
				    struct fusion_value *ret_old);

/**
 * Move a value to another index; the values between move by one.
 *
 * @param vector  the vector
 * @param from    the index that the value has
 * @param to      the index that the value is to have
 *
 * @return
 *   0        moved
 *   -ERANGE  @from or @to is too large
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_move(struct fusion_vector *vector, uint64_t from,
				  uint64_t to);

/**
 * Move a value from a vector to a hash, in one step.
 *
 * @param from   the vector
 * @param index  the index of the value
 * @param to     a hash of the same arena
 * @param key    the key under which @to gets the value; @to copies a string or
 *               bytes
 *
 * @return
 *   0        moved
 *   -ERANGE  @from has no such index
 *   -EEXIST  the key has an entry in @to; nothing has happened
 *   -EINVAL  also: the two are in two arenas; the key is not valid; or the
 *            value is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_vector_move_to_hash(struct fusion_vector *from,
					  uint64_t index,
					  struct fusion_hash *to,
					  struct fusion_key key);

/**
 * Move a value from a vector to a list, in one step.
 *
 * @param from    the vector
 * @param index   the index of the value
 * @param to      a list of the same arena
 * @param before  a node of @to, before which the value goes; NULL for the back
 * @param ret     receives the new node, or NULL
 *
 * @return
 *   0        moved
 *   -ERANGE  @from has no such index
 *   -EINVAL  also: the two are in two arenas; @before is not in @to; or the
 *            value is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_vector_move_to_list(struct fusion_vector *from,
					  uint64_t index,
					  struct fusion_list *to,
					  struct fusion_list_node *before,
					  struct fusion_list_node **ret);

/**
 * Move a value from a vector to the end of another one, in one step.
 *
 * @param from   the vector
 * @param index  the index of the value
 * @param to     another vector of the same arena
 *
 * @return
 *   0        moved
 *   -ERANGE  @from has no such index
 *   -EINVAL  also: @from and @to are one vector, or in two arenas; or the value
 *            is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_vector_move_to_vector(struct fusion_vector *from,
					    uint64_t index,
					    struct fusion_vector *to);

/**
 * Count the values of a vector.
 *
 * @param vector  the vector
 * @param ret     receives the number of values
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_count(struct fusion_vector *vector, uint64_t *ret);

/**
 * Find the first index of a value.
 *
 * @param vector  the vector
 * @param value   the value
 * @param ret     receives the index, or NULL
 *
 * @return
 *   0        found
 *   -ENOENT  the vector does not have the value
 *
 * Any thread.  Compares the values one after the other.  Blocks as the top of
 * this file says.
 */
FUSION_API int fusion_vector_index_of(struct fusion_vector *vector,
				      struct fusion_value value, uint64_t *ret);

/**
 * Reserve memory for a number of values, so that adding them cannot fail.
 *
 * @param vector  the vector
 * @param n       values in all, those that the vector has included
 *
 * @return
 *   0        reserved, for adding at the end.  Inserting elsewhere, and
 *            removing any but the last value, may give the memory back
 *   -EINVAL  also: @n is more than FUSION_VECTOR_MAX
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_reserve(struct fusion_vector *vector, uint64_t n);

/**
 * Give back the memory that the values do not need.
 *
 * @param vector  the vector
 *
 * @return
 *   0        done
 *   -ENOMEM  the arena has no memory left for the smaller copy
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_shrink(struct fusion_vector *vector);

/** The numbers of a vector at one moment; see fusion_vector_stat().  They grow
 *  at their end in later versions. */
struct fusion_vector_stat {
	fusion_id_t id;	   /**< fusion_vector_id() */
	uint32_t flags;	   /**< FUSION_CONTAINER_..., as it was created */
	uint64_t count;	   /**< values */
	uint64_t capacity; /**< values that the memory has room for */
	uint64_t bytes; /**< heap memory of the vector and its values, without
			     the lock */
};

/**
 * Get the numbers of a vector.
 *
 * @param vector  the vector
 * @param ret     receives the numbers
 * @param size    sizeof(*ret); see fusion/types.h for results that are structs
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL, or @size is 0
 *
 * Takes constant time.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_vector_stat(struct fusion_vector *vector,
				  struct fusion_vector_stat *ret, size_t size);

/**
 * Lock the vector's own lock for several calls.
 *
 * @param vector  a vector with FUSION_CONTAINER_LOCK
 *
 * @return
 *   0        locked; a thread may lock several times, like a skirmish
 *   -EINVAL  also: the vector has no lock
 *
 * Any thread.  Blocks as long as necessary; signals do not end the wait.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_vector_lock(struct fusion_vector *vector);
/**
 * Unlock the vector's own lock.
 *
 * @param vector  a vector with FUSION_CONTAINER_LOCK
 *
 * @return
 *   0        unlocked
 *   -EINVAL  also: the vector has no lock
 *   -EPERM   the caller does not hold it
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_vector_unlock(struct fusion_vector *vector);

FUSION_END_DECLS

#endif
