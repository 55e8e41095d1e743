/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** @file The shared heap. (being written) */
#ifndef FUSION_HEAP_H
#define FUSION_HEAP_H

#include <fusion/types.h>

#endif
