/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Totals, falls and inheritance; all under the guard of the ref. */
#ifndef FUSION_CORE_REF_FAMILY_H
#define FUSION_CORE_REF_FAMILY_H

#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_private.h"

/*
 * Have @r inherit from @from: the local total of @from counts for @r, too.
 * Takes the guard itself.
 *
 *   0
 *   -EEXIST  @r inherits already
 *   -ELOOP   @from is @r, or inherits from it
 *   -EBUSY   @r is locked at zero
 *   -EIDRM   one of the two is destroyed
 *   -EIO, -ETIMEDOUT
 */
int ref_inherit(struct view *v, struct thread_rec *me, struct ref *r,
		struct ref *from);
/* Notice what has happened to the totals of @r and of all refs that inherit
 * from it: count falls, and tell of them.  Idempotent. */
void ref_settle(struct view *v, struct ref *r);
/* Tell whether the total is not 0. */
bool ref_total_any(const struct view *v, const struct ref *r);
/* Find the ref that @r inherits from, if it still is there; else NULL. */
struct ref *ref_parent(const struct view *v, const struct ref *r);
/* Wake the threads that wait until @r is 0, unlocked or gone. */
void ref_wake(struct ref *r);
/* Tell the watcher of @r, and the object that @r belongs to, if there are
 * any. */
void ref_tell(const struct view *v, const struct ref *r);
/* Cut @r, which is being destroyed, off its parent and its heirs.
 * Idempotent. */
void ref_cut(struct view *v, struct ref *r);
/* Undo an INHERIT of @r from ref @from that was not committed. */
void ref_inherit_undo(struct view *v, struct ref *r, uint32_t from);

#endif
