/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers of calls, as the caller gets them. */
#ifndef FUSION_CALL_ANSWER_H
#define FUSION_CALL_ANSWER_H

#include "libfusion/talk/call_execution.h"

/* Free the answer that the thread's last call left because the caller had no
 * room for it. */
void call_drop_answer(struct tcache *cache);
/* Take the answer of @x, whose slot is DONE or FAILED.  Returns what the caller
 * is to return. */
int call_collect(struct execution *x);

#endif
