/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Memory of free spans goes back to the system. */
#ifndef FUSION_CORE_SPAN_TRIM_H
#define FUSION_CORE_SPAN_TRIM_H

#include "libfusion/core/heap/span.h"

/* Give back the memory of free runs of at least TRIM_SPANS that have been free
 * for @age_ns, and empty slabs without an owner.  Returns the number of spans
 * that were given back, or -errno. */
int64_t span_trim(struct view *v, struct thread_rec *me, uint64_t age_ns);
/* The same, a bounded part of it, for what is TRIM_DECAY_NS old, if there may
 * be any: cheap to call now and then.  The daemon does too. */
void span_trim_decayed(struct view *v, struct thread_rec *me);
/* Something was freed: look again when it has decayed. */
void span_trim_later(struct view *v);
/* A free word that knows the time. */
uint64_t span_free_word(void);

#endif
