/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that stay in their slots, as the dispatcher looks for them.  The
 * turn is held for all of these. */
#ifndef FUSION_CALL_ATTEND_H
#define FUSION_CALL_ATTEND_H

#include "libfusion/talk/dispatcher.h"

/* Handle the requests in slots that this dispatcher attends to.  Returns how
 * many ran. */
unsigned attend_run(struct dispatcher *d);
/* Is there such a request? */
bool attend_is_there(const struct dispatcher *d);
/* Write down the serials of those requests, 0 none, in @ret[RING_ATTENDED]. */
void attend_note(const struct dispatcher *d, uint64_t *ret);
/* Is a request that attend_note() wrote down still there? */
bool attend_has(const struct dispatcher *d, const uint64_t *noted);
/* Attend to no slot any more.  True: a request came just before, and is to be
 * handled. */
bool attend_close(struct dispatcher *d);
/* Attend to the slot of index @slot, from which a request came by the queue, if
 * there is a free entry for it. */
void attend(struct dispatcher *d, uint32_t slot);

#endif
