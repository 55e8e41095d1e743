/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cursors: listening to a reactor. */
#ifndef FUSION_CORE_CURSOR_H
#define FUSION_CORE_CURSOR_H

#include "libfusion/core/talk/reactor.h"

struct cursor_params {
	uint32_t owner, slot; /* a member's id and slot */
	uint32_t flags;	      /* CURSOR_DONE, CURSOR_VISITOR */
	uint32_t policy, limit_ms;
	uint64_t mask;
};

/* A cursor as its listener names it. */
struct listener {
	struct reactor *re;
	uint32_t id; /* of the reactor */
	uint32_t cursor;
	uint32_t owner; /* member id, 0 a visitor */
	uint32_t ring;	/* the reactor's, also when the reactor is destroyed */
};

/*
 * Begin to listen: take a cursor at the end of what was dispatched.  Makes the
 * reactor's ring if there is none.
 *
 *   0 and *ret
 *   -ENOSPC     the reactor has as many listeners as it can have, or all rings
 *               are in use
 *   -EIDRM      the reactor is destroyed
 *   -ENOMEM     the arena cannot grow
 *   -EIO        the ring makes no sense
 *   -ETIMEDOUT  the lock of the rings was not free in time
 */
int cursor_take(struct view *v, struct thread_rec *me, struct reactor *re,
		const struct cursor_params *params, struct listener *ret);
/* Stop listening: give the cursor back, so that nobody waits for it.  Closes
 * the ring of a reactor that is destroyed, if this was the last listener. */
void cursor_free(struct view *v, struct thread_rec *me,
		 const struct listener *l);
/*
 * Find the cursor of a listener, and its ring.
 *
 *   0 and *ret, *ret_ring
 *   -EPIPE  the listener was too slow and is disconnected
 *   -EIDRM  the cursor is not this listener's
 *   -EIO    the ring makes no sense
 *
 * The cursor stays, also when the reactor is destroyed, until cursor_free().
 */
int cursor_get(const struct view *v, const struct listener *l,
	       struct ring *ret_ring, struct cursor **ret);
/*
 * Read the next message into @buf, which has room for @size bytes.  Messages
 * that member @skip_of sent with MSG_NOT_SENDER are passed over.
 *
 *   1 and *ret_head
 *   0          there is none yet
 *   -EIDRM     the reactor is destroyed, and all that was dispatched before
 *              that has been read
 *   -EMSGSIZE  @size is too small; ret_head->size says what is needed, and the
 *              message is not lost
 *   -EPIPE, -EIDRM, -EIO as cursor_get()
 *
 * The listener has the message until it calls cursor_read(), cursor_rest() or
 * cursor_free(): listeners that read behind all others wait that long.
 *
 * Behind the end or a disconnection, the listener calls cursor_free().
 * Checks all that it reads, so a hostile ring does no harm.
 */
int cursor_read(struct view *v, const struct listener *l, uint32_t skip_of,
		void *buf, uint32_t size, struct msg_head *ret_head);
/* Go idle after cursor_read() returned 0: the next dispatcher wakes us.  Tells
 * producers that wait for room, and listeners that read behind all others.
 * False: read again, a message has come or the reactor has ended. */
bool cursor_rest(struct view *v, struct thread_rec *me,
		 const struct listener *l);
/* Check whether it can be that cursor_read() returned 0.  0; -EIO what is there
 * makes no sense; others as cursor_get(). */
int cursor_check(const struct view *v, const struct listener *l);
/* Copy cursor @i of @re for the lens.  *ret_behind is how many cells it has
 * still to read.  0; -ENOENT the cursor is free; -ERANGE there are no more. */
int cursor_copy(const struct view *v, const struct reactor *re, uint32_t i,
		struct cursor *ret, uint64_t *ret_behind);

/* Tell whether dispatchers wait for the listener with @c. */
bool cursor_is_gating(const struct cursor *c);
/* Find the position before which records may be freed; @head if none may. */
uint64_t cursors_gate(const struct ring *r, uint64_t head);
/* Find how far the listener with @c is done. */
uint64_t cursor_done_pos(const struct cursor *c);
/* Find how far all listeners are done, not counting @self, visitors, and those
 * that read behind all others; UINT64_MAX if there are none. */
uint64_t cursors_done_pos(const struct ring *r, const struct cursor *self);
/* Tell whether the position of @c can be as it is. */
bool cursor_is_sound(const struct ring *r, const struct cursor *c);
/* Tell producers that wait for room, and listeners that read behind all others
 * (also those that are not idle, if @always), that cursor @self has moved or is
 * gone. */
void cursor_tell_moved(struct view *v, struct thread_rec *me, struct ring *r,
		       const struct cursor *self, bool always);

#endif
