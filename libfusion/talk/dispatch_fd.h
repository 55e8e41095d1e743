/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FUSION_DISPATCH_FD_H
#define FUSION_DISPATCH_FD_H

#include "libfusion/talk/dispatcher.h"

void dispatch_fd_stop(struct dispatcher *d);
/* After dispatching: is the descriptor to be readable?  Turn is held. */
void dispatch_fd_update(struct dispatcher *d);

#endif
