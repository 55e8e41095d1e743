/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Refusals: the sentence that explains why a call failed
 *
 * The function that decides an error knows the reason: it calls refuse(), which
 * keeps the sentence for this thread.  Each public function returns through
 * told().  If the call failed, told() makes that sentence the thread's last
 * error, or a general one if no function below has called refuse().  It also
 * writes one line to the log.
 *
 * Invariant: after a public call has failed, the thread's sentence is about
 * that call, never about an older one.
 */
#ifndef FUSION_REFUSE_H
#define FUSION_REFUSE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Keep a sentence for this thread, and return @r, a negative errno.  The
 * sentence says what failed, on what, why, and what to do.  It has no full stop
 * and no newline. */
int refuse(int r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Has refuse(@r) been called since the last public call failed, or since the
 * last refuse_nothing()? */
bool is_refused(int r);
void refuse_nothing(void);

/* Move a sentence to another thread: the thread that failed calls
 * refuse_take(), the thread that it worked for calls refuse_give(), which frees
 * it.  NULL: there is no sentence. */
struct refusal;
struct refusal *refuse_take(void);
void refuse_give(struct refusal *refusal);

/* What @r means in Fusion, without knowing what failed. */
const char *error_meaning(int r);

/* Refuse because a callback of the program returned @r.  @serial is what
 * refuse_serial() returned before the callback ran.  If the callback passes on
 * the error of a call that it made, the sentence has the reason of that call.
 */
uint32_t refuse_serial(void);
int refuse_callback(int r, uint32_t serial, const char *path,
		    const char *callback);

/* Refuse because @name is not a valid name: @r is -EINVAL or -ENAMETOOLONG. */
int refuse_name(int r, const char *what, const char *name)
	__attribute__((cold));
/* Refuse because of an argument: a handle that is not valid (-EINVAL; -ECHILD
 * it is of the parent), which is not followed; NULL; flags outside of @known; a
 * wrong size member of options. */
int refuse_handle(const char *what, const void *p) __attribute__((cold));
int refuse_null(const char *what, const char *argument) __attribute__((cold));
int refuse_flags(const char *what, uint32_t flags, uint32_t known)
	__attribute__((cold));
int refuse_size(const char *what, size_t size, size_t most)
	__attribute__((cold));
/* Refuse because the member reserved of struct @what is not 0. */
int refuse_reserved(const char *what) __attribute__((cold));

int told_error(int r, const char *function) __attribute__((cold));

static inline int64_t told_by(int64_t r, const char *function)
{
	return __builtin_expect(r >= 0, 1) ? r : told_error((int)r, function);
}

#define told(r) ((__typeof__(r))told_by((r), __func__))

/* told() for functions that return a pointer, or NULL and errno. */
static inline void *told_pointer_by(void *p, const char *function)
{
	if (__builtin_expect(!p, 0))
		told_error(-errno, function);
	return p;
}

#define told_pointer(p) told_pointer_by((p), __func__)

#endif
