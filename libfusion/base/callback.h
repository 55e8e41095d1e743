/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Callbacks that do not return
 *
 * A function of the program may throw a C++ exception, longjmp() away, or end
 * its thread.  What the library holds around it - a turn, a count of those who
 * run it, an answer that somebody waits for - must not stay held.  So each call
 * of a function of the program is put into a frame:
 *
 *	struct callback c CALLBACK;
 *
 *	callback_begin(&c, undo, arena, thing, number);
 *	fn(ctx);
 *	callback_end(&c);
 *
 * undo() gives back what is held, and is called
 *
 *   - when an exception, a cancellation or pthread_exit() unwinds the stack: by
 *     the cleanup attribute of @c (the library is compiled with -fexceptions);
 *   - after a longjmp(), which unwinds nothing, when the thread next calls the
 *     library (callback_check()), or ends.  A frame whose place on the stack is
 *     above the end of the stack, or was overwritten, has been left.
 *
 * undo() gets copies: nothing on the stack is there any more.  No lock that
 * somebody else may want for long is held while fn() runs.
 */
#ifndef FUSION_CALLBACK_H
#define FUSION_CALLBACK_H

#include <stdbool.h>
#include <stdint.h>

struct callback_args {
	void *a, *b;
	uint64_t n;
	void *more; /* of callback_keep(), NULL and 0 else */
	uint64_t more_n;
};

/* On the stack of who calls a function of the program. */
struct callback {
	uint64_t serial; /* 0: over */
	unsigned depth;
};
#define CALLBACK __attribute__((cleanup(callback_unwound))) = {0}

typedef void (*callback_undo_fn)(const struct callback_args *args);

void callback_begin(struct callback *c, callback_undo_fn undo, void *a, void *b,
		    uint64_t n);
/* Two more things for undo(). */
void callback_keep(const struct callback *c, void *more, uint64_t more_n);
/* The function has returned: nothing is undone. */
void callback_end(struct callback *c);
void callback_unwound(struct callback *c);

/* Tell whether this thread is in a function of the program that @undo would
 * undo, and of whose arguments @is holds with @ctx.  callback_check() first. */
bool callback_is_inside(callback_undo_fn undo,
			bool (*is)(const struct callback_args *args,
				   const void *ctx),
			const void *ctx);

/* Undo what this thread has jumped away from.  First in each function of the
 * library that asks what the thread is in the middle of. */
#define callback_check() callback_check_above(__builtin_frame_address(0))
void callback_check_above(const void *here);
/* The thread ends. */
void callback_undo_all(void);
/* In the child of a fork: the frames go on, but what they held is the
 * parent's. */
void callback_after_fork(void);

#endif
