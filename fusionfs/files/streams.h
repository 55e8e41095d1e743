/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reactors/NAME/stream and text */
#ifndef FUSIONFS_STREAMS_H
#define FUSIONFS_STREAMS_H

#include "fusionfs/world/node.h"

extern const struct port_ops stream_port, text_port;

#endif
