/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recovery and checker of objects. */
#ifndef FUSION_CORE_OBJECT_RECOVER_H
#define FUSION_CORE_OBJECT_RECOVER_H

#include "libfusion/core/base/checker.h"
#include "libfusion/core/objects/object.h"

void object_recover_locked(struct view *v, struct thread_rec *t);
int object_recover(struct view *v, struct thread_rec *t);
void object_recover_member(struct view *v, uint32_t slot);
/* A member is recovered: what it claimed is to be looked at. */
void object_duties_wake(const struct view *v);
bool object_announces(const struct thread_rec *t);
unsigned object_check(struct view *v, check_report_fn report, void *ctx);

#endif
