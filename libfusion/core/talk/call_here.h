/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Requests that stay in their slots. */
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

/* Copy it out, if it is for member @id in @slot: what is to be executed, now or
 * never.  False: it is not, or has just been given up. */
bool call_here_copy(const struct view *v, uint64_t serial, uint32_t slot,
		    uint32_t id, struct call_here *ret);
/* HERE is taken off @serial's slot.  False: it was not there (any more). */
bool call_here_take(const struct view *v, uint64_t serial);
/* Does the owner of @c attend to the slot of index @slot? */
bool call_is_attended(const struct view *v, const struct call *c,
		      uint32_t slot);

#endif
