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

/* Take a cursor at the end of what was dispatched; makes the ring if there is
 * none.  0; -ENOSPC; -EIDRM; -ENOMEM; -EIO; -ETIMEDOUT. */
int cursor_take(struct view *v, struct thread_rec *me, struct reactor *re,
		const struct cursor_params *params, struct listener *ret);
/* Give it back: nobody waits for it any more. */
void cursor_free(struct view *v, struct thread_rec *me,
		 const struct listener *l);
/* Its cursor in *ret, its ring in *ret_ring.  0; -EPIPE; -EIDRM; -EIO. */
int cursor_get(const struct view *v, const struct listener *l,
	       struct ring *ret_ring, struct cursor **ret);
/*
 * The next message.  1 and *ret_head, the payload in @buf; 0 there is none;
 * -EMSGSIZE @size is too small, ret_head->size says what is needed and nothing
 * is lost; -EPIPE disconnected; -EIDRM destroyed; -EIO.  @skip_of: member
 * whose messages with MSG_NOT_SENDER are passed over.  Checks all it reads.
 */
int cursor_read(struct view *v, const struct listener *l, uint32_t skip_of,
		void *buf, uint32_t size, struct msg_head *ret_head);
/* There was none: ring when one comes.  Tells who waits for room, and who waits
 * for all to be done.  False: one has come meanwhile. */
bool cursor_rest(struct view *v, struct thread_rec *me,
		 const struct listener *l);
/* There was none: can that be?  0; -EIO what is there makes no sense; others as
 * cursor_get(). */
int cursor_check(const struct view *v, const struct listener *l);
/* Copy cursor @i of @re, below n_cursors of its ring.  0; -ENOENT it is free;
 * -ERANGE there are no more; *ret_behind: cells that it has still to read. */
int cursor_copy(const struct view *v, const struct reactor *re, uint32_t i,
		struct cursor *ret, uint64_t *ret_behind);
/* Cursors that @t was taking, or had for a visitor. */
void reactor_recover_thread(struct view *v, const struct thread_rec *t);
/* Cursors of the member in @slot, and of its threads. */
void reactor_recover_member(struct view *v, uint32_t slot);
/* Faults of a quiet arena's reactors. */
unsigned reactor_check(struct view *v, void (*report)(void *, const char *),
		       void *ctx);

#endif
