/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers of calls, as the caller gets them. */
#ifndef FUSION_CALL_ANSWER_H
#define FUSION_CALL_ANSWER_H

#include "libfusion/talk/call_execution.h"

/* Check the answer that the program wants to have filled in; NULL: none.  0,
 * -EINVAL, -E2BIG. */
int call_check_answer(const struct fusion_call_answer *answer);
/* Give the program an answer: @status, @word, and @length bytes at @from.  0;
 * -EMSGSIZE there is no room for the bytes. */
int call_give_answer(struct fusion_call_answer *answer, int status,
		     uint64_t word, const void *from, size_t length);
/* Take the answer of @x, whose slot is DONE or FAILED.  Returns what the caller
 * is to return. */
int call_collect(struct execution *x);

#endif
