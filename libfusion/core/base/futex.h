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

/* The same for sleepers that can be called apart: @bits says by which of 32
 * bits.  futex_wake() wakes them whatever theirs are; futex_wake_bits() wakes
 * all that share one, and those of futex_wait(). */
int futex_wait_bits(const uint32_t *word, uint32_t seen, int64_t timeout_ns,
		    uint32_t bits);
int futex_wake_bits(const uint32_t *word, uint32_t bits);

/* If *word == seen, have at most @n who sleep on it sleep on @to instead.
 * Their number, or -EAGAIN. */
int futex_requeue(const uint32_t *word, uint32_t seen, const uint32_t *to,
		  int n);

int64_t clock_monotonic_ns(void);
int64_t clock_realtime_ns(void);

#endif
