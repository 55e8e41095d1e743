/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The handle of an arena: made, bound to a directory, freed. */
#ifndef FUSION_HANDLE_H
#define FUSION_HANDLE_H

#include "libfusion/arena/arena_private.h"

/* Make a handle of the arena at @path, in which the process is not yet; NULL:
 * no memory. */
struct fusion_arena *handle_new(const char *path,
				const struct fusion_arena_options *options);
/* Open the arena's directory, making it unless the options say that it exists;
 * *ret_made: it was made.  0, -errno. */
int handle_open_dir(struct fusion_arena *arena,
		    const struct fusion_arena_options *options, bool *ret_made);
/* Free a handle that is not mapped any more. */
void handle_free(struct fusion_arena *arena);

#endif
