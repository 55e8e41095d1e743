/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Consumers: take records out of a ring. */
#ifndef FUSION_CORE_RING_CONSUME_H
#define FUSION_CORE_RING_CONSUME_H

#include "libfusion/core/talk/ring.h"

enum ring_found {
	RING_EMPTY,  /* nothing yet: the cell is free */
	RING_RECORD, /* a committed record of *ret_cells cells */
	RING_SKIP,   /* *ret_cells cells to pass over */
	RING_BUSY,   /* claimed, and its producer has not committed yet */
	RING_LOST,   /* the cells were given back: the reader was too slow */
	RING_BROKEN, /* the header makes no sense */
};

/* Look at the header of position @pos.  *ret_cells and *ret_producer are what
 * the header says, whatever is returned. */
enum ring_found ring_look(const struct ring *r, uint64_t pos,
			  uint32_t *ret_cells, uint32_t *ret_producer);
/* Find the end of the ring as it was during this call, which ring_tail() may
 * miss if the thread is stopped in the middle. */
uint64_t ring_end(const struct ring *r);

/* Give the cells from @from up to @to back to producers.  Only for a ring with
 * one consumer, and only the consumer calls it. */
void ring_release(struct ring *r, uint64_t from, uint64_t to);
/* Flag that the consumer sleeps at @pos, where it found nothing.  False: a
 * record has come meanwhile. */
bool ring_arm(struct ring *r, uint64_t pos);
/* Have the consumer that sleeps at @pos, or is about to, look again. */
void ring_rouse(struct ring *r, uint64_t pos);
/* Sleep at @pos, after ring_arm().  0, -ETIMEDOUT, -EINTR. */
int ring_sleep(struct ring *r, uint64_t pos, int64_t timeout_ns);

/* Count the records from the head to the first free cell, for the lens.  Reads
 * at most one lap. */
uint32_t ring_pending(const struct ring *r);

#endif
