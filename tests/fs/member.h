/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the member program share. */
#ifndef TESTS_MEMBER_H
#define TESTS_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include <fusion/fusion.h>

#define WORDS 16

/* A line of input. */
struct words {
	int n;
	char *w[WORDS];
};

const char *word(const struct words *c, int i);
uint64_t number(const struct words *c, int i);
int64_t ms(const struct words *c, int i); /* as ns; negative: for ever */

/* A line of output. */
int said(const char *format, ...) __attribute__((format(printf, 1, 2)));
int answer(int r); /* "ok", "error ENAME" */

int errno_of(const char *name);

/* What commands are about; NULL none. */
struct fusion_arena *arena_now(void);

struct command {
	const char *name;
	int (*fn)(const struct words *c);
	bool needs_arena;
};

/* Each ends with no name. */
extern const struct command talk_commands[], object_commands[];

#endif
