/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Saying no, and why
 *
 * refuse() is called where an error is decided and its reason is known.  It
 * keeps the sentence for the thread that asked.  told() is what each public
 * function returns through: it makes the sentence, or a general one when nobody
 * below has said more, the thread's last error, and writes one line to the log.
 * So no failing call leaves an older call's sentence behind.
 */
#ifndef FUSION_REFUSE_H
#define FUSION_REFUSE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Returns @r, a negative errno.  The message: what failed, on what, why, what
 * to do; no full stop, no newline. */
int refuse(int r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3), cold));

/* Has refuse(@r) been called since the last public call failed or the last
 * refuse_nothing()? */
bool is_refused(int r);
void refuse_nothing(void);

/* What a thread did for another one, and why that failed: refuse_take() in the
 * one, then refuse_give() in the other, which frees it.  NULL: nothing. */
struct refusal;
struct refusal *refuse_take(void);
void refuse_give(struct refusal *refusal);

/* The meaning of @r in Fusion, whatever failed. */
const char *error_meaning(int r);

/* A callback of the program has returned @r.  @serial: refuse_serial() before
 * it ran.  Its own last error, if it passes that on, is the reason. */
uint32_t refuse_serial(void);
int refuse_callback(int r, uint32_t serial, const char *path,
		    const char *callback);

/* @name is not one, -EINVAL or -ENAMETOOLONG. */
int refuse_name(int r, const char *what, const char *name)
	__attribute__((cold));
/* Refuse a handle of something that is not there; an argument that is NULL;
 * flags of which only those of @known are; the size member of options. */
int refuse_handle(const char *what, const void *p) __attribute__((cold));
int refuse_null(const char *what, const char *argument) __attribute__((cold));
int refuse_flags(const char *what, uint32_t flags, uint32_t known)
	__attribute__((cold));
int refuse_size(const char *what, size_t size, size_t most)
	__attribute__((cold));

int told_error(int r, const char *function) __attribute__((cold));

static inline int64_t told_by(int64_t r, const char *function)
{
	return __builtin_expect(r >= 0, 1) ? r : told_error((int)r, function);
}

#define told(r) ((__typeof__(r))told_by((r), __func__))

/* The same for functions that return a pointer, or NULL and errno. */
static inline void *told_pointer_by(void *p, const char *function)
{
	if (__builtin_expect(!p, 0))
		told_error(-errno, function);
	return p;
}

#define told_pointer(p) told_pointer_by((p), __func__)

#endif
