/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this process has mapped where arenas may lie. */
#ifndef FUSION_WINDOW_H
#define FUSION_WINDOW_H

#include "libfusion/core/file/window.h"

/* Mark which slots of the windows are in use. */
void window_look(struct window_busy *ret);
/* Find the first range that this process has mapped in @span bytes at @base.
 * False: there is none. */
bool window_occupant(uint64_t base, uint64_t span, uint64_t *ret_from,
		     uint64_t *ret_to);

#endif
