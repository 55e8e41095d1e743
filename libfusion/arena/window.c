/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libfusion/core/base/fd.h"

/* Call @fn for each range of this process, until it says true. */
static bool each_range(bool (*fn)(uint64_t from, uint64_t to, void *ctx),
		       void *ctx)
{
	FILE *f = fd_fopen("/proc/self/maps");
	bool whole = true, done = false;
	uint64_t from, to;
	char line[256];

	/* A long path makes more than one piece of a line. */
	while (f && !done && fgets(line, sizeof(line), f)) {
		if (whole &&
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) == 2)
			done = fn(from, to, ctx);
		whole = strchr(line, '\n');
	}
	if (f)
		fclose(f);
	return done;
}

static bool mark_range(uint64_t from, uint64_t to, void *ctx)
{
	window_mark(ctx, from, to);
	return false;
}

void window_look(struct window_busy *ret)
{
	*ret = (struct window_busy){0};
	each_range(mark_range, ret);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	/* The sanitizers' own. */
	window_mark(ret, SECOND_BASE, UINT64_MAX);
#endif
}

struct wanted {
	uint64_t base, end;
	uint64_t from, to; /* what is there */
};

static bool is_in_the_way(uint64_t from, uint64_t to, void *ctx)
{
	struct wanted *w = ctx;

	w->from = from;
	w->to = to;
	return from < w->end && to > w->base;
}

bool window_occupant(uint64_t base, uint64_t span, uint64_t *ret_from,
		     uint64_t *ret_to)
{
	struct wanted w = {.base = base, .end = base + span};

	if (!each_range(is_in_the_way, &w))
		return false;
	*ret_from = w.from;
	*ret_to = w.to;
	return true;
}
