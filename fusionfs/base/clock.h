/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times of the main thread, beside the clocks of libfusion/core/base/futex.h.
 */
#ifndef FUSIONFS_CLOCK_H
#define FUSIONFS_CLOCK_H

#include <stdint.h>

/* Return the processor time that this thread has used. */
uint64_t clock_processor_ns(void);
/* Return the sooner of two times to wait, where -1 is for ever. */
int64_t clock_sooner(int64_t a, int64_t b);
/* Return the time that is left until @due_ns, 0 if that is over. */
int64_t clock_left(int64_t due_ns, int64_t now_ns);

#endif
