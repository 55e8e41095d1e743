/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Lists: values in a chain that is walked both ways, in the shared heap.
 *
 * fusion/container.h says what is true of all containers: handles, locks,
 * deaths, values.
 *
 * A place in a list is a node: an opaque pointer, as valid in all members and
 * as long as its value is in the list.  A node that has been removed, or is of
 * another list, is refused with -EINVAL until its memory is used again; so is
 * any pointer that is no place of the heap.
 *
 * Every call returns -EINVAL if its handle is no list of an arena that the
 * process is in; -EIDRM if it is being destroyed; -EIO if its memory has been
 * written over; -ENOMEM or -EMFILE if the thread is new here and gets no
 * record.  Nothing has happened then.
 *
 * All calls but fusion_list_destroy() take constant time.
 */
#ifndef FUSION_LIST_H
#define FUSION_LIST_H

#include <fusion/container.h>

FUSION_BEGIN_DECLS

/** A list in an arena; see fusion_list_create(). */
struct fusion_list;

/** A value's place in a list. */
struct fusion_list_node;

/**
 * Make a list; it is empty.
 *
 * @param flags  FUSION_CONTAINER_LOCK, FUSION_CONTAINER_WORDS
 * @param ret    the handle; it lives until fusion_list_destroy() or the arena's
 *               end, whoever made it
 *
 * @return 0; -EINVAL; -ENOMEM; -ENOSPC no skirmish left; -EMFILE
 *
 * Who is killed in the call may leave one block, and with FUSION_CONTAINER_LOCK
 * a skirmish without a name.
 */
FUSION_API int fusion_list_create(struct fusion_arena *arena, uint32_t flags,
				  struct fusion_list **ret);

/**
 * Free a list and its nodes; what its values point to is the caller's.  NULL is
 * nothing to do.
 *
 * Nobody may use it any more; who tries while it is going gets -EIDRM.  If the
 * caller is killed, another can call it again to finish.
 *
 * @return 0
 */
FUSION_API int fusion_list_destroy(struct fusion_list *list);

/**
 * Insert a value: at the front, at the back, before or after another.
 *
 * @param node  a node of the list
 * @param ret   may be NULL; the new node
 *
 * @return 0; -EINVAL; -ENOMEM
 */
FUSION_API int fusion_list_insert_front(struct fusion_list *list,
					union fusion_value value,
					struct fusion_list_node **ret);
FUSION_API int fusion_list_insert_back(struct fusion_list *list,
				       union fusion_value value,
				       struct fusion_list_node **ret);
FUSION_API int fusion_list_insert_before(struct fusion_list *list,
					 struct fusion_list_node *node,
					 union fusion_value value,
					 struct fusion_list_node **ret);
FUSION_API int fusion_list_insert_after(struct fusion_list *list,
					struct fusion_list_node *node,
					union fusion_value value,
					struct fusion_list_node **ret);

/**
 * Remove a node.
 *
 * @param ret_old  may be NULL; the value that it had
 * @return 0; -EINVAL
 */
FUSION_API int fusion_list_remove(struct fusion_list *list,
				  struct fusion_list_node *node,
				  union fusion_value *ret_old);

/**
 * Walk: the node behind or before another.
 *
 * To remove what one walks over, ask for the next one first:
 *
 *     for (r = fusion_list_next(l, NULL, &n); r == 0; n = next) {
 *             r = fusion_list_next(l, n, &next);
 *             fusion_list_remove(l, n, NULL);
 *     }
 *
 * @param node  NULL: the first, or the last
 * @return 0; -ENOENT there is none; -EINVAL
 */
FUSION_API int fusion_list_next(struct fusion_list *list,
				struct fusion_list_node *node,
				struct fusion_list_node **ret);
FUSION_API int fusion_list_prev(struct fusion_list *list,
				struct fusion_list_node *node,
				struct fusion_list_node **ret);

/** Get the value of a node.  0; -EINVAL. */
FUSION_API int fusion_list_value(struct fusion_list *list,
				 struct fusion_list_node *node,
				 union fusion_value *ret);

/**
 * Set the value of a node.
 *
 * @param ret_old  may be NULL; the value that it had
 * @return 0; -EINVAL
 */
FUSION_API int fusion_list_set(struct fusion_list *list,
			       struct fusion_list_node *node,
			       union fusion_value value,
			       union fusion_value *ret_old);

/** The number of values, or -errno. */
FUSION_API int64_t fusion_list_size(struct fusion_list *list);

/**
 * Take the list's own lock for several calls, or give it back.  It is
 * recursive, as all skirmishes.
 *
 * @return 0; -EINVAL it has none; -EPERM (unlock) the caller does not hold it
 */
FUSION_API int fusion_list_lock(struct fusion_list *list);
FUSION_API int fusion_list_unlock(struct fusion_list *list);

FUSION_END_DECLS

#endif
