/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who uses next what the victim left
 *
 * After recovery the peer goes on, in a process of its own, on its own copy of
 * the image: whatever it does there nobody sees but by its complaint.
 */
#ifndef TESTS_CRASH_NEXT_USER_H
#define TESTS_CRASH_NEXT_USER_H

#include "tests/crash/stage.h"

typedef void (*next_user_fn)(const struct stage *s, struct fusion_arena *a);

/* @bad hears what it complains of, or how it died. */
void next_user(const struct stage *s, next_user_fn use,
	       void (*bad)(void *, const char *), void *ctx);

/* For @use. */
__attribute__((format(printf, 1, 2), noreturn)) void complain(const char *fmt,
							      ...);
/* Complain if @r is an error. */
void complain_of(int r, const char *what);
/* Blocks of the heap that recovery has left to others than the victim. */
uint64_t blocks_of_others(const struct stage *s);
uint64_t blocks_of_all(const struct fusion_arena *a);

#endif
