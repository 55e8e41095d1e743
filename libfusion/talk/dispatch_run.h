/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A turn of the dispatcher. */
#ifndef FUSION_DISPATCH_RUN_H
#define FUSION_DISPATCH_RUN_H

#include "libfusion/talk/dispatcher.h"

/* Handle a batch.  As many handlers as ran.  Turn is held. */
unsigned dispatch_run(struct dispatcher *d);
/* Handlers of what is no record begin, and end.  Turn is held, as for the
 * next. */
void handling_begin(struct dispatcher *d, struct handling *ret);
void handling_end(struct dispatcher *d, struct handling *mine);
/* All before this has been handled. */
uint64_t dispatch_done(const struct dispatcher *d);
/* And what is no record, if its number is less. */
bool dispatch_has_ended(const struct dispatcher *d, uint64_t before);
/* A record has been copied out: its cells may be used again before the handler
 * has ended. */
void dispatch_release(struct fusion_arena *arena);
/* Give back the cells that no handler uses any more: @all of them, or only when
 * they are many.  Turn is held. */
void dispatch_release_cells(struct dispatcher *d, bool all);

#endif
