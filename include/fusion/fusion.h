/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * @file
 * Fusion: a shared heap, locks and messages for unrelated processes.
 *
 * This header includes the whole library.  Each header is the manual of its
 * functions.  Begin with these three:
 *
 *   fusion/types.h      how to read the headers: errors, time-outs, threads
 *   fusion/arena.h      enter and exit an arena
 *   fusion/heap.h       allocate memory that all members share
 *
 * Then take what the program needs:
 *
 *   fusion/error.h      print why a call failed
 *   fusion/field.h      find shared data by its name
 *   fusion/skirmish.h   lock data against the threads of all members
 *   fusion/property.h   use something exclusively, for a moment or for long
 *   fusion/ref.h        count the users of data, also those that die
 *   fusion/message.h    send bytes or a block to one member
 *   fusion/call.h       call a function of another member
 *   fusion/reactor.h    send a message to all members that listen
 *   fusion/dispatch.h   choose the thread that runs handlers
 *   fusion/object.h     share data that is destroyed with its last user
 *   fusion/container.h  what hashes, vectors and lists have in common
 *   fusion/hash.h       find values by a key
 *   fusion/vector.h     find values by an index
 *   fusion/list.h       keep values in a doubly linked list
 *   fusion/slot.h       cancel what a function was subscribed to
 *   fusion/version.h    ask for the version
 *
 * This header does not include fusion/object_methods.h, which defines functions
 * for objects of one type.
 *
 * fusion(7) is the overview: it explains the terms and has a first program.
 */
#ifndef FUSION_FUSION_H
#define FUSION_FUSION_H

#include <fusion/arena.h>
#include <fusion/call.h>
#include <fusion/container.h>
#include <fusion/dispatch.h>
#include <fusion/error.h>
#include <fusion/field.h>
#include <fusion/hash.h>
#include <fusion/heap.h>
#include <fusion/list.h>
#include <fusion/message.h>
#include <fusion/object.h>
#include <fusion/property.h>
#include <fusion/reactor.h>
#include <fusion/ref.h>
#include <fusion/skirmish.h>
#include <fusion/slot.h>
#include <fusion/types.h>
#include <fusion/vector.h>
#include <fusion/version.h>

#endif
