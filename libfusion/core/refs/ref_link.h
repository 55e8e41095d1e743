/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A global count that belongs to a place in shared memory. */
#ifndef FUSION_CORE_REF_LINK_H
#define FUSION_CORE_REF_LINK_H

#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_private.h"

/* Have the place, which is 0, name the ref, with a global count.  -EBUSY it is
 * not 0; -EAGAIN, -EOVERFLOW, -EINVAL. */
int ref_link(struct view *v, struct thread_rec *me, struct ref *r,
	     const struct ref_place *p);
/* Have it 0, and the count gone.  -ESTALE it names something else by now;
 * -EPERM there is no global count; -EINVAL. */
int ref_unlink(struct view *v, struct thread_rec *me, struct ref *r,
	       const struct ref_place *p);
/* ref_link.c */
int ref_link_recover(const struct view *v, struct ref *r,
		     const struct intent *in);

#endif
