/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* References as the tree shows them. */
#ifndef FUSION_CORE_REF_LENS_H
#define FUSION_CORE_REF_LENS_H

#include "libfusion/core/refs/ref.h"

/* Sum up @r under its guard, with what the caller's member has of it.  0,
 * -EIDRM, -EIO, -ETIMEDOUT. */
int ref_stat(struct view *v, struct thread_rec *me, struct ref *r,
	     struct ref_sum *ret);
/* Copy ref @i, if it is used and sane, and its sums (local and pending stay 0),
 * without a lock.  Either may be NULL. 0, -ENOENT. */
int ref_copy(const struct view *v, uint32_t i, struct entry *ret_entry,
	     struct ref_sum *ret);
/* List up to @n members that have counts of ref @i, in no order, without a
 * lock.  Returns how many there are, or -ENOENT. */
int ref_shares(const struct view *v, uint32_t i, struct ref_share *shares,
	       uint32_t n);

#endif
