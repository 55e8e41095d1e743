/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Describing objects in one line, with functions of the program. */
#ifndef FUSION_OBJECT_DESCRIBE_H
#define FUSION_OBJECT_DESCRIBE_H

#include "libfusion/objects/object_private.h"

/* Tell whether this thread is in a function that describes an object of the
 * arena. */
bool describers_run_here(const struct fusion_arena *arena);
/* Cancel the functions that describe objects, as the process leaves. */
void describers_stop(struct fusion_arena *arena);

#endif
