/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as the dispatcher handles them. */
#ifndef FUSION_MESSAGE_PRIVATE_H
#define FUSION_MESSAGE_PRIVATE_H

#include "libfusion/talk/dispatcher.h"

/* Have the handler of its type handle the record @in.  Turn is held. */
void message_receive(struct dispatcher *d, const struct dispatched *in);
/* Forget all handlers. */
void message_handlers_free(struct dispatcher *d);

#endif
