/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Room in a reactor's ring. */
#ifndef FUSION_CORE_REACTOR_ROOM_H
#define FUSION_CORE_REACTOR_ROOM_H

#include "libfusion/core/talk/reactor.h"

/* Give a few of the oldest records back to producers.  True: some cells are
 * free now.  *ret_gate is where the slowest listener stands that is waited for.
 */
bool reactor_make_room(struct ring *r, uint64_t *ret_gate);

#endif
