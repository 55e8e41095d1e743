/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stepping a process instruction by instruction
 *
 * The process asks for it with stepper_begin() and is rid of it after
 * stepper_end().  Calls of the C library that cannot reach into the arena
 * (formatting, /proc) are run at full speed.
 */
#ifndef TESTS_CRASH_STEPPER_H
#define TESTS_CRASH_STEPPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* In the process itself. */
void stepper_trace_me(void); /* stops */
void stepper_end(void);	     /* stops again: done */

struct stepper {
	pid_t pid;
	uint64_t steps;
	uint64_t pc;   /* after the last step */
	bool done;     /* reached stepper_end() */
	int killed_by; /* or died of a signal */
	int exited;    /* or exited by itself, with this + 1 */
};

/* Wait for stepper_trace_me(). */
void stepper_attach(struct stepper *s, pid_t pid);
/* One instruction: false when there are no more. */
bool stepper_step(struct stepper *s);
/* At full speed, until it has come to the instruction at @pc @times times more.
 * False: there is no more. */
bool stepper_run_to(struct stepper *s, uint64_t pc, uint64_t times);
/* At full speed: it may wait for others.  Then ask until it is over. */
void stepper_let_go(struct stepper *s);
bool stepper_is_over(struct stepper *s);
/* At stepper_end(): it goes on as if it had never been traced. */
void stepper_detach(struct stepper *s);
/* Kill it where it is. */
void stepper_kill(struct stepper *s);

/* Where @pc is, for a report. */
void stepper_where(uint64_t pc, char *buf, size_t size);

#endif
