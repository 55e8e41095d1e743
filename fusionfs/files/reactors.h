/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reactors/NAME: status, listeners, and dispatch */
#ifndef FUSIONFS_REACTORS_H
#define FUSIONFS_REACTORS_H

#include "fusionfs/world/node.h"
#include "libfusion/core/talk/reactor.h"

extern const struct port_ops dispatch_port;

int reactor_status_show(const struct node *n, struct text *t);
int reactor_listeners_show(const struct node *n, struct text *t);
/* For row.create. */
int reactor_make(struct view *v, struct thread_rec *me, const char *name,
		 uint32_t *ret_index);

/* A reactor as an open file names it. */
struct reactor_ref {
	uint32_t index, id;
};

/* Find the reactor that @n is about.  0, -ENOENT, -EIO. */
int reactor_ref_of(const struct node *n, struct reactor_ref *ret);
/* Return the reactor, under the guard.  NULL: it is destroyed. */
struct reactor *reactor_at(struct view *v, const struct reactor_ref *ref);

#endif
