/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for the answer of a call. */
#ifndef FUSION_CALL_WAIT_H
#define FUSION_CALL_WAIT_H

#include "libfusion/talk/call_execution.h"

/* Wait for the answer of @x, and execute what this thread is asked to
 * meanwhile. 0: the answer is there; -ETIMEDOUT and others: the slot is not
 * ours any more.
 */
int call_await(struct execution *x);
/* Look whether the owner or the executor of @x is dead.  @st: the word of its
 * slot, 0 it has none. */
void call_probe(struct execution *x, uint64_t st);

#endif
