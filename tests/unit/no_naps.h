/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sleepers that only a wake wakes
 *
 * A thread that sleeps in the library looks again now and then, as the thread
 * that owes the wake may have been killed.  So a wake that is missing makes a
 * wait longer, and no test fails.  In a test with no_naps.c such a nap is an
 * hour: the linker has the library's syscall() go by that file
 * (-Wl,--wrap=syscall), which changes the time-out of a futex wait that is
 * nap_from_ns or longer.  It stays a time-out: without one, the kernel goes on
 * with the wait after a signal (SA_RESTART).
 *
 * A program has a minute to end, a test that calls bound_begin() 20 seconds.
 * Then it fails: a sleeper was not woken.
 */
#ifndef TESTS_NO_NAPS_H
#define TESTS_NO_NAPS_H

#include <stdbool.h>
#include <stdint.h>

#define NAP_FROM_NS 90000000ll /* no nap between two probes is shorter */

/* Atomic, both.  The waits of a test itself are shorter, or have no time-out.
 */
extern int64_t nap_from_ns;
extern bool requeue_fails; /* FUTEX_CMP_REQUEUE gives EAGAIN */

/* The test that begins fails, and the program with it, unless bound_end() comes
 * in time.  @what: who sleeps, for the message. */
void bound_begin(const char *what);
void bound_end(void);

#endif
