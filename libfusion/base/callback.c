/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/callback.h"

#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>

#define DEPTH 32 /* callbacks within callbacks; deeper ones are not undone */

struct frame {
	const struct callback *at;
	uint64_t serial;
	callback_undo_fn undo;
	struct callback_args args;
};

/* The outermost first.  NULL: none yet, or no memory, and nothing is undone.
 * Not here itself: a library that is loaded late has little room for what each
 * thread has. */
static __thread struct frame *frames;
static __thread unsigned n_frames;
static __thread uint64_t serials;

static bool is_kept(unsigned depth)
{
	return frames && depth < DEPTH;
}

/* Undo all but the first @n, the innermost first.  It is off the stack before
 * it is undone: what undo() calls may check, too. */
static void undo_down_to(unsigned n)
{
	while (n_frames > n) {
		struct frame f = {.undo = NULL};

		n_frames--;
		if (is_kept(n_frames))
			f = frames[n_frames];
		if (f.undo)
			f.undo(&f.args);
	}
}

/* Coroutines run on stacks of their own, of which we know nothing. */
static bool is_on_stack(const void *p, const char *low, size_t size)
{
	return (size_t)((const char *)p - low) < size;
}

static bool same_stack(const void *a, const void *b)
{
	static __thread void *low;
	static __thread size_t size;
	pthread_attr_t attr;

	if (!size && pthread_getattr_np(pthread_self(), &attr) == 0) {
		pthread_attr_getstack(&attr, &low, &size);
		pthread_attr_destroy(&attr);
	}
	return is_on_stack(a, low, size) && is_on_stack(b, low, size);
}

/* What lies there now is perhaps of somebody else. */
__attribute__((no_sanitize("address", "thread"), noinline)) static bool
is_overwritten(const struct frame *f)
{
	return *(const volatile uint64_t *)&f->at->serial != f->serial;
}

/* Stacks grow downwards: who is above the frame, @here, has left it. */
static bool was_left(const struct frame *f, const void *here)
{
	return same_stack(f->at, here) &&
	       ((uintptr_t)f->at < (uintptr_t)here || is_overwritten(f));
}

__attribute__((noinline)) static void undo_left(const void *here)
{
	unsigned n = !frames ? 0 : n_frames < DEPTH ? n_frames : DEPTH;

	/* The outermost that was left: all in it were, too. */
	for (unsigned i = 0; i < n; i++)
		if (was_left(&frames[i], here)) {
			undo_down_to(i);
			return;
		}
}

void callback_check_above(const void *here)
{
	if (__builtin_expect(n_frames, 0))
		undo_left(here);
}

/* A thread that has no cache (tls.c) ends, too. */
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void undo_frames_of_thread(void *unused)
{
	(void)unused;
	callback_undo_all();
}

static void make_frames_key(void)
{
	/* Without a key, threads that end leave their frames behind. */
	if (pthread_key_create(&key, undo_frames_of_thread) != 0)
		key = (pthread_key_t)-1;
}

static struct frame *make_frames(void)
{
	struct frame *new = calloc(DEPTH, sizeof(*new));

	pthread_once(&once, make_frames_key);
	if (new)
		pthread_setspecific(key, new);
	return new;
}

void callback_begin(struct callback *c, callback_undo_fn undo, void *a, void *b,
		    uint64_t n)
{
	/* One that lay where @c lies now was left, too. */
	callback_check_above((const char *)c + 1);
	c->serial = ++serials;
	c->depth = n_frames++;
	if (!frames)
		frames = make_frames();
	if (is_kept(c->depth))
		frames[c->depth] = (struct frame){
			.at = c,
			.serial = c->serial,
			.undo = undo,
			.args = {.a = a, .b = b, .n = n},
		};
}

void callback_keep(const struct callback *c, void *more, uint64_t more_n)
{
	if (!is_kept(c->depth))
		return;
	frames[c->depth].args.more = more;
	frames[c->depth].args.more_n = more_n;
}

void callback_end(struct callback *c)
{
	/* Frames in it that were left by a jump into it. */
	undo_down_to(c->depth + 1);
	if (n_frames > c->depth)
		n_frames = c->depth;
	c->serial = 0;
}

void callback_unwound(struct callback *c)
{
	if (!c->serial)
		return;
	c->serial = 0;
	undo_down_to(c->depth);
}

bool callback_is_inside(callback_undo_fn undo,
			bool (*is)(const struct callback_args *args,
				   const void *ctx),
			const void *ctx)
{
	for (unsigned i = 0; i < n_frames && is_kept(i); i++)
		if (frames[i].undo == undo && is(&frames[i].args, ctx))
			return true;
	return false;
}

void callback_undo_all(void)
{
	undo_down_to(0);
	free(frames);
	frames = NULL;
}

void callback_after_fork(void)
{
	for (unsigned i = 0; i < n_frames && is_kept(i); i++)
		frames[i].undo = NULL;
}
