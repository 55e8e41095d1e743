/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Slots: subscriptions that can be cancelled.
 *
 * A function that subscribes, such as fusion_arena_on_leave(), gives a slot.
 * Each subscription has its own slot.  So a program and its libraries can
 * subscribe to the same thing, and none of them displaces another.
 *
 * The functions of all subscriptions run in the order in which they were
 * subscribed.
 */
#ifndef FUSION_SLOT_H
#define FUSION_SLOT_H

#include <fusion/types.h>

FUSION_BEGIN_DECLS

/** A subscription.  Its handle is valid in this process only. */
struct fusion_slot;

/**
 * A function that ends the use of a subscription's argument.
 *
 * @param ctx  the argument that was given with the function
 *
 * Runs once, when the subscribed function has run for the last time and never
 * will again.  Must return, and must not call the library.
 */
typedef void (*fusion_destroy_fn)(void *ctx);

/**
 * Cancel a subscription.
 *
 * @param slot  the slot, whose handle ends; NULL does nothing
 *
 * @return
 *   0        cancelled
 *   -EINVAL  no slot, or cancelled before, or the process has exited the arena;
 *            the pointer is not followed
 *   -ECHILD  the slot is the parent's, and this process is the child of a fork
 *
 * When the call returns, the subscribed function does not run and never will,
 * and its destroy function has run.  There is one exception: a handler
 * (fusion/dispatch.h) does not wait for a function of its arena, and a function
 * of fusion_object_pool_on_describe() does not wait for another one.  If the
 * function is running then, as it is where a function cancels its own slot,
 * that run finishes, and the destroy function runs behind it.
 *
 * Subscriptions that are not cancelled end when the process exits the arena.
 *
 * Any thread, also the subscribed function.  Waits for the subscribed function.
 */
FUSION_API int fusion_slot_cancel(struct fusion_slot *slot);

FUSION_END_DECLS

#endif
