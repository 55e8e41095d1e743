/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Global counts that belong to a place in shared memory. */
#ifndef FUSION_CORE_REF_LINK_H
#define FUSION_CORE_REF_LINK_H

#include "libfusion/core/refs/ref.h"
#include "libfusion/core/refs/ref_private.h"

/*
 * Have the place, which is 0, name the ref, and count the global count up.
 *
 *   0
 *   -EEXIST     the place is not 0
 *   -EBUSY      the ref is locked at zero
 *   -EOVERFLOW
 *   -EINVAL     no place can be there
 */
int ref_link(struct view *v, struct thread_rec *me, struct ref *r,
	     const struct ref_place *p);
/*
 * Have the place be 0 again, and count the global count down.
 *
 *   0
 *   -ESTALE  the place names something else by now
 *   -EPERM   the global count is 0
 *   -EINVAL  no place can be there
 */
int ref_unlink(struct view *v, struct thread_rec *me, struct ref *r,
	       const struct ref_place *p);
/* Finish the LINK or UNLINK that intent @in announces.  Idempotent; under the
 * guard.  0; -EIO. */
int ref_link_recover(const struct view *v, struct ref *r,
		     const struct intent *in);

#endif
