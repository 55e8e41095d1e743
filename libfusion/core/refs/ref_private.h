/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What threads announce of reference counters: the intents in thread_rec.ref
 * and thread_rec.row. ref_recover.c finishes or undoes each. */
#ifndef FUSION_CORE_REF_PRIVATE_H
#define FUSION_CORE_REF_PRIVATE_H

#include "libfusion/core/refs/ref.h"

/*
 * thread_rec.ref.  Under the guard of ref a[0]:
 *
 *   TOUCH    the total may have changed
 *   BUSY     as TOUCH, and row a[1] may be BUSY for ever
 *   MOVE     row a[1] is to have the word a[2] (not BUSY); row a[3], in its low
 *            half, is to have the number in its high half: `pending`, or `fork`
 *            if kind is 1.  If kind is 2, a[3] is what `global` is to be
 *   INHERIT  it is being made the first heir of ref a[1]
 *   LINK     the place a[1] is to have a[2] instead of 0; when it has, `global`
 *            is to be a[3]
 *   UNLINK   the other way round
 *
 * Without the guard:
 *
 *   DESTROY  it had the id a[1]; row a[2] - 1 of it is being freed, and has the
 *            generation a[3]
 */
enum {
	REF_OP_NONE = 0,
	REF_OP_TOUCH,
	REF_OP_BUSY,
	REF_OP_MOVE,
	REF_OP_INHERIT,
	REF_OP_LINK,
	REF_OP_UNLINK,
	REF_OP_DESTROY,
	N_REF_OPS
};

#define REF_MOVE_PENDING 0
#define REF_MOVE_FORK 1
#define REF_MOVE_GLOBAL 2

/*
 * thread_rec.row: row a[0] with the generation a[1].  Under rows.lock, with
 * a[2] what rows.n will be, and a[3] the slot of its member:
 *
 *   MAKE     out of the free list (or, with kind 1, from behind the mark)
 *   FREE     into the free list
 *
 * Without the lock:
 *
 *   SPARE    made, but not yet in the chain of its ref
 *   DROP     on its way out of that chain and into the free list
 */
enum {
	ROW_OP_NONE = 0,
	ROW_OP_MAKE,
	ROW_OP_FREE,
	ROW_OP_SPARE,
	ROW_OP_DROP,
	N_ROW_OPS
};

#endif
