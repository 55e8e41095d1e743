/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery of references. */
#ifndef FUSION_CORE_REF_RECOVER_H
#define FUSION_CORE_REF_RECOVER_H

#include "libfusion/core/refs/ref.h"

/* Finish or undo what the dead @t did under a guard or rows.lock, before its
 * locks are freed.  0; -EIO the announcement makes no sense. */
int ref_recover_locked(struct view *v, struct thread_rec *t);
/* Finish what @t had begun without a lock, behind that.  0; -EIO, -ETIMEDOUT,
 * or as life_rec_get(). */
int ref_recover(struct view *v, struct thread_rec *t);
/* End all that the member in @slot has: its counts, locks and watches.  0;
 * -ETIMEDOUT a child that it has just forked has not taken its counts yet: come
 * again; -ENOMEM, -EIO. */
int ref_recover_member(struct view *v, uint32_t slot);

#endif
