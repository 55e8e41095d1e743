/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the answer of a call. */
#ifndef FUSION_CALL_WAIT_H
#define FUSION_CALL_WAIT_H

#include "libfusion/talk/call_execution.h"

/* Wait for the answer of @x, executing what this thread is asked to meanwhile.
 * 0: it is there; -ETIMEDOUT and others: the slot is not ours any more. */
int call_await(struct execution *x);
/* Nothing has happened for a while: look whether somebody is dead. */
void call_probe(struct execution *x, uint64_t st);

#endif
