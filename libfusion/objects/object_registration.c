/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The registrations of a process
 *
 * Acquires of a pool's id pair with the releases in object_pool_init() and
 * object_pool_fini().
 */
#include "libfusion/objects/object_registration.h"

#include <errno.h>
#include <stdlib.h>

/* Find the link that leads to the registration of @p when that has @id, or the
 * last link.  The duty's lock is held. */
static struct registration **
link_of_id(struct duty *d, const struct object_pool *p, uint32_t id)
{
	struct registration **link = &d->registrations;

	while (*link && ((*link)->pool != p || (*link)->id != id))
		link = &(*link)->next;
	return link;
}

int registration_add(struct duty *d, struct object_pool *p, uint32_t id,
		     fusion_object_destructor_fn destructor, void *ctx)
{
	struct registration *fresh = calloc(1, sizeof(*fresh)), *t;

	if (!fresh)
		return -ENOMEM;
	pthread_mutex_lock(&d->lock);
	t = *link_of_id(d, p, id);
	if (!t) {
		t = fresh;
		fresh = NULL;
		t->pool = p;
		t->id = id;
		t->next = d->registrations;
		d->registrations = t;
	}
	t->destructor = destructor;
	t->ctx = ctx;
	pthread_mutex_unlock(&d->lock);
	free(fresh);
	return 0;
}

struct registration **registration_link(struct duty *d,
					const struct object_pool *p)
{
	return link_of_id(d, p, load_acquire(&p->id));
}

struct registration *registration_unlink(struct registration **link)
{
	struct registration *t = *link;

	*link = t->next;
	t->ended = true;
	return t;
}

void registration_end(struct registration **link)
{
	struct registration *t = registration_unlink(link);

	if (!t->pins)
		free(t);
}

struct registration *registration_pin(struct fusion_arena *a,
				      struct object_pool *p)
{
	struct duty *d = duty_of(a);
	struct registration *t;

	if (!d)
		return NULL;
	pthread_mutex_lock(&d->lock);
	t = *registration_link(d, p);
	if (t)
		t->pins++;
	pthread_mutex_unlock(&d->lock);
	return t;
}

void registration_unpin(struct fusion_arena *a, struct registration *t)
{
	struct duty *d = duty_of(a);

	pthread_mutex_lock(&d->lock);
	if (!--t->pins && t->ended)
		free(t);
	/* A thread that waits in duty_unregister() has a pin, too. */
	pthread_cond_broadcast(&d->unpinned);
	pthread_mutex_unlock(&d->lock);
}

void registration_end_destroy(struct fusion_arena *a, struct registration *t)
{
	struct duty *d = duty_of(a);

	pthread_mutex_lock(&d->lock);
	t->destroying = false;
	pthread_mutex_unlock(&d->lock);
}

bool registration_begin_destroy(struct fusion_arena *a, struct registration *t)
{
	struct duty *d = duty_of(a);
	bool first;

	pthread_mutex_lock(&d->lock);
	first = !t->destroying;
	t->destroying = true;
	pthread_mutex_unlock(&d->lock);
	return first;
}
