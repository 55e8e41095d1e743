/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Hashes: values found by a key, in the shared heap.
 *
 * fusion/container.h says what is true of all containers: handles, locks,
 * deaths, values.
 *
 * Every call returns -EINVAL if its handle is no hash of an arena that the
 * process is in; -EIDRM if it is being destroyed; -EIO if its memory has been
 * written over; -ENOMEM or -EMFILE if the thread is new here and gets no
 * record.  Nothing has happened then.
 *
 * Calls take constant time on average.  One that adds or removes may move the
 * whole hash to a larger or smaller table, in one step as far as a death is
 * concerned.
 */
#ifndef FUSION_HASH_H
#define FUSION_HASH_H

#include <fusion/container.h>

FUSION_BEGIN_DECLS

/** A hash in an arena; see fusion_hash_create(). */
struct fusion_hash;

/** What a hash has for keys. */
enum fusion_key_type {
	FUSION_KEY_STRING = 1, /**< NUL-terminated, copied into the heap */
	FUSION_KEY_INT = 2,    /**< 64 bits */
	FUSION_KEY_POINTER =
		3,	      /**< into the arena; what is there is not read */
	FUSION_KEY_BYTES = 4, /**< any, copied into the heap */
};

/** A key; made by the four functions below. */
struct fusion_key {
	union {
		const void *bytes; /**< private or shared; the caller's */
		uint64_t word;
	} at;
	uint32_t type; /**< enum fusion_key_type */
	uint32_t size; /**< of bytes; else 0 */
};

static inline struct fusion_key fusion_key_string(const char *string)
{
	struct fusion_key key = {{string}, FUSION_KEY_STRING, 0};

	return key;
}

static inline struct fusion_key fusion_key_int(uint64_t word)
{
	struct fusion_key key = {{NULL}, FUSION_KEY_INT, 0};

	key.at.word = word;
	return key;
}

static inline struct fusion_key fusion_key_pointer(const void *pointer)
{
	struct fusion_key key = {{pointer}, FUSION_KEY_POINTER, 0};

	return key;
}

static inline struct fusion_key fusion_key_bytes(const void *bytes,
						 uint32_t size)
{
	struct fusion_key key = {{bytes}, FUSION_KEY_BYTES, size};

	return key;
}

/**
 * Make a hash; it is empty.
 *
 * @param keys   what its keys are; a key of another type is refused with
 *               -EINVAL
 * @param flags  FUSION_CONTAINER_..., AUTOFREE not with WORDS
 * @param ret    the handle; it lives until fusion_hash_destroy() or the arena's
 *               end, whoever made it
 *
 * @return 0; -EINVAL; -ENOMEM; -ENOSPC no skirmish left; -EMFILE
 *
 * Who is killed in the call may leave one block, and with FUSION_CONTAINER_LOCK
 * a skirmish without a name.
 */
FUSION_API int fusion_hash_create(struct fusion_arena *arena,
				  enum fusion_key_type keys, uint32_t flags,
				  struct fusion_hash **ret);

/**
 * Free a hash, its copies of keys and with FUSION_CONTAINER_AUTOFREE its
 * values. NULL is nothing to do.
 *
 * Nobody may use it any more; who tries while it is going gets -EIDRM.  If the
 * caller is killed, another can call it again to finish.
 *
 * @return 0
 */
FUSION_API int fusion_hash_destroy(struct fusion_hash *hash);

/**
 * Add an entry.
 *
 * @return 0; -EEXIST the key is there, and its value untouched; -EINVAL key or
 *         value (also: AUTOFREE, and no block begins at the value); -ENOMEM
 */
FUSION_API int fusion_hash_insert(struct fusion_hash *hash,
				  struct fusion_key key,
				  union fusion_value value);

/**
 * Set the value of a key, adding an entry if there is none.
 *
 * @param ret_old  may be NULL; the value that it had, which is the caller's now
 *
 * @return 1 replaced; 0 added, *ret_old is not written; -EINVAL, -ENOMEM as
 *         fusion_hash_insert()
 */
FUSION_API int fusion_hash_replace(struct fusion_hash *hash,
				   struct fusion_key key,
				   union fusion_value value,
				   union fusion_value *ret_old);

/**
 * Find the value of a key.
 *
 * @param ret  may be NULL; a block that the hash owns is there until the entry
 *             is removed or replaced: who uses it keeps the lock
 * @return 0; -ENOENT; -EINVAL
 */
FUSION_API int fusion_hash_lookup(struct fusion_hash *hash,
				  struct fusion_key key,
				  union fusion_value *ret);

/**
 * Remove an entry.
 *
 * @param ret_old  may be NULL; the value that it had, which is the caller's now
 * @return 0; -ENOENT; -EINVAL
 */
FUSION_API int fusion_hash_remove(struct fusion_hash *hash,
				  struct fusion_key key,
				  union fusion_value *ret_old);

/** The number of entries, or -errno. */
FUSION_API int64_t fusion_hash_size(struct fusion_hash *hash);

/**
 * Make room for @n entries in all, so that adding them does not move the hash.
 * Removing may, and forgets it.
 *
 * @return 0; -ENOMEM; -EINVAL more than 2^30
 */
FUSION_API int fusion_hash_reserve(struct fusion_hash *hash, uint64_t n);

/**
 * Move the hash to the smallest table that its entries fit in.  Adding one may
 * move it again.
 *
 * @return 0; -ENOMEM
 */
FUSION_API int fusion_hash_shrink(struct fusion_hash *hash);

/** Where an iteration is.  Private to the caller; no call ends it. */
struct fusion_hash_iter {
	struct fusion_hash *hash;
	uint64_t at;	/* the next entry of the table */
	uint32_t turns; /* which table */
	uint32_t tag;	/* of the entry given last, with its key */
	uint64_t key;
};

/** Begin one: before the first entry, in no order. */
static inline struct fusion_hash_iter
fusion_hash_iterate(struct fusion_hash *hash)
{
	struct fusion_hash_iter it = {hash, 0, 0, 0, 0};

	return it;
}

/**
 * Go to the next entry.
 *
 * @param ret_key    may be NULL; a string or bytes are in the hash and end with
 *                   their entry
 * @param ret_value  may be NULL
 *
 * @return 1; 0 there are no more; -ESTALE the hash has moved to another table
 *         since the iteration began, which only adding, removing, reserving and
 *         shrinking do, but for fusion_hash_iter_remove()
 *
 * Any number may walk and look up at the same time, as long as nobody changes
 * the hash; who walks keeps others out with the lock that they take, held from
 * the first call to the last: fusion_hash_lock(), or the callers' own.  Without
 * holding it (with FUSION_CONTAINER_LOCK each call is safe by itself) entries
 * that others add or remove between two calls may be seen or not, and a string,
 * bytes, or a block that the hash owns may be freed as soon as the call
 * returns.
 */
FUSION_API int fusion_hash_next(struct fusion_hash_iter *it,
				struct fusion_key *ret_key,
				union fusion_value *ret_value);

/**
 * Remove the entry that fusion_hash_next() gave last.  The iteration goes on.
 *
 * @param ret_old  as for fusion_hash_remove()
 * @return 0; -ENOENT there is none, or it was removed, whoever has its place
 *         now; -ESTALE
 */
FUSION_API int fusion_hash_iter_remove(struct fusion_hash_iter *it,
				       union fusion_value *ret_old);

/**
 * Take the hash's own lock for several calls, or give it back.  It is
 * recursive, as all skirmishes.
 *
 * @return 0; -EINVAL it has none; -EPERM (unlock) the caller does not hold it
 */
FUSION_API int fusion_hash_lock(struct fusion_hash *hash);
FUSION_API int fusion_hash_unlock(struct fusion_hash *hash);

FUSION_END_DECLS

#endif
