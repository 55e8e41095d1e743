/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The descriptor that is readable when there is something to dispatch. */
#ifndef FUSION_DISPATCH_FD_H
#define FUSION_DISPATCH_FD_H

#include "libfusion/talk/dispatcher.h"

/* End the thread that watches, and close the descriptor. */
void dispatch_fd_stop(struct dispatcher *d);

#endif
