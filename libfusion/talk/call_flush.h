/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_CALL_FLUSH_H
#define FUSION_CALL_FLUSH_H

#include "libfusion/talk/call_private.h"

/* Wake @owed soon; and now, all that are owed. */
void call_flush_later(struct calls *calls, const struct owed *owed);
void call_flush(struct fusion_arena *arena);

#endif
