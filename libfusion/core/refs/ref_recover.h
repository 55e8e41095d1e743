/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery of references. */
#ifndef FUSION_CORE_REF_RECOVER_H
#define FUSION_CORE_REF_RECOVER_H

#include "libfusion/core/refs/ref.h"

/* What @t did under a guard or rows.lock, before its locks are freed. */
int ref_recover_locked(struct view *v, struct thread_rec *t);
/* What @t had begun and holds no lock for, after that. */
int ref_recover(struct view *v, struct thread_rec *t);
/* All that the member in @slot has: its counts, locks, watches.  -ETIMEDOUT a
 * child of it, just forked, has not got its counts yet: come again. */
int ref_recover_member(struct view *v, uint32_t slot);

#endif
