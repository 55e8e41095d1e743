/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Vectors: values in a row, found by their index, in the shared heap.
 *
 * fusion/container.h says what is true of all containers: handles, locks,
 * deaths, values.
 *
 * Every call returns -EINVAL if its handle is no vector of an arena that the
 * process is in; -EIDRM if it is being destroyed; -EIO if its memory has been
 * written over; -ENOMEM or -EMFILE if the thread is new here and gets no
 * record.  Nothing has happened then.
 *
 * Adding and removing at either end takes constant time on average.  Inserting,
 * removing and moving between others copies the vector, so that a death leaves
 * one or the other.
 */
#ifndef FUSION_VECTOR_H
#define FUSION_VECTOR_H

#include <fusion/container.h>

FUSION_BEGIN_DECLS

/** A vector in an arena; see fusion_vector_create(). */
struct fusion_vector;

/** Most values that one can have. */
#define FUSION_VECTOR_MAX ((uint64_t)1 << 30)

/**
 * Make a vector; it is empty.
 *
 * @param flags  FUSION_CONTAINER_LOCK, FUSION_CONTAINER_WORDS
 * @param ret    the handle; it lives until fusion_vector_destroy() or the
 *               arena's end, whoever made it
 *
 * @return 0; -EINVAL; -ENOMEM; -ENOSPC no skirmish left; -EMFILE
 *
 * Who is killed in the call may leave one block, and with FUSION_CONTAINER_LOCK
 * a skirmish without a name.
 */
FUSION_API int fusion_vector_create(struct fusion_arena *arena, uint32_t flags,
				    struct fusion_vector **ret);

/**
 * Free a vector; what its values point to is the caller's.  NULL is nothing to
 * do.
 *
 * Nobody may use it any more; who tries while it is going gets -EIDRM.  If the
 * caller is killed, another can call it again to finish.
 *
 * @return 0
 */
FUSION_API int fusion_vector_destroy(struct fusion_vector *vector);

/** Add a value at the end.  0; -EINVAL; -ENOMEM, also at FUSION_VECTOR_MAX. */
FUSION_API int fusion_vector_add(struct fusion_vector *vector,
				 union fusion_value value);

/**
 * Insert a value before the one at @index; those behind move up.
 *
 * @param index  0 to the size
 * @return 0; -ERANGE; -EINVAL; -ENOMEM
 */
FUSION_API int fusion_vector_insert(struct fusion_vector *vector,
				    uint64_t index, union fusion_value value);

/** Get the value at @index.  0; -ERANGE. */
FUSION_API int fusion_vector_at(struct fusion_vector *vector, uint64_t index,
				union fusion_value *ret);

/**
 * Set the value at @index.
 *
 * @param ret_old  may be NULL; the value that was there
 * @return 0; -ERANGE; -EINVAL
 */
FUSION_API int fusion_vector_set(struct fusion_vector *vector, uint64_t index,
				 union fusion_value value,
				 union fusion_value *ret_old);

/**
 * Remove the value at @index; those behind move down.
 *
 * @param ret_old  may be NULL; the value that was there
 * @return 0; -ERANGE; -ENOMEM, but never for the first and the last
 */
FUSION_API int fusion_vector_remove(struct fusion_vector *vector,
				    uint64_t index,
				    union fusion_value *ret_old);

/**
 * Move the value at index @from so that it is at index @to; those between move
 * by one.
 *
 * @return 0; -ERANGE; -ENOMEM
 */
FUSION_API int fusion_vector_move(struct fusion_vector *vector, uint64_t from,
				  uint64_t to);

/** The number of values, or -errno. */
FUSION_API int64_t fusion_vector_size(struct fusion_vector *vector);

/** The index of the first value that is @value; -ENOENT; -errno.  Looks at one
 *  after the other. */
FUSION_API int64_t fusion_vector_index_of(struct fusion_vector *vector,
					  union fusion_value value);

/** Have memory for @n values in all, so that adding them at the end cannot
 *  fail.  Inserting, and removing others than the last, may forget it.
 *  0; -EINVAL beyond FUSION_VECTOR_MAX; -ENOMEM. */
FUSION_API int fusion_vector_reserve(struct fusion_vector *vector, uint64_t n);

/** Give back the memory that the values do not need.  0; -ENOMEM. */
FUSION_API int fusion_vector_shrink(struct fusion_vector *vector);

/**
 * Take the vector's own lock for several calls, or give it back.  It is
 * recursive, as all skirmishes.
 *
 * @return 0; -EINVAL it has none; -EPERM (unlock) the caller does not hold it
 */
FUSION_API int fusion_vector_lock(struct fusion_vector *vector);
FUSION_API int fusion_vector_unlock(struct fusion_vector *vector);

FUSION_END_DECLS

#endif
