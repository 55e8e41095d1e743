/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reactors/NAME: status, listeners, and dispatch */
#include "fusionfs/files/reactors.h"

#include <errno.h>
#include <inttypes.h>

#include "fusionfs/service/ports.h"
#include "fusionfs/service/threads.h"
#include "fusionfs/world/record.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/talk/cursor.h"
#include "libfusion/core/talk/reactor_dispatch.h"

int reactor_make(struct view *v, struct thread_rec *me, const char *name,
		 uint32_t *ret_index)
{
	const struct reactor_params params = {
		.cells = REACTOR_CELLS,
		.listeners = REACTOR_LISTENERS,
	};
	struct reactor *re;
	int r = reactor_create(v, me, name, &params, 0, &re);

	if (r == 0)
		*ret_index = (uint32_t)table_index(v, KIND_REACTOR, re);
	return r;
}

struct reactor *reactor_at(struct view *v, const struct reactor_ref *ref)
{
	struct reactor *re = view_entry(v, KIND_REACTOR, ref->index);

	/* Acquire: pairs with the release in reactor_fini(). */
	return load_acquire(&re->id) == ref->id ? re : NULL;
}

int reactor_ref_of(const struct node *n, struct reactor_ref *ret)
{
	union record o;
	int r = record_get(n, &o);

	if (r == 0)
		*ret = (struct reactor_ref){record_index(n), o.e.id};
	return r;
}

static int find_reactor(const struct node *n, struct reactor **ret)
{
	struct reactor_ref ref = {0};
	int r = reactor_ref_of(n, &ref);

	if (r < 0)
		return r;
	*ret = reactor_at(&n->arena->view, &ref);
	return *ret ? 0 : -ENOENT;
}

int reactor_status_show(const struct node *n, struct text *t)
{
	struct reactor_sum sum;
	struct reactor *re;
	int r = find_reactor(n, &re);

	if (r == 0)
		r = reactor_sum(&n->arena->view, re, &sum);
	if (r < 0)
		return r;
	text_add(t, "dispatched %" PRIu64 "\nbytes %" PRIu64 "\n",
		 sum.dispatched, sum.bytes);
	text_add(t, "rate %u\nlisteners %u\ndropped %" PRIu64 "\n", sum.rate,
		 sum.listeners, sum.dropped);
	text_add(t, "cells %u\nmax-listeners %u\nmessage-size %u\n",
		 load_relaxed(&re->cells), load_relaxed(&re->listeners),
		 load_relaxed(&re->message_size));
	text_add(t, "direct %d\n",
		 !(load_relaxed(&re->flags) & REACTOR_NOT_DIRECT));
	return 0;
}

/* --- listeners -------------------------------------------------------------
 */

static void add_listener_name(struct text *t, struct view *v,
			      const struct cursor *c)
{
	if (CURSOR_FLAGS(c) & CURSOR_VISITOR)
		text_add_owner(t, v, CURSOR_TOKEN(c->st));
	else
		text_add(t, "member %u", c->owner);
}

static const char *cursor_state_name(const struct cursor *c)
{
	static const char *const names[] = {
		[CURSOR_FREE] = "free",	    [CURSOR_TAKEN] = "attaching",
		[CURSOR_LIVE] = "live",	    [CURSOR_LAGGED] = "lagged",
		[CURSOR_GONE] = "detached",
	};
	uint32_t state = CURSOR_STATE(c->st);

	return state < sizeof(names) / sizeof(*names) ? names[state] : "-";
}

static const char *cursor_policy_name(const struct cursor *c)
{
	static const char *const names[] = {
		[POLICY_BLOCK] = "block",
		[POLICY_DROP] = "drop-oldest",
		[POLICY_DISCONNECT] = "disconnect",
	};
	uint32_t policy = CURSOR_POLICY(c);

	return policy < sizeof(names) / sizeof(*names) ? names[policy] : "-";
}

static void add_listener_limit(struct text *t, const struct cursor *c)
{
	text_add(t, " limit ");
	if (c->limit_ms == REACTOR_FOREVER_MS)
		text_add(t, "none");
	else
		text_add_time(t, CURSOR_POLICY(c) == POLICY_DROP
					 ? 0
					 : c->limit_ms * UINT64_C(1000000));
}

static void add_listener(struct text *t, struct view *v, const struct cursor *c,
			 uint64_t behind)
{
	add_listener_name(t, v, c);
	text_add(t, " state %s policy %s", cursor_state_name(c),
		 cursor_policy_name(c));
	add_listener_limit(t, c);
	text_add(t, " behind %" PRIu64 " dropped %" PRIu64 "%s\n", behind,
		 c->dropped, CURSOR_FLAGS(c) & CURSOR_DONE ? " done" : "");
}

int reactor_listeners_show(const struct node *n, struct text *t)
{
	struct view *v = &n->arena->view;
	struct reactor *re;
	int r = find_reactor(n, &re);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < REACTOR_LISTENERS_MAX; i++) {
		struct cursor c;
		uint64_t behind;

		r = cursor_copy(v, re, i, &c, &behind);
		if (r == 0)
			add_listener(t, v, &c, behind);
		else if (r != -ENOENT)
			break;
	}
	return 0;
}

/* --- dispatch --------------------------------------------------------------
 */

struct dispatcher {
	struct port port;
	struct reactor_ref ref;
	int64_t since_ns; /* when the write that waits was tried first */
};

static int open_dispatch(struct port *p, const struct node *n)
{
	return reactor_ref_of(n, &((struct dispatcher *)p)->ref);
}

static int write_dispatch(struct port *p, const char *data, size_t size)
{
	struct dispatcher *d = (struct dispatcher *)p;
	struct view *v = &p->arena->view;
	int64_t nap = 0;
	struct reactor_send send = {
		.head = {.kind = MSG_REACTOR,
			 .size = (uint32_t)size,
			 .a = p->number == NUMBER_NONE ? 0 : p->number},
		.data = data,
		.nowait = true,
		.since_ns = p->again ? d->since_ns : 0,
		.ret_nap_ns = &nap,
	};
	struct reactor *re = reactor_at(v, &d->ref);
	int r = re ? reactor_dispatch(v, v->rec, re, &send) : -EIDRM;

	/* A member keeps a lock, or other senders take all the room. */
	port_clock(p, r == -ETIMEDOUT || (r == -EAGAIN && !nap));
	if (r == -EAGAIN && nap)
		p->look_ns = clock_monotonic_ns() + nap;
	if (r == -ETIMEDOUT)
		r = -EAGAIN;
	if (!p->again)
		d->since_ns = clock_monotonic_ns();
	return r;
}

const struct port_ops dispatch_port = {
	.size = sizeof(struct dispatcher),
	.open = open_dispatch,
	.write = write_dispatch,
};
