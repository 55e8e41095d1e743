/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Describing objects in one line, with functions of the program
 *
 * The functions of all pools of an arena are on one list, which is made with
 * the first of them; the key is the id of the pool.  They run on the thread
 * that activates or describes an object.
 */
#include "libfusion/objects/object_describe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "libfusion/base/callback.h"
#include "libfusion/base/refuse.h"
#include "libfusion/objects/object.h"
#include "libfusion/objects/object_pool.h"
#include "libfusion/talk/slots.h"

#define SEPARATOR "; "

/* Made with the first function. */
struct describers {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct slots slots; /* the key is the id of the pool */
};

/* NULL: there are none. */
static struct describers *describers_of(const struct fusion_arena *a)
{
	/* Acquire: pairs with the CAS in make_describers(). */
	return load_acquire(&a->describers);
}

static void free_describers(struct describers *d)
{
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->changed);
	free(d);
}

/* NULL: no memory. */
static struct describers *make_describers(struct fusion_arena *a)
{
	struct describers *d = describers_of(a), *none = NULL;

	if (d)
		return d;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->changed, NULL);
	slots_init(&d->slots, a, &d->lock, &d->changed);
	d->slots.on_any_thread = true;
	/* Acquire and release: pairs with the acquire in describers_of(). */
	if (cas_acq_rel(&a->describers, &none, d))
		return d;
	free_describers(d);
	return none;
}

void describers_stop(struct fusion_arena *a)
{
	struct describers *d = describers_of(a);

	if (!d)
		return;
	slots_finish(&d->slots);
	free_describers(d);
	/* Release: pairs with the acquire in describers_of(). */
	store_release(&a->describers, (struct describers *)NULL);
}

/* --- Subscribing ---------------------------------------------------------- */

FUSION_API int fusion_object_pool_on_describe(struct fusion_object_pool *pool,
					      fusion_object_describe_fn fn,
					      void *ctx,
					      fusion_destroy_fn destroy,
					      struct fusion_slot **ret)
{
	struct subscription s = {
		.fn = (void (*)(void))fn,
		.ctx = ctx,
		.destroy = destroy,
	};
	struct fusion_slot *slot;
	struct describers *d;
	struct object_pool *p;
	struct tcache *c;
	int r;

	callback_check();
	if (!fn)
		return told(
			refuse_null("fusion_object_pool_on_describe()", "fn"));
	p = object_pool_of(pool, &c, &r);
	if (!p)
		return told(r);
	s.key = load_relaxed(&p->e.id);
	d = make_describers(c->arena);
	slot = d ? slots_new(&s) : NULL;
	if (!slot)
		return told(-ENOMEM);
	pthread_mutex_lock(&d->lock);
	slots_add(&d->slots, slot, ret);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

/* --- Describing ----------------------------------------------------------- */

/* A line that is being written. */
struct line {
	char text[FUSION_OBJECT_STRING_MAX + 1];
	size_t length;
};

static void undo_describe(const struct callback_args *args)
{
	slots_leave(args->a);
}

static bool is_of_arena(const struct callback_args *args, const void *arena)
{
	const struct fusion_slot *slot = args->a;

	return slot->list->arena == arena;
}

bool describers_run_here(const struct fusion_arena *arena)
{
	return callback_is_inside(undo_describe, is_of_arena, arena);
}

/* Let a function append to the line.  What it wrote last stays NUL-terminated,
 * and nothing is appended if it writes nothing. */
static void append(struct line *line, struct fusion_slot *slot,
		   struct fusion_object *object)
{
	size_t at = line->length ? line->length + strlen(SEPARATOR) : 0;
	struct callback c CALLBACK;

	if (at >= sizeof(line->text) - 1)
		return;
	memset(line->text + at, 0, sizeof(line->text) - at);
	callback_begin(&c, undo_describe, slot, NULL, 0);
	((fusion_object_describe_fn)slot->is.fn)(
		object, line->text + at, sizeof(line->text) - at, slot->is.ctx);
	callback_end(&c);
	line->text[sizeof(line->text) - 1] = '\0';
	if (!line->text[at])
		return;
	if (at)
		memcpy(line->text + line->length, SEPARATOR, strlen(SEPARATOR));
	line->length = at + strlen(line->text + at);
}

FUSION_API int fusion_object_describe(struct fusion_object *object)
{
	struct slots_walk walk = {0};
	struct describers *d;
	struct fusion_slot *slot;
	struct line line;
	struct object *o;
	struct tcache *c;
	int r;

	callback_check();
	o = object_of(object, &c, &r);
	if (!o)
		return told(r);
	d = describers_of(c->arena);
	if (!d)
		return told(-ENOENT);
	walk.list = &d->slots;
	walk.key = load_relaxed(&o->pool_id);
	slot = slots_next(&walk);
	if (!slot)
		return told(-ENOENT);
	line.length = 0;
	line.text[0] = '\0';
	for (; slot; slot = slots_next(&walk))
		append(&line, slot, object);
	return told(fusion_object_set_description(object, line.text));
}
