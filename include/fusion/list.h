/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Lists: keep values in a doubly linked list, in the shared heap.
 *
 * fusion/container.h describes what all containers have in common: handles,
 * locks, deaths, values.
 *
 * A node is a value's position in a list: a pointer that is valid in every
 * member as long as the value is in the list.  All functions return -EINVAL for
 * a node of another list, and for a pointer that does not point into the heap.
 * They return it for a removed node until its memory is used again.
 *
 * All functions that take a list may also return the following errors.  Nothing
 * has happened then.
 *   -EINVAL  no list of an arena that this process is in
 *   -EIDRM   the list is being destroyed
 *   -EIO     a member has overwritten the list's memory
 *
 * All functions but fusion_list_destroy() and fusion_list_get() take constant
 * time.
 *
 * Blocking: with FUSION_CONTAINER_LOCK each function waits for the list's lock;
 * signals do not end the wait.  Without it no function waits, except for the
 * short lock of the heap.
 */
#ifndef FUSION_LIST_H
#define FUSION_LIST_H

#include <fusion/container.h>

FUSION_BEGIN_DECLS

/** A list in an arena; see fusion_list_create(). */
struct fusion_list;

/** A value's position in a list. */
struct fusion_list_node;

struct fusion_hash;
struct fusion_key;
struct fusion_vector;

/** What a list is to be. */
struct fusion_list_options {
	size_t size; /**< sizeof(struct fusion_list_options) */
	/** FUSION_CONTAINER_LOCK, and FUSION_CONTAINER_WORDS or
	 *  FUSION_CONTAINER_BYTES. */
	uint32_t flags;
	uint32_t reserved; /**< 0 */
};

/** All defaults. */
#define FUSION_LIST_OPTIONS_INIT                         \
	{                                                \
		sizeof(struct fusion_list_options), 0, 0 \
	}

/**
 * Create an empty list.
 *
 * @param arena    the arena to create it in
 * @param name     its name, by which other members find it, and which shows it
 *                 in lists/; NULL: it has no name.  A name has 1 to 63 bytes,
 *                 no '/' and no control characters, and does not begin with '.'
 *                 or '#'
 * @param options  what the list is to be; NULL for all defaults
 * @param ret      receives the handle.  The list lives until
 *                 fusion_list_destroy() or the arena's end; the death of its
 *                 creator does not end it
 *
 * @return
 *   0              created
 *   -EEXIST        the arena has a list of that name
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
FUSION_API int fusion_list_create(struct fusion_arena *arena, const char *name,
				  const struct fusion_list_options *options,
				  struct fusion_list **ret);

/**
 * Find the list of a name, or create it.
 *
 * @param arena    the arena
 * @param name     the name, as for fusion_list_create(), not NULL
 * @param options  as for fusion_list_create().  A list that exists must have
 *                 been created with the same flags
 * @param ret      receives the handle
 *
 * @return
 *   0              done
 *   -EPROTOTYPE    the list exists, and has other flags
 *   -EIO           a member has overwritten the list's memory
 *   others         as fusion_list_create(), but not -EEXIST
 *
 * If several threads call this at once, one of them creates the list and all
 * get it.
 *
 * Any thread.  Takes a short lock for the name, and when fusion_malloc() does.
 */
FUSION_API int fusion_list_open(struct fusion_arena *arena, const char *name,
				const struct fusion_list_options *options,
				struct fusion_list **ret);

/**
 * Find the list of a name.
 *
 * @param arena  the arena
 * @param name   the name, as for fusion_list_create(), not NULL
 * @param ret    receives the handle
 *
 * @return
 *   0              found
 *   -ENOENT        the arena has no list of that name
 *   -EINVAL        an argument is not valid
 *   -ENAMETOOLONG  the name is too long
 *   -EIO           a member has overwritten the list's memory
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_list_lookup(struct fusion_arena *arena, const char *name,
				  struct fusion_list **ret);

/**
 * Find the list of an id.
 *
 * @param arena  the arena
 * @param id     the id of a list that has a name, from fusion_list_id()
 * @param ret    receives the handle
 *
 * @return
 *   0        found
 *   -ENOENT  the arena has no list of that id, or the list has no name
 *   -EINVAL  @id is 0, or @arena or @ret is NULL
 *   -EIO     a member has overwritten the list's memory
 *
 * Takes time in proportion to the number of lists that have a name.
 *
 * Any thread.  Takes a short lock.
 */
FUSION_API int fusion_list_get(struct fusion_arena *arena, fusion_id_t id,
			       struct fusion_list **ret);

/**
 * Get the id of a list, which no other thing of the arena ever has.
 *
 * @param list  the list, which need not have a name
 *
 * @return the id; 0 if the list is being destroyed, or @list is no list of an
 *         arena that this process is in
 *
 * Any thread.  Does not block.
 */
FUSION_API fusion_id_t fusion_list_id(const struct fusion_list *list);

/**
 * Destroy a list and free its nodes.
 *
 * @param list  the list; no thread may use it any more.  NULL does nothing
 *
 * @return 0; or an error that all functions may return
 *
 * What the values point to stays the caller's, unless the list has
 * FUSION_CONTAINER_BYTES.  A thread that uses the list during the call gets
 * -EIDRM, and no thread finds it by its name any more.  If the caller is
 * killed, another thread that has the handle can call this again to finish.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_destroy(struct fusion_list *list);

/**
 * Insert a value at the front.
 *
 * @param list   the list
 * @param value  the value
 * @param ret    receives the new node, or NULL
 *
 * @return
 *   0        inserted
 *   -EINVAL  also: the value is not valid
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_insert_front(struct fusion_list *list,
					struct fusion_value value,
					struct fusion_list_node **ret);
/**
 * Insert a value at the back.
 *
 * @param list   the list
 * @param value  the value
 * @param ret    receives the new node, or NULL
 *
 * @return
 *   0        inserted
 *   -EINVAL  also: the value is not valid
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_insert_back(struct fusion_list *list,
				       struct fusion_value value,
				       struct fusion_list_node **ret);
/**
 * Insert a value before a node.
 *
 * @param list   the list
 * @param node   a node of the list
 * @param value  the value
 * @param ret    receives the new node, or NULL
 *
 * @return
 *   0        inserted
 *   -EINVAL  also: the value is not valid, or @node is not in the list
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_insert_before(struct fusion_list *list,
					 struct fusion_list_node *node,
					 struct fusion_value value,
					 struct fusion_list_node **ret);
/**
 * Insert a value after a node.
 *
 * @param list   the list
 * @param node   a node of the list
 * @param value  the value
 * @param ret    receives the new node, or NULL
 *
 * @return
 *   0        inserted
 *   -EINVAL  also: the value is not valid, or @node is not in the list
 *   -ENOMEM  the arena has no memory left
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_insert_after(struct fusion_list *list,
					struct fusion_list_node *node,
					struct fusion_value value,
					struct fusion_list_node **ret);

/**
 * Insert a copy of bytes.
 *
 * @param list    a list with FUSION_CONTAINER_BYTES
 * @param before  a node of the list, before which the bytes go; NULL for the
 *                back
 * @param bytes   the bytes, private or shared; may be NULL if @size is 0
 * @param size    how many
 * @param ret     receives the new node, or NULL
 *
 * @return
 *   0        inserted
 *   -EINVAL  also: the list has no bytes, @before is not in the list, or @bytes
 *            is NULL
 *   -ENOMEM  the arena has no memory left
 *
 * The value of the node is a pointer to the copy, which is aligned to 16 bytes.
 * The copy stays where it is until its node is removed.
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_insert_bytes(struct fusion_list *list,
					struct fusion_list_node *before,
					const void *bytes, size_t size,
					struct fusion_list_node **ret);

/**
 * Copy the bytes of a node.
 *
 * @param list        a list with FUSION_CONTAINER_BYTES
 * @param node        a node of the list
 * @param buf         receives the bytes; may be NULL if @size is 0
 * @param size        room in @buf
 * @param ret_length  receives the number of bytes that the value has, or NULL.
 *                    It is written with -EMSGSIZE, too
 *
 * @return
 *   0          done
 *   -EMSGSIZE  the value has more than @size bytes; nothing is copied
 *   -EINVAL    also: the list has no bytes, @node is not in the list, or @buf
 *              is NULL
 *   -EIO       also: a member has overwritten the value
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_get_bytes(struct fusion_list *list,
				     struct fusion_list_node *node, void *buf,
				     size_t size, size_t *ret_length);

/**
 * Remove a node.
 *
 * @param list     the list
 * @param node     a node of the list, which ends
 * @param ret_old  receives its value, or NULL.  With FUSION_CONTAINER_BYTES the
 *                 block is then the caller's, who frees it (fusion_free());
 *                 NULL frees it
 *
 * @return
 *   0        removed
 *   -EINVAL  also: @node is not in the list
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_remove(struct fusion_list *list,
				  struct fusion_list_node *node,
				  struct fusion_value *ret_old);

/**
 * Move a node from one list to another, in one step.
 *
 * @param from    the list that has the node
 * @param node    a node of @from; NULL for its first node
 * @param to      another list of the same arena
 * @param before  a node of @to, before which the node goes; NULL for the back
 * @param ret     receives the node, which is the same as before, or NULL
 *
 * @return
 *   1        moved
 *   0        @node is NULL and @from is empty; *ret is not written
 *   -EINVAL  also: @from and @to are one list, or in two arenas; a node is not
 *            in its list; the value is not valid in @to; or only one of the
 *            lists has FUSION_CONTAINER_BYTES
 *
 * If the caller is killed, the value is in exactly one of the two lists.  So
 * a job that a worker moves from a list of waiting jobs to a list of its own is
 * never lost, and never done twice.
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both lists.
 */
FUSION_API int fusion_list_move(struct fusion_list *from,
				struct fusion_list_node *node,
				struct fusion_list *to,
				struct fusion_list_node *before,
				struct fusion_list_node **ret);

/**
 * Move a value from a list to a hash, in one step.
 *
 * @param from  the list that has the node
 * @param node  a node of @from, which ends; NULL for its first node
 * @param to    a hash of the same arena
 * @param key   the key under which @to gets the value; @to copies a string or
 *              bytes
 *
 * @return
 *   1        moved
 *   0        @node is NULL and @from is empty
 *   -EEXIST  the key has an entry in @to; nothing has happened
 *   -EINVAL  also: the two are in two arenas; @node is not in @from; the key is
 *            not valid; or the value is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_list_move_to_hash(struct fusion_list *from,
					struct fusion_list_node *node,
					struct fusion_hash *to,
					struct fusion_key key);

/**
 * Move a value from a list to the end of a vector, in one step.
 *
 * @param from  the list that has the node
 * @param node  a node of @from, which ends; NULL for its first node
 * @param to    a vector of the same arena
 *
 * @return
 *   1        moved
 *   0        @node is NULL and @from is empty
 *   -EINVAL  also: the two are in two arenas; @node is not in @from; or the
 *            value is not valid in @to
 *   -ENOMEM  the arena has no memory left
 *
 * fusion/container.h says what a move between two containers is.
 *
 * Any thread.  Blocks as the top of this file says, for both containers.
 */
FUSION_API int fusion_list_move_to_vector(struct fusion_list *from,
					  struct fusion_list_node *node,
					  struct fusion_vector *to);

/**
 * Get the node after another one.
 *
 * @param list  the list
 * @param node  a node of the list, or NULL for the first node
 * @param ret   receives the next node
 *
 * @return
 *   1        there is one
 *   0        there is no further node; *ret is not written
 *   -EINVAL  also: @node is not in the list, or @ret is NULL
 *
 * To remove nodes while walking, get the next node first:
 *
 *     for (r = fusion_list_next(l, NULL, &n); r == 1; n = next) {
 *             r = fusion_list_next(l, n, &next);
 *             fusion_list_remove(l, n, NULL);
 *     }
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_next(struct fusion_list *list,
				struct fusion_list_node *node,
				struct fusion_list_node **ret);
/**
 * Get the node before another one.
 *
 * @param list  the list
 * @param node  a node of the list, or NULL for the last node
 * @param ret   receives the previous node
 *
 * @return
 *   1        there is one
 *   0        there is no further node; *ret is not written
 *   -EINVAL  also: @node is not in the list, or @ret is NULL
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_prev(struct fusion_list *list,
				struct fusion_list_node *node,
				struct fusion_list_node **ret);

/**
 * Get the value of a node.
 *
 * @param list  the list
 * @param node  a node of the list
 * @param ret   receives the value
 *
 * @return
 *   0        done
 *   -EINVAL  also: @node is not in the list, or @ret is NULL
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_value(struct fusion_list *list,
				 struct fusion_list_node *node,
				 struct fusion_value *ret);

/**
 * Set the value of a node.
 *
 * @param list     the list
 * @param node     a node of the list
 * @param value    the new value
 * @param ret_old  receives the old value, or NULL
 *
 * @return
 *   0        done
 *   -EINVAL  also: @node is not in the list, or the value is not valid
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_set(struct fusion_list *list,
			       struct fusion_list_node *node,
			       struct fusion_value value,
			       struct fusion_value *ret_old);

/**
 * Count the values of a list.
 *
 * @param list  the list
 * @param ret   receives the number of values
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_count(struct fusion_list *list, uint64_t *ret);

/** The numbers of a list at one moment; see fusion_list_stat().  They grow
 *  at their end in later versions. */
struct fusion_list_stat {
	fusion_id_t id; /**< fusion_list_id() */
	uint32_t flags; /**< FUSION_CONTAINER_..., as it was created */
	uint64_t count; /**< values */
	uint64_t bytes; /**< heap memory of the list and its nodes, without the
			     lock */
};

/**
 * Get the numbers of a list.
 *
 * @param list  the list
 * @param ret   receives the numbers
 * @param size  sizeof(*ret); see fusion/types.h for results that are structs
 *
 * @return
 *   0        done
 *   -EINVAL  also: @ret is NULL, or @size is 0
 *
 * Any thread.  Blocks as the top of this file says.
 */
FUSION_API int fusion_list_stat(struct fusion_list *list,
				struct fusion_list_stat *ret, size_t size);

/**
 * Lock the list's own lock for several calls.
 *
 * @param list  a list with FUSION_CONTAINER_LOCK
 *
 * @return
 *   0        locked; a thread may lock several times, like a skirmish
 *   -EINVAL  also: the list has no lock
 *
 * Any thread.  Blocks as long as necessary; signals do not end the wait.
 */
FUSION_API FUSION_MUST_CHECK int fusion_list_lock(struct fusion_list *list);
/**
 * Unlock the list's own lock.
 *
 * @param list  a list with FUSION_CONTAINER_LOCK
 *
 * @return
 *   0        unlocked
 *   -EINVAL  also: the list has no lock
 *   -EPERM   the caller does not hold it
 *
 * Any thread.  Does not block.
 */
FUSION_API int fusion_list_unlock(struct fusion_list *list);
/**
 * Unlock the list's own lock, sleep until a thread changes the list, and lock
 * it again.
 *
 * @param list        a list with FUSION_CONTAINER_LOCK, which the caller has
 *                    locked, any number of times
 * @param timeout_ns  longest sleep in nanoseconds; 0 does not sleep,
 *                    FUSION_FOREVER has no limit.  Locking again afterwards
 *                    takes as long as necessary
 * @param flags       FUSION_WAIT_..., or 0
 *
 * @return
 *   0           locked as before: the list has changed, or the sleep ended
 *               early
 *   -ETIMEDOUT  locked as before: nothing has changed in time
 *   -EINTR      locked as before: a signal handler has run
 *               (FUSION_WAIT_INTERRUPTIBLE)
 *   -EINVAL     also: the list has no lock, or @timeout_ns or @flags is not
 *               valid
 *   -EIDRM      also: no longer locked: the list was destroyed meanwhile
 *   -EPERM      locked as before: another thread has borrowed the lock in a
 *               call
 *
 * An insertion, a removal, a move and fusion_list_set() wake all that wait.  A
 * change that comes after this call began is never lost.  The sleep may end
 * early, so look at the list in a loop:
 *
 *     fusion_list_lock(l);
 *     while (fusion_list_next(l, NULL, &n) == 0)
 *             fusion_list_wait(l, FUSION_FOREVER, 0);
 *
 * Any thread.  Blocks; signals end the wait only if @flags say so.
 */
FUSION_API FUSION_MUST_CHECK int
fusion_list_wait(struct fusion_list *list, int64_t timeout_ns, uint32_t flags);

FUSION_END_DECLS

#endif
