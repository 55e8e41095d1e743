/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Totals, falls and inheritance, under the guard of a reference. */
#ifndef FUSION_CORE_REF_FAMILY_H
#define FUSION_CORE_REF_FAMILY_H

#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_private.h"

/* -EBUSY it inherits already, -ELOOP. */
int ref_inherit(struct view *v, struct thread_rec *me, struct ref *r,
		struct ref *from);
/* Under the guard: what has happened to the total of @r, and of all that
 * inherit from it?  Counts and tells of falls.  Idempotent. */
void ref_settle(struct view *v, struct ref *r);
/* Is its total not 0? */
bool ref_total_any(const struct view *v, const struct ref *r);
/* The living ref that @r inherits from, NULL. */
struct ref *ref_parent(const struct view *v, const struct ref *r);
/* Wake who waits for @r to be 0, unlocked or gone. */
void ref_wake(struct ref *r);
/* Tell the watcher, if there is one. */
void ref_tell(const struct view *v, const struct ref *r);
/* @r is being destroyed: it has no parent and no heirs any more.  Under its
 * guard; idempotent. */
void ref_cut(struct view *v, struct ref *r);
void ref_inherit_undo(struct view *v, struct ref *r, uint32_t from);

#endif
