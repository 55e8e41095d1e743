/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/life/enter_options.h"

#include <errno.h>
#include <inttypes.h>

#include "libfusion/base/deadline.h"
#include "libfusion/base/options.h"
#include "libfusion/base/refuse.h"
#include "libfusion/core/file/layout.h"

static int refuse_option(const char *name, int64_t value, const char *want)
{
	return refuse(-EINVAL,
		      "options of fusion_arena_enter(): %s is %" PRId64
		      ": it has to be %s",
		      name, value, want);
}

static int check_options(const struct fusion_arena_options *o)
{
	const uint32_t flags = FUSION_ENTER_NOWAIT | FUSION_ENTER_FORK |
			       FUSION_ENTER_EXISTING | FUSION_ENTER_MANUAL |
			       WAIT_FLAGS;

	if (o->role > FUSION_ROLE_SLAVE)
		return refuse_option("role", o->role,
				     "FUSION_ROLE_ANY, _MASTER or _SLAVE");
	if (o->flags & ~flags)
		return refuse_option("flags", o->flags & ~flags,
				     "a combination of FUSION_ENTER_... and "
				     "FUSION_WAIT_... flags");
	if (o->on_master_death > FUSION_MASTER_DEATH_PROMOTE)
		return refuse_option("on_master_death", o->on_master_death,
				     "FUSION_MASTER_DEATH_NOTIFY, _KILL or "
				     "_PROMOTE");
	if (o->mode & ~07777u)
		return refuse_option("mode", o->mode,
				     "that of a directory, say 0750");
	if (o->timeout_ns < FUSION_FOREVER)
		return refuse_option("timeout_ns", o->timeout_ns,
				     "nanoseconds, or 0 or FUSION_FOREVER for "
				     "no limit");
	if (o->span && (o->span < SPAN_MIN || o->span > SPAN_MAX ||
			o->span & (o->span - 1)))
		return refuse_option("span", (int64_t)o->span,
				     "a power of two from 16777216 (16 MiB) to "
				     "68719476736 (64 GiB), or 0");
	return 0;
}

int enter_options_copy(const struct fusion_arena_options *from,
		       struct fusion_arena_options *to)
{
	int r = options_copy(to, sizeof(*to),
			     OPTIONS_FIRST(struct fusion_arena_options, ctx),
			     from, "fusion_arena_options");

	return r < 0 ? r : check_options(to);
}
