/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery of objects, and their checker. */
#ifndef FUSION_CORE_OBJECT_RECOVER_H
#define FUSION_CORE_OBJECT_RECOVER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/objects/object.h"

/* Settle which item blocks of the dead @t are in the chain, while it still
 * holds the lock of the object. */
void object_recover_locked(struct view *v, struct thread_rec *t);
/* Finish or undo what the dead @t had begun, and free the blocks in its slots.
 * 0; -ETIMEDOUT come again; or as life_rec_get(). */
int object_recover(struct view *v, struct thread_rec *t);
/* Leave all duties of the member in @slot. */
void object_recover_member(struct view *v, uint32_t slot);
/* Wake the members that have a duty, after a member was recovered: what it had
 * claimed is theirs to destroy. */
void object_duties_wake(const struct view *v);
/* Tell whether @t announces an operation on objects, or has item blocks. */
bool object_announces(const struct thread_rec *t);
/* Check the objects of a quiet arena.  Returns the number of faults; @report,
 * which may be NULL, gets a line for each. */
unsigned object_check(struct view *v, check_report_fn report, void *ctx);

#endif
