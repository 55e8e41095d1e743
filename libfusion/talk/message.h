/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_MESSAGE_PRIVATE_H
#define FUSION_MESSAGE_PRIVATE_H

#include "libfusion/talk/dispatcher.h"

void message_receive(struct dispatcher *d, const struct dispatched *in);
void message_handlers_free(struct dispatcher *d);

#endif
