/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of rows and of references. */
#ifndef FUSION_CORE_REF_DROP_H
#define FUSION_CORE_REF_DROP_H

#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_private.h"

int ref_destroy(struct view *v, struct thread_rec *me, struct ref *r);
/*
 * Take row @i, of generation @gen, out of its ref and free it, with all that it
 * counts, and with its member's lock and watch of that ref.  @log (may be NULL:
 * who comes after us starts over) keeps the intent.  @only_idle: -EBUSY if it
 * counts or is needed.  0 also if it was gone.
 */
int row_drop(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen,
	     struct intent *log, bool only_idle);
/* The rest of what @log, ROW_OP_SPARE or _DROP, says. */
int row_recover(struct view *v, struct thread_rec *me, struct intent *log);
/* What is left to do after the commit of a destruction, as @log says. */
int ref_destroy_rest(struct view *v, struct thread_rec *me, struct intent *log);
/* Free some rows that count nothing; their number. */
int rows_reclaim(struct view *v, struct thread_rec *me);

#endif
