/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery of the producers of rings. */
#ifndef FUSION_CORE_RING_RECOVER_H
#define FUSION_CORE_RING_RECOVER_H

#include "libfusion/core/talk/ring.h"

/*
 * Finish or undo what @t announces in thread_rec.msg, and free the block in
 * thread_rec.msg_block unless a committed record has it.  Idempotent.
 *
 *   0; -EIO the announcement makes no sense; -ETIMEDOUT as block_free_from():
 * come again; or as life_rec_get()
 */
int ring_recover(struct view *v, struct thread_rec *t);

#endif
