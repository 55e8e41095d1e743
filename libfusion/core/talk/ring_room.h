/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Room in a ring: waiting for it, and telling of it. */
#ifndef FUSION_CORE_RING_ROOM_H
#define FUSION_CORE_RING_ROOM_H

#include "libfusion/core/talk/ring.h"

/*
 * Sleep until there may be room, at most @timeout_ns.  @seen is ctl->space as
 * the caller read it before it looked for room and found none.
 *
 *   0, -ETIMEDOUT, -EINTR
 */
int ring_wait_space(struct ring *r, uint32_t seen, int64_t timeout_ns);
/* Tell that there may be room: wake the threads and the visitors that wait for
 * it.  Contains a full fence. */
void ring_tell_space(struct ring *r);
/* Ask for the visitors' bell when there may be room.  The daemon, which must
 * not sleep, calls it between two attempts that find none. */
void ring_ask_space(struct ring *r);
/* Mark the ring as closed and wake everybody who waits for room in it: they
 * find that no record is accepted any more. */
void ring_shut(struct ring *r);

#endif
