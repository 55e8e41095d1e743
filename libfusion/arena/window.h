/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this process has where arenas lie. */
#ifndef FUSION_WINDOW_H
#define FUSION_WINDOW_H

#include "libfusion/core/file/window.h"

/* Which slots of the windows are in use. */
void window_look(struct window_busy *ret);
/* The first range of this process in @span bytes at @base; false: none. */
bool window_occupant(uint64_t base, uint64_t span, uint64_t *ret_from,
		     uint64_t *ret_to);

#endif
