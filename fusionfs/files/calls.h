/* SPDX-License-Identifier: GPL-2.0-or-later */
/* calls/ */
#ifndef FUSIONFS_CALLS_H
#define FUSIONFS_CALLS_H

#include "fusionfs/world/node.h"

extern const struct port_ops call_port;

#endif
