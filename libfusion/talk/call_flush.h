/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Wakes that are owed for queued calls. */
#ifndef FUSION_CALL_FLUSH_H
#define FUSION_CALL_FLUSH_H

#include "libfusion/talk/call_private.h"

/* Wake the sleeper of @owed soon; or now, if no thread can do it later. */
void call_flush_later(struct calls *calls, const struct owed *owed);
/* Wake all sleepers that are owed a wake. */
void call_flush(struct fusion_arena *arena);

#endif
