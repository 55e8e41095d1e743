/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Handling what is in the queue, with the turn.  All functions but
 * dispatch_release() need the turn. */
#ifndef FUSION_DISPATCH_RUN_H
#define FUSION_DISPATCH_RUN_H

#include "libfusion/talk/dispatcher.h"

/* Handle a batch of records, and what else there is to do.  Returns how many
 * handlers ran. */
unsigned dispatch_run(struct dispatcher *d);
/* Begin and end the handling of something that is not a record. */
void handling_begin(struct dispatcher *d, struct handling *ret);
void handling_end(struct dispatcher *d, struct handling *handling);
/* Return the position before which all records are handled. */
uint64_t dispatch_done(const struct dispatcher *d);
/* Has each handling without a record, whose number is less than @before, ended?
 */
bool dispatch_has_ended(const struct dispatcher *d, uint64_t before);
/* Say that the calling handler has copied its record: the cells may be used
 * again before the handler ends. */
void dispatch_release(struct fusion_arena *arena);
/* Give back the cells that no handler uses: @all of them, or only when they are
 * many. */
void dispatch_release_cells(struct dispatcher *d, bool all);

#endif
