/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_CALL_ATTEND_H
#define FUSION_CALL_ATTEND_H

#include "libfusion/talk/dispatcher.h"

/* The turn is held for all of these.  Handle requests in slots that are
 * attended to: as many as ran. */
unsigned attend_run(struct dispatcher *d);
/* Is there one? */
bool attend_is_there(const struct dispatcher *d);
/* The serials of those there are, 0 none. */
void attend_note(const struct dispatcher *d, uint64_t *ret);
/* Is one of those that were noted still there? */
bool attend_has(const struct dispatcher *d, const uint64_t *noted);
/* No slot is attended to any more.  True: a request was just coming, and is
 * there. */
bool attend_close(struct dispatcher *d);
/* A request came from slot index @slot by the queue: attend to it, if there is
 * a place. */
void attend(struct dispatcher *d, uint32_t slot);

#endif
