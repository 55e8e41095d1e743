/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/arena/refuse_arena.h"

#include <errno.h>
#include <inttypes.h>

#include "libfusion/arena/address.h"

int refuse_thing(const struct fusion_arena *arena, int r, const char *what,
		 const char *name)
{
	const char *in, *called = name ? name : "(no name)";

	if (!arena_is_in(arena))
		return is_refused(r) ? r : refuse_dead(arena);
	in = arena->name;
	switch (-r) {
	case EINVAL:
	case ENAMETOOLONG:
		return refuse_name(r, what, name);
	case EEXIST:
		return refuse(r, "%s '%s': arena '%s' has one of that name",
			      what, called, in);
	case ENOENT:
		return refuse(r, "%s '%s': arena '%s' has none of that name",
			      what, called, in);
	case ENOSPC:
		return refuse(
			r,
			"%s '%s': arena '%s' has no room for another one: "
			"destroy some that are not needed",
			what, called, in);
	case ENOMEM:
		return refuse(r,
			      "%s '%s': no memory: the limit of arena '%s' "
			      "(%" PRIu64 " bytes, 0 is none) or the tmpfs "
			      "below it is used up",
			      what, called, in,
			      load_relaxed(&arena->view.sb->limit));
	}
	return refuse(r, "%s '%s' of arena '%s': %s", what, called, in,
		      error_meaning(r));
}

int refuse_memory(const struct fusion_arena *arena, int r, uint64_t size)
{
	return refuse(r,
		      "arena '%s': no memory for %" PRIu64 " bytes: its "
		      "limit (%" PRIu64 " bytes, 0 is none), its span or "
		      "the tmpfs below it is used up",
		      arena->name, size, load_relaxed(&arena->view.sb->limit));
}

int refuse_dead(const struct fusion_arena *arena)
{
	if (arena && orphan_is(arena))
		return refuse(-ECHILD,
			      "%p is an arena of this process' parent: enter "
			      "the arena here, or let the parent enter with "
			      "FUSION_ENTER_FORK",
			      (const void *)arena);
	return refuse(-EINVAL,
		      "%p is no arena that this process is in: give what "
		      "fusion_arena_enter() has returned, until "
		      "fusion_arena_exit()",
		      (const void *)arena);
}
