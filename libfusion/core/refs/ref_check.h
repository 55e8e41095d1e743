/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The checker of references. */
#ifndef FUSION_CORE_REF_CHECK_H
#define FUSION_CORE_REF_CHECK_H

#include "libfusion/core/refs/ref.h"

unsigned ref_check(struct view *v, void (*report)(void *, const char *),
		   void *ctx);

#endif
