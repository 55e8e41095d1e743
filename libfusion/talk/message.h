/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Messages as the dispatcher handles them. */
#ifndef FUSION_MESSAGE_PRIVATE_H
#define FUSION_MESSAGE_PRIVATE_H

#include "libfusion/talk/dispatcher.h"

/* Have the handlers of its type handle the record @in.  Turn is held. */
void message_receive(struct dispatcher *d, const struct dispatched *in);
/* The lists of handlers; finish cancels them, when none runs any more. */
void message_handlers_init(struct dispatcher *d);
void message_handlers_finish(struct dispatcher *d);

#endif
