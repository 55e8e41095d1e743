/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that stay in their slots: HERE. */
#ifndef FUSION_CORE_CALL_HERE_H
#define FUSION_CORE_CALL_HERE_H

#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_private.h"

/* A request as it is in its slot. */
struct call_here {
	uint64_t serial, word;
	uint32_t size, caller, call, id; /* call: its index */
	unsigned char bytes[SLOT_INLINE];
};

/* Copy the request of @serial out of its slot, if it is for member @id in
 * @slot.  True: it may be executed now.  False: it is for somebody else, or was
 * given up meanwhile. */
bool call_here_copy(const struct view *v, uint64_t serial, uint32_t slot,
		    uint32_t id, struct call_here *ret);
/* Take HERE off the slot of @serial: the caller of this function sees to the
 * request from now on.  False: HERE was not there, or not any more. */
bool call_here_take(const struct view *v, uint64_t serial);
/* Tell whether the owner of @c attends to the slot of index @slot. */
bool call_is_attended(const struct view *v, const struct call *c,
		      uint32_t slot);

#endif
