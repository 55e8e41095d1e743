/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What went wrong with an arena, and what to do about it. */
#ifndef EXAMPLES_WHY_H
#define EXAMPLES_WHY_H

#include <errno.h>
#include <string.h>

static inline const char *why(int r)
{
	switch (r) {
	case -ENODEV:
		return "no fusionfs is mounted there: mount one (fusionfs "
		       "DIR), or set FUSION_MOUNT";
	case -ENOTCONN:
		return "the fusionfs there is gone: mount it again";
	case -EACCES:
		return "not allowed: look at the arena's mode (ls -ld)";
	case -EPROTO:
		return "it is of another version of Fusion";
	default:
		return strerror(-r);
	}
}

#endif
