/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery and checker of cursors. */
#ifndef FUSION_CORE_CURSOR_RECOVER_H
#define FUSION_CORE_CURSOR_RECOVER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/talk/reactor.h"

/* Free the cursors that thread @t was taking, or had for a visitor. */
void cursor_recover_thread(struct view *v, const struct thread_rec *t);
/* Free the cursors of the member in @slot and of its threads. */
void cursor_recover_member(struct view *v, uint32_t slot);
/* Count the faults of the reactors' rings in a quiet arena. */
unsigned reactor_check(struct view *v, check_report_fn report, void *ctx);

#endif
