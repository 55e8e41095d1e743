/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of calls share, and nobody else needs. */
#ifndef FUSION_CORE_CALL_PRIVATE_H
#define FUSION_CORE_CALL_PRIVATE_H

#include "libfusion/core/talk/call.h"

/* Flags that stay when a slot is answered or fails. */
#define SLOT_KEPT (SLOT_SLEEP | SLOT_UPCALL | SLOT_VISITOR | SLOT_LENT)

#endif
