/* SPDX-License-Identifier: LGPL-2.1-or-later */
/** @file All of Fusion. */
#ifndef FUSION_FUSION_H
#define FUSION_FUSION_H

#include <fusion/arena.h>
#include <fusion/call.h>
#include <fusion/container.h>
#include <fusion/dispatch.h>
#include <fusion/error.h>
#include <fusion/hash.h>
#include <fusion/heap.h>
#include <fusion/list.h>
#include <fusion/message.h>
#include <fusion/object.h>
#include <fusion/property.h>
#include <fusion/reactor.h>
#include <fusion/ref.h>
#include <fusion/skirmish.h>
#include <fusion/types.h>
#include <fusion/vector.h>
#include <fusion/version.h>

#endif
