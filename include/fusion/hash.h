/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Hashes: find values by a key, in the shared heap.
 *
 * fusion/container.h describes what all containers have in common: handles,
 * locks, deaths, values.
 *
 * All functions that take a hash may also return the following errors.  Nothing
 * has happened then.
 *   -EINVAL  no hash of an arena that this process is in
 *   -EIDRM   the hash is being destroyed
 *   -EIO     a member has overwritten the hash's memory
 *
 * Destroying, reserving and shrinking take time in proportion to the size of
 * the hash.  All other functions take constant time on average, except for
 * fusion_hash_get(), whose description tells its time.  A function that
 * adds or removes an entry may move all entries to a larger or smaller table.
 * If the caller is killed meanwhile, the hash has the old table or the new one.
 *
 * Blocking: with FUSION_CONTAINER_LOCK each function waits for the hash's lock;
 * signals do not end the wait.  Without it no function waits, except for the
 * short lock of the heap.
 */
#ifndef FUSION_HASH_H
#define FUSION_HASH_H

#include <fusion/container.h>

FUSION_BEGIN_DECLS

/** A hash in an arena; see fusion_hash_create(). */
struct fusion_hash;

struct fusion_list;
struct fusion_list_node;
struct fusion_vector;

/** The type of the keys of a hash. */
enum fusion_key_type {
	FUSION_KEY_STRING = 1,	/**< NUL-terminated, copied into the heap */
	FUSION_KEY_INT = 2,	/**< 64 bits */
	FUSION_KEY_POINTER = 3, /**< into the arena; not followed */
	FUSION_KEY_BYTES = 4,	/**< any bytes, copied into the heap */
};

/** A key; make it with one of the four functions below. */
struct fusion_key {
	uint64_t at;   /**< FUSION_KEY_INT: the integer; else an address, see
			*   fusion_key_get_pointer() */
	uint32_t type; /**< enum fusion_key_type */
	uint32_t size; /**< of FUSION_KEY_BYTES; else 0 */
};

/**
 * Make a key of a string.
 *
 * @param string  the string, private or shared; it must be valid while the key
 *                is used
 *
 * @return the key
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API struct fusion_key fusion_key_string(const char *string);

/**
 * Make a key of an integer.
 *
 * @param word  any 64 bits
 *
 * @return the key
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API struct fusion_key fusion_key_int(uint64_t word);

/**
 * Make a key of a pointer.
 *
 * @param pointer  a pointer into the arena
 *
 * @return the key
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API struct fusion_key fusion_key_pointer(const void *pointer);

/**
 * Make a key of bytes.
 *
 * @param bytes  the bytes, private or shared; they must be valid while the key
 *               is used
 * @param size   the number of bytes
 *
 * @return the key
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API struct fusion_key fusion_key_bytes(const void *bytes, uint32_t size);

/**
 * Get the address of a key.
 *
 * @param key  a key that is not of the type FUSION_KEY_INT
 *
 * @return the string, the bytes or the pointer
 *
 * Any thread, and signal handlers.  Does not block.
 */
FUSION_API const void *fusion_key_get_pointer(struct fusion_key key);

FUSION_INLINE struct fusion_key fusion_key_string(const char *string)
{
	struct fusion_key key = {(uint64_t)(uintptr_t)string, FUSION_KEY_STRING,
				 0};

	return key;
}

FUSION_INLINE struct fusion_key fusion_key_int(uint64_t word)
{
	struct fusion_key key = {word, FUSION_KEY_INT, 0};

	return key;
}

FUSION_INLINE struct fusion_key fusion_key_pointer(const void *pointer)
{
	struct fusion_key key = {(uint64_t)(uintptr_t)pointer,
				 FUSION_KEY_POINTER, 0};

	return key;
}

FUSION_INLINE struct fusion_key fusion_key_bytes(const void *bytes,
						 uint32_t size)
{
	struct fusion_key key = {(uint64_t)(uintptr_t)bytes, FUSION_KEY_BYTES,
				 size};

	return key;
}

FUSION_INLINE const void *fusion_key_get_pointer(struct fusion_key key)
{
	return (const void *)(uintptr_t)key.at;
}

/** What a hash is to be. */
struct fusion_hash_options {
	size_t size; /**< sizeof(struct fusion_hash_options) */
	/** enum fusion_key_type; 0 is FUSION_KEY_STRING.  A key of another type
	 *  is refused with -EINVAL. */
	uint32_t keys;
	/** FUSION_CONTAINER_LOCK, FUSION_CONTAINER_WORDS,
	 *  FUSION_CONTAINER_AUTOFREE, FUSION_CONTAINER_BYTES; the last three
	 *  exclude each other. */
	uint32_t flags;
};

/** All defaults. */
#define FUSION_HASH_OPTIONS_INIT                         \
	{                                                \
		sizeof(struct fusion_hash_options), 0, 0 \
	}

/**
 * Create an empty hash.
 *
 * @param arena    the arena to create it in
 * @param name     its name, by which other members find it, and which shows it
 *                 in hashes/; NULL: it has no name.  A name has 1 to 63 bytes,
 *                 no '/' and no control characters, and does not begin with '.'
 *                 or '#'
 * @param options  what the hash is to be; NULL for all defaults
 * @param ret      receives the handle.  The hash lives until
 *                 fusion_hash_destroy() or the arena's end; the death of its
 *                 creator does not end it
 *
 * @return
 *   0              created
 *   -EEXIST        the arena has a hash of that name
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
FUSION_API int fusion_hash_create(struct fusion_arena *arena, const char *name,
				  const struct fusion_hash_options *options,
				  struct fusion_hash **ret);

/**
 * Find the hash of a name, or create it.
 *
 * @param arena    the arena
 * @param name     the name, as for fusion_hash_create(), not NULL
 * @param options  as for fusion_hash_create().  A hash that exists must have
 *                 been created with the same keys and flags
 * @param ret      receives the handle
 *
 * @return
 *   0              done
 *   -EPROTOTYPE    the hash exists, and has other keys or flags
 *   -EIO           a member has overwritten the hash's memory
 *   others         as fusion_hash_create(), but not -EEXIST
 *
 * If several threads call this at once, one of them creates the hash and all
 * get it.
 *
 * Any thread.  Takes a short lock for the name, and when fusion_malloc() does.
 */
FUSION_API int fusion_hash_open(struct fusion_arena *arena, const char *name,
				const struct fusion_hash_options *options,
				struct fusion_hash **ret);

/**
 * Find the hash of a name.
 *
 * @param arena  the arena
 * @param name   the name, as for fusion_hash_create(), not NULL
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        the arena has no hash of that name
 *   -EINVAL        an argument is not valid
 *   -ENAMETOOLONG  the name is too long
 *   -EIO           a member has overwritten the hash's memory
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_hash_lookup(struct fusion_arena *arena, const char *name,
				  struct fusion_hash **ret);

/**
 * Find the hash of an id.
 *
 * @param arena  the arena
 * @param id     the id of a hash that has a name, from fusion_hash_id()
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  the arena has no hash of that id, or the hash has no name
 *   -EINVAL  @id is 0, or @arena or @ret is NULL
 *   -EIO     a member has overwritten the hash's memory
 *
 * Takes time in proportion to the number of hashes that have a name.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_hash_get(struct fusion_arena *arena, fusion_id_t id,
			       struct fusion_hash **ret);

/**
 * Get the id of a hash, which no other thing of the arena ever has.
 *
 * @param hash  the hash, which need not have a name
 *
 * @return the id; 0 if the hash is being destroyed, or @hash is no hash of an
 *         arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_hash_id(const struct fusion_hash *hash);

/**
 * Destroy a hash and free its memory.
 *
 * @param hash  the hash; no thread may use it any more.  NULL does nothing
 *
 * @return 0; or an error that all functions may return
 *
 * Frees the hash's copies of keys, and its values with
 * FUSION_CONTAINER_AUTOFREE or FUSION_CONTAINER_BYTES.  A thread that uses the
 * hash during the call gets -EIDRM, and no thread finds it by its name any
 * more.  If the caller is killed, another thread that has the handle can call
 * this again to finish.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_destroy(struct fusion_hash *hash);

/**
 * Add an entry for a key that the hash does not have.
 *
 * @param hash   the hash
 * @param key    the key; the hash copies a string or bytes
 * @param value  the value
 *
 * @return
 *   0        added
 *   -EEXIST  the key has an entry, which is unchanged
 *   -EINVAL  also: the key or the value is not valid.  With
 *            FUSION_CONTAINER_AUTOFREE, the value must be the address of a
 *            block.  With FUSION_CONTAINER_BYTES, no value is valid: call
 *            fusion_hash_put_bytes()
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_insert(struct fusion_hash *hash,
				  struct fusion_key key,
				  struct fusion_value value);

/**
 * Set the value of a key, and add an entry if there is none.
 *
 * @param hash     the hash
 * @param key      the key; the hash copies a string or bytes
 * @param value    the value
 * @param ret_old  receives the old value, which is the caller's then, or NULL
 *
 * @return
 *   1        replaced
 *   0        added; *ret_old is not written
 *   -EINVAL  also: the key or the value is not valid, as for
 *            fusion_hash_insert()
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_replace(struct fusion_hash *hash,
				   struct fusion_key key,
				   struct fusion_value value,
				   struct fusion_value *ret_old);

/**
 * Set the value of a key to a copy of bytes, and add an entry if there is none.
 *
 * @param hash   a hash with FUSION_CONTAINER_BYTES
 * @param key    the key; the hash copies a string or bytes
 * @param bytes  the bytes, private or shared, also those that the entry has;
 *               NULL if @size is 0
 * @param size   the number of bytes
 *
 * @return
 *   1        replaced
 *   0        added
 *   -EINVAL  also: the key is not valid, @bytes is NULL, or the hash does not
 *            have FUSION_CONTAINER_BYTES
 *   -ENOMEM  the arena has no memory left
 *
 * If the caller is killed, the key has all old bytes or all new ones, and no
 * block is lost.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_put_bytes(struct fusion_hash *hash,
				     struct fusion_key key, const void *bytes,
				     size_t size);

/**
 * Copy the bytes of a key.
 *
 * @param hash        a hash with FUSION_CONTAINER_BYTES
 * @param key         the key
 * @param buf         receives the bytes; NULL if @size is 0
 * @param size        room in @buf
 * @param ret_length  receives the number of bytes that the value has, also
 *                    after -EMSGSIZE; or NULL
 *
 * @return
 *   0          copied
 *   -ENOENT    the hash does not have the key
 *   -EMSGSIZE  the value has more bytes than @size; nothing is copied
 *   -EINVAL    also: the key is not valid, @buf is NULL, or the hash does not
 *              have FUSION_CONTAINER_BYTES
 *
 * With FUSION_CONTAINER_LOCK the call holds the lock until the bytes are
 * copied, so no other thread can free or replace them meanwhile.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_get_bytes(struct fusion_hash *hash,
				     struct fusion_key key, void *buf,
				     size_t size, size_t *ret_length);

/**
 * Find the value of a key.
 *
 * @param hash  the hash
 * @param key   the key
 * @param ret   receives the value, or NULL.  A block that the hash owns is
 *              valid until its entry is removed or replaced: keep the lock
 *              while you use it
 *
 * @return
 *   0        found
 *   -ENOENT  the hash does not have the key
 *   -EINVAL  also: the key is not valid
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_value(struct fusion_hash *hash,
				 struct fusion_key key,
				 struct fusion_value *ret);

/**
 * Remove the entry of a key.
 *
 * @param hash     the hash
 * @param key      the key
 * @param ret_old  receives the value, which is the caller's then, or NULL
 *
 * @return
 *   0        removed
 *   -ENOENT  the hash does not have the key
 *   -EINVAL  also: the key is not valid
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_remove(struct fusion_hash *hash,
				  struct fusion_key key,
				  struct fusion_value *ret_old);

/**
 * Move the entry of a key from one hash to another, in one step.
 *
 * @param from     the hash that has the key
 * @param key      the key
 * @param to       another hash of the same arena
 * @param new_key  the key under which @to gets the value; NULL for the same
 *                 key.  @to copies a string or bytes
 *
 * @return
 *   0        moved
 *   -ENOENT  @from does not have the key
 *   -EEXIST  the key has an entry in @to; nothing has happened
 *   -EINVAL  also: @from and @to are one hash, or in two arenas; a key is not
 *            valid in its hash; or the value is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_hash_move(struct fusion_hash *from, struct fusion_key key,
				struct fusion_hash *to,
				const struct fusion_key *new_key);

/**
 * Move the value of a key from a hash to a list, in one step.
 *
 * @param from    the hash that has the key; its entry ends
 * @param key     the key
 * @param to      a list of the same arena
 * @param before  a node of @to, before which the value goes; NULL for the back
 * @param ret     receives the new node, or NULL
 *
 * @return
 *   0        moved
 *   -ENOENT  @from does not have the key
 *   -EINVAL  also: the two are in two arenas; the key is not valid; @before is
 *            not in @to; or the value is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_hash_move_to_list(struct fusion_hash *from,
					struct fusion_key key,
					struct fusion_list *to,
					struct fusion_list_node *before,
					struct fusion_list_node **ret);

/**
 * Move the value of a key from a hash to the end of a vector, in one step.
 *
 * @param from  the hash that has the key; its entry ends
 * @param key   the key
 * @param to    a vector of the same arena
 *
 * @return
 *   0        moved
 *   -ENOENT  @from does not have the key
 *   -EINVAL  also: the two are in two arenas; the key is not valid; or the
 *            value is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_hash_move_to_vector(struct fusion_hash *from,
					  struct fusion_key key,
					  struct fusion_vector *to);

/**
 * Count the entries of a hash.
 *
 * @param hash  the hash
 * @param ret   receives the number of entries
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_count(struct fusion_hash *hash, uint64_t *ret);

/** The numbers of a hash at one moment; see fusion_hash_stat().  They grow at
 *  their end in later versions. */
struct fusion_hash_stat {
	fusion_id_t id;	   /**< fusion_hash_id() */
	uint32_t flags;	   /**< FUSION_CONTAINER_..., as it was created */
	uint32_t keys;	   /**< enum fusion_key_type */
	uint32_t reserved; /**< 0 */
	uint64_t count;	   /**< entries */
	uint64_t capacity; /**< entries that fit before the table grows */
	uint64_t buckets;  /**< places of the table; 0: there is none yet */
	uint64_t bytes;	   /**< heap memory of the hash and its table, without
				copies of keys, values and the lock */
};

/**
 * Get the numbers of a hash.
 *
 * @param hash  the hash
 * @param ret   receives the numbers
 * @param size  sizeof(*ret); see fusion/types.h for results that are structs
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL, or @size is 0
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_stat(struct fusion_hash *hash,
				struct fusion_hash_stat *ret, size_t size);

/**
 * Make room for a number of entries, so that adding them moves no table.
 *
 * @param hash  the hash
 * @param n     entries in all, those that the hash has included; at most 2^30
 *
 * @return
 *   0        there is room; removing an entry may undo that
 *   -EINVAL  also: @n is too large
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_reserve(struct fusion_hash *hash, uint64_t n);

/**
 * Move the entries to the smallest table that they fit in.
 *
 * @param hash  the hash
 *
 * @return
 *   0        done; adding an entry may move them again
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_shrink(struct fusion_hash *hash);

/** The position of an iteration, see fusion_hash_iter_begin().  It belongs to
 *  the caller, who may copy it; nothing has to be called to end it. */
struct fusion_hash_iter {
	uint64_t opaque[8];
};

/**
 * Begin an iteration over all entries, in no order.
 *
 * @param it    receives the iteration, before the first entry
 * @param hash  the hash
 *
 * @return
 *   0        begun
 *   -EINVAL  also: @it is NULL
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_iter_begin(struct fusion_hash_iter *it,
				      struct fusion_hash *hash);

/**
 * Go to the next entry of an iteration.
 *
 * @param it         the iteration, which fusion_hash_iter_begin() has begun
 * @param ret_key    receives the key, or NULL.  A string or bytes belong to the
 *                   hash and are valid as long as their entry
 * @param ret_value  receives the value, or NULL
 *
 * @return
 *   1        there is an entry
 *   0        there are no more entries; no result is written
 *   -EINVAL  also: @it is NULL, or was not begun
 *   -ESTALE  the entries have moved to another table since the iteration began.
 *            Adding, removing, reserving and shrinking can move them;
 *            fusion_hash_iter_remove() cannot
 *
 * Any number of threads may iterate and look up at once, as long as no thread
 * changes the hash.  So hold the lock from the first call to the last:
 * fusion_hash_lock(), or the lock of the program.
 *
 * With FUSION_CONTAINER_LOCK a thread may iterate without holding the lock,
 * since each call is safe by itself.  Then it may miss entries that others add
 * or remove between two calls.  And a string, bytes, or a block that the hash
 * owns may be freed as soon as the call has returned.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_next(struct fusion_hash_iter *it,
				struct fusion_key *ret_key,
				struct fusion_value *ret_value);

/**
 * Remove the entry that fusion_hash_next() gave last.
 *
 * @param it       the iteration, which goes on
 * @param ret_old  receives the value, which is the caller's then, or NULL
 *
 * @return
 *   0        removed
 *   -ENOENT  no entry was given, or it was removed meanwhile
 *   -ESTALE  the entries have moved, as for fusion_hash_next()
 *   -EINVAL  also: @it is NULL, or was not begun
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_hash_iter_remove(struct fusion_hash_iter *it,
				       struct fusion_value *ret_old);

/**
 * Lock the hash's own lock for several calls.
 *
 * @param hash  a hash with FUSION_CONTAINER_LOCK
 *
 * @return
 *   0        locked; a thread may lock several times, like a skirmish
 *   -EINVAL  also: the hash has no lock
 *
 * Any thread.  Blocks as long as necessary; signals do not end the wait.
 */
FUSION_API FUSION_MUST_CHECK int fusion_hash_lock(struct fusion_hash *hash);
/**
 * Unlock the hash's own lock.
 *
 * @param hash  a hash with FUSION_CONTAINER_LOCK
 *
 * @return
 *   0        unlocked
 *   -EINVAL  also: the hash has no lock
 *   -EPERM   the caller does not hold it
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_hash_unlock(struct fusion_hash *hash);

FUSION_END_DECLS

#endif
