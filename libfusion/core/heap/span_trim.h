/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trimming: memory of free spans goes back to the system. */
#ifndef FUSION_CORE_SPAN_TRIM_H
#define FUSION_CORE_SPAN_TRIM_H

#include "libfusion/core/heap/span.h"

/* Give back the memory of free runs of at least TRIM_SPANS that have been free
 * for @age_ns, and free empty slabs without an owner.  Returns the number of
 * spans, or -errno. */
int64_t span_trim(struct view *v, struct thread_rec *me, uint64_t age_ns);
/* Trim what has been free for TRIM_DECAY_NS, if there may be any, and at most
 * about TRIM_MAX spans.  Cheap, so threads and the daemon call it now and then.
 */
void span_trim_decayed(struct view *v, struct thread_rec *me);
/* Note that spans were freed, which may be trimmed after TRIM_DECAY_NS. */
void span_trim_later(struct view *v);
/* Make the word of a free span, with the present time in it. */
uint64_t span_free_word(void);

#endif
