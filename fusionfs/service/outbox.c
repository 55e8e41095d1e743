/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/service/ports.h"

#define OUTBOX_MAX (1u << 20) /* bytes; one message always has room */
#define ARENA_MAX (4u << 20)  /* in all outboxes of an arena */

struct kept_message {
	struct kept_message *next;
	struct port *port; /* it stays as long as it has messages here */
	bool tried;
	struct charge charge;
	size_t size;
	char data[];
};

struct outbox {
	struct outbox *next;
	const struct port_ops *ops;
	uint32_t item;
	struct kept_message *first, **end;
	unsigned count;
	size_t bytes;
	bool stuck;
};

static struct outbox *find_outbox(const struct arena *a,
				  const struct port_ops *ops, uint32_t item)
{
	struct outbox *o = a->outboxes;

	while (o && (o->ops != ops || o->item != item))
		o = o->next;
	return o;
}

static struct outbox *outbox_of(const struct port *p)
{
	return p->arena ? find_outbox(p->arena, p->ops, p->item) : NULL;
}

bool outbox_waits(const struct port *p)
{
	return outbox_of(p) != NULL;
}

static struct outbox *add_outbox(struct port *p)
{
	struct outbox *o = malloc(sizeof(*o));

	if (!o)
		return NULL;
	*o = (struct outbox){
		.next = p->arena->outboxes,
		.ops = p->ops,
		.item = p->item,
	};
	o->end = &o->first;
	p->arena->outboxes = o;
	return o;
}

static size_t message_cost(size_t size)
{
	return sizeof(struct kept_message) + size;
}

static bool outbox_has_room(const struct arena *a, const struct outbox *o,
			    size_t size)
{
	size_t cost = message_cost(size);

	if (a->kept_bytes + cost > ARENA_MAX)
		return false;
	return !o || o->bytes + cost <= OUTBOX_MAX;
}

int outbox_put(struct port *p, const char *data, size_t size, bool tried)
{
	struct outbox *o = outbox_of(p);
	struct arena *a = p->arena;
	struct kept_message *k;
	int r;

	if (!a)
		return -EIDRM;
	if (!outbox_has_room(a, o, size))
		return -EAGAIN;
	k = malloc(sizeof(*k) + size);
	if (!k)
		return -ENOMEM;
	*k = (struct kept_message){.port = p, .tried = tried, .size = size};
	r = quota_take(&k->charge, p->uid, QUOTA_BYTES, message_cost(size));
	if (r == 0 && !o) {
		o = add_outbox(p);
		r = o ? 0 : -ENOMEM;
	}
	if (r < 0) {
		quota_give(&k->charge);
		free(k);
		return r;
	}
	memcpy(k->data, data, size);
	*o->end = k;
	o->end = &k->next;
	o->count++;
	o->bytes += message_cost(size);
	a->kept_bytes += message_cost(size);
	p->n_kept++;
	return 0;
}

void outbox_is_stuck(const struct port *p)
{
	struct outbox *o = outbox_of(p);

	if (o)
		o->stuck = true;
}

bool outbox_may_wait(const struct port *p)
{
	const struct outbox *o = outbox_of(p);

	return o && !o->stuck;
}

static void take_first_message(struct arena *a, struct outbox *o, int r)
{
	struct kept_message *k = o->first;

	o->first = k->next;
	if (!o->first)
		o->end = &o->first;
	o->count--;
	o->bytes -= message_cost(k->size);
	a->kept_bytes -= message_cost(k->size);
	o->stuck = false;
	port_sent(k->port, r);
	quota_give(&k->charge);
	free(k);
}

static bool send_from_outbox(struct arena *a, struct outbox *o)
{
	bool moved = false;

	while (o->first) {
		struct kept_message *k = o->first;
		int r;

		k->port->again = k->tried;
		k->tried = true;
		r = port_try_write(k->port, k->data, k->size);
		if (r == -EAGAIN)
			break;
		take_first_message(a, o, r);
		moved = true;
	}
	return moved;
}

bool outbox_send(struct arena *a)
{
	struct outbox **at = &a->outboxes;
	bool moved = false;

	while (*at) {
		struct outbox *o = *at;

		moved = send_from_outbox(a, o) || moved;
		if (o->first) {
			at = &o->next;
		} else {
			*at = o->next;
			free(o);
		}
	}
	return moved;
}

unsigned outbox_count(const struct arena *a, const struct port_ops *ops,
		      uint32_t item)
{
	const struct outbox *o = find_outbox(a, ops, item);

	return o ? o->count : 0;
}

void outbox_forget(struct arena *a, int error)
{
	while (a->outboxes) {
		struct outbox *o = a->outboxes;

		while (o->first)
			take_first_message(a, o, error);
		a->outboxes = o->next;
		free(o);
	}
}
