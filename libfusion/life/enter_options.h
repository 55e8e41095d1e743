/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The options of fusion_arena_enter(). */
#ifndef FUSION_ENTER_OPTIONS_H
#define FUSION_ENTER_OPTIONS_H

#include <fusion/arena.h>

/* Copy and check the options that a caller gave; NULL: the defaults.  0,
 * -EINVAL with the reason. */
int enter_options_copy(const struct fusion_arena_options *from,
		       struct fusion_arena_options *to);

#endif
