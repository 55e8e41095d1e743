/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Calls as they were before 0.1, for programs that scripts/migrate converted
 *
 * These functions return the status of the answer as if it were an error of the
 * library.  So a program that uses them cannot tell whether a call was
 * executed: convert it by hand to fusion_call_execute() when there is time.
 */
#ifndef FUSION_MIGRATE_0_1_H
#define FUSION_MIGRATE_0_1_H

#include <errno.h>

#include <fusion/call.h>

/* As fusion_call_execute_bytes() was.  -EMSGSIZE: the bytes are lost. */
static inline int
call_for_bytes(struct fusion_call *call,
	       const struct fusion_call_execute_options *options, uint64_t word,
	       const void *in, size_t in_size, uint64_t *ret_word, void *out,
	       size_t out_size, size_t *ret_size)
{
	struct fusion_call_answer answer = FUSION_CALL_ANSWER_INIT;
	char none;
	int r;

	answer.data = out ? out : &none;
	answer.capacity = out_size;
	r = fusion_call_execute(call, options, word, in, in_size, &answer);
	if (r == -EMSGSIZE && !out_size && !ret_size)
		r = 0;
	if (r == 0)
		r = answer.status;
	if ((r == 0 || r == -EMSGSIZE) && ret_word)
		*ret_word = answer.word;
	if ((r == 0 || r == -EMSGSIZE) && ret_size)
		*ret_size = answer.length;
	return r;
}

/* As fusion_call_execute() was. */
static inline int call_for_word(struct fusion_call *call, uint64_t word,
				uint64_t *ret_word)
{
	return call_for_bytes(call, NULL, word, NULL, 0, ret_word, NULL, 0,
			      NULL);
}

#endif
