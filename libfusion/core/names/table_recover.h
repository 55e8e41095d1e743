/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tables: recovery of a thread that died in an operation. */
#ifndef FUSION_CORE_TABLE_RECOVER_H
#define FUSION_CORE_TABLE_RECOVER_H

#include "libfusion/core/names/table.h"

/* Undo or redo what the dead thread of @t announces in t->table.  Idempotent.
 * 0; -EIO the announcement or the table is damaged. */
int table_recover(struct view *v, struct thread_rec *t);

#endif
