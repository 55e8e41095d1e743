/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Futexes on shared words, and the clocks that go with them. */
#ifndef FUSION_CORE_FUTEX_H
#define FUSION_CORE_FUTEX_H

#include <stdint.h>

/* Sleep while *word == seen, at most @timeout_ns (< 0: for ever).
 * 0 woken or changed, -ETIMEDOUT, -EINTR. */
int futex_wait(const uint32_t *word, uint32_t seen, int64_t timeout_ns);
/* Wake at most @n sleepers; their number. */
int futex_wake(const uint32_t *word, int n);

int64_t clock_monotonic_ns(void);
int64_t clock_realtime_ns(void);

#endif
