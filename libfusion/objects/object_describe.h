/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Describing objects in one line, with functions of the program. */
#ifndef FUSION_OBJECT_DESCRIBE_H
#define FUSION_OBJECT_DESCRIBE_H

#include "libfusion/objects/object_private.h"

/* Cancel the functions that describe objects, as the process leaves. */
void describers_stop(struct fusion_arena *arena);

#endif
