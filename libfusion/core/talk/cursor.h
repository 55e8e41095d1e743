/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bells: what the two halves of a reactor, dispatching and listening, share. */
#ifndef FUSION_CORE_CURSOR_H
#define FUSION_CORE_CURSOR_H

#include "libfusion/core/talk/reactor.h"

/* bells_ring(): whatever their channels, and also who does not seem to rest:
 * the dead may have taken the mark and not rung. */
#define BELLS_ALL UINT64_MAX

/* Tell who has @c to look, if it rests (or @always).  @id is the reactor's. */
void bell_ring(struct view *v, struct thread_rec *me, struct cursor *c,
	       uint32_t id, bool always);
/* All who listen to @channel and rest.  After the message is there. */
void bells_ring(struct view *v, struct thread_rec *me, struct ring *r,
		uint64_t channel, uint32_t id);

/* Is @c waited for? */
bool cursor_is_gating(const struct cursor *c);
/* Before which nothing may be overwritten; @head if nothing may. */
uint64_t cursors_gate(const struct ring *r, uint64_t head);
/* Can its position be? */
bool cursor_is_sound(const struct ring *r, const struct cursor *c);

/* As far as all but those that read behind the others are. */
uint64_t done_by_others(const struct ring *r, const struct cursor *mine);

#endif
