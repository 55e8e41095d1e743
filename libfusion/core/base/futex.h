/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Futexes on shared words, and the clocks for their time-outs. */
#ifndef FUSION_CORE_FUTEX_H
#define FUSION_CORE_FUTEX_H

#include <stdint.h>

/* Sleep while *@word is @seen, at most @timeout_ns (< 0: for ever).
 * 0 woken, or *@word was not @seen; -ETIMEDOUT; -EINTR. */
int futex_wait(const uint32_t *word, uint32_t seen, int64_t timeout_ns);
/* Wake at most @n sleepers.  Returns their number. */
int futex_wake(const uint32_t *word, int n);

/* Sleep as futex_wait() does.  futex_wake_bits() with one of @bits wakes this
 * sleeper, and futex_wake() wakes it whatever its bits are. */
int futex_wait_bits(const uint32_t *word, uint32_t seen, int64_t timeout_ns,
		    uint32_t bits);
/* Wake all sleepers that share one of @bits, and all of futex_wait().  Returns
 * their number. */
int futex_wake_bits(const uint32_t *word, uint32_t bits);

/* Move at most @n sleepers of @word to @to if *@word is @seen.  Returns their
 * number, or -EAGAIN. */
int futex_requeue(const uint32_t *word, uint32_t seen, const uint32_t *to,
		  int n);

/* Read CLOCK_MONOTONIC in nanoseconds. */
int64_t clock_monotonic_ns(void);
/* Read CLOCK_REALTIME in nanoseconds. */
int64_t clock_realtime_ns(void);

#endif
