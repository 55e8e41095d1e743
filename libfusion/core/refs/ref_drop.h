/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The end of rows and of references. */
#ifndef FUSION_CORE_REF_DROP_H
#define FUSION_CORE_REF_DROP_H

#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_private.h"

/* Destroy @r: wake all that wait, free its rows.  0; -EIDRM it is destroyed
 * already; -ETIMEDOUT goes on with the next call. */
int ref_destroy(struct view *v, struct thread_rec *me, struct ref *r);
/*
 * End row @i, if it still has generation @gen: take it out of its ref and free
 * it, with all that it counts, and with the lock and the watch of its member.
 * @log keeps the intent; it may be NULL if a later caller starts over.
 *
 *   0 also if the row was gone
 *   -EBUSY  @only_idle, and the row counts or is needed
 *   -EIO, -ETIMEDOUT
 */
int row_drop(struct view *v, struct thread_rec *me, uint32_t i, uint32_t gen,
	     struct intent *log, bool only_idle);
/* Do the rest of what @log, ROW_OP_SPARE or ROW_OP_DROP, says.  0, -EIO,
 * -ETIMEDOUT. */
int row_recover(struct view *v, struct thread_rec *me, struct intent *log);
/* Do what is left after the commit of a destruction, as @log says.  May be
 * repeated. */
int ref_destroy_rest(struct view *v, struct thread_rec *me, struct intent *log);
/* Free some rows that count nothing.  Returns their number. */
int rows_reclaim(struct view *v, struct thread_rec *me);

#endif
