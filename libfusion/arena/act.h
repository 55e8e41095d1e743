/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Acting on other processes, as a member
 *
 * The arena's memory says which pid a member has, and any member can write
 * there.  So this process signals another only after it has made sure of it: it
 * has a descriptor of that process, the witness of the slot is held, and the
 * process maps the arena.  Where this process cannot make sure, the daemon may
 * (request.c).
 */
#ifndef FUSION_ACT_H
#define FUSION_ACT_H

#include "libfusion/core/file/view.h"

/* The acts of views of members. */
extern const struct view_acts member_acts;

/* Send @signal to the process in @slot.  0; -ESRCH it is gone, or cannot be
 * seen from here; -EPERM. */
int member_signal(const struct view *v, uint32_t slot, int signal);
#endif
