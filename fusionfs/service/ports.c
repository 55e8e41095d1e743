/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/ports.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/base/clock.h"
#include "fusionfs/base/reply.h"
#include "fusionfs/service/bell.h"
#include "fusionfs/service/last_words.h"
#include "fusionfs/service/outbox.h"
#include "fusionfs/service/parking.h"
#include "fusionfs/world/arena_service.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/atomic.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/file/thread.h"

/* The pause between two looks by the clock doubles, from the first to the
 * last. */
#define LOOK_FIRST_NS 1000000
#define LOOK_LAST_NS 20000000
/* The longest that a write holds the kernel's lock of its inode. */
#define THROTTLE_NS 500000000

struct port_wait {
	struct parked parked; /* in arena->port_waits */
	struct port *port;
	struct charge bytes; /* of a write */
	bool is_write;
	size_t size;	  /* that may be read, or is to be written */
	int64_t until_ns; /* of a write: then it is refused */
	char data[];
};

/* --- Opening and closing ---------------------------------------------------
 */

static int open_port_guarded(struct arena *a, void *arg)
{
	const struct node *n = ((void **)arg)[0];
	struct port *p = ((void **)arg)[1];

	(void)a;
	return p->ops->open(p, n);
}

static int may_open_port(const struct port_ops *ops, int flags)
{
	int mode = flags & O_ACCMODE;

	if ((mode != O_WRONLY && !ops->fill) ||
	    (mode != O_RDONLY && !ops->write))
		return -EACCES;
	return 0;
}

static int drop_port_record(struct arena *a, void *arg)
{
	struct port *p = arg;

	if (p->rec)
		thread_release(&a->view, p->rec);
	p->rec = NULL;
	return 0;
}

int port_open(const struct node *n, struct fuse_req *req, int flags,
	      struct port **ret)
{
	const struct port_ops *ops = n->row->port;
	void *arg[2] = {(void *)n, NULL};
	struct port *p;
	int r = may_open_port(ops, flags);

	if (r < 0)
		return r;
	p = calloc(1, ops->size);
	if (!p)
		return -ENOMEM;
	*p = (struct port){
		.arena = n->arena,
		.ops = ops,
		.item = n->item,
		.number = n->number,
		.opener = request_tid(req),
		.uid = request_uid(req),
		/* The kernel has checked the permission of a process that opens
		 * to write. */
		.may_write = (flags & O_ACCMODE) != O_RDONLY,
	};
	arg[1] = p;
	quota_open(&p->in.charge, p->uid, QUOTA_BYTES);
	quota_open(&p->out.charge, p->uid, QUOTA_BYTES);
	quota_open(&p->last.text.charge, p->uid, QUOTA_BYTES);
	r = quota_take(&p->charge, p->uid, QUOTA_PORTS, 1);
	if (r == 0 && ops->open)
		r = guarded(n->arena, open_port_guarded, arg);
	if (r < 0) {
		guarded(n->arena, drop_port_record, p);
		quota_give(&p->charge);
		free(p);
		return r;
	}
	p->next = n->arena->ports;
	n->arena->ports = p;
	*ret = p;
	return 0;
}

static int close_port_guarded(struct arena *a, void *arg)
{
	struct port *p = arg;

	if (p->ops->close)
		p->ops->close(p);
	return drop_port_record(a, p);
}

static void drop_port_poll(struct port *p)
{
	pollhandle_drop(p->ph);
	p->ph = NULL;
}

static void free_port(struct port *p)
{
	struct arena *a = p->arena;
	struct port **at;

	if (a) {
		guarded(a, close_port_guarded, p);
		for (at = &a->ports; *at && *at != p; at = &(*at)->next)
			;
		if (*at)
			*at = p->next;
	}
	drop_port_poll(p);
	text_finish(&p->in);
	text_finish(&p->out);
	text_finish(&p->last.text);
	quota_give(&p->charge);
	free(p);
}

void port_close(struct port *p)
{
	p->closed = true;
	drop_port_poll(p);
	if (!p->n_kept)
		free_port(p);
}

void port_sent(struct port *p, int r)
{
	p->n_kept--;
	if (r < 0)
		p->late = r;
	if (p->closed && !p->n_kept)
		free_port(p);
}

int port_claim(struct port *p)
{
	struct view *v = &p->arena->view;
	int r = p->rec ? 0 : thread_claim(v, &p->rec);

	if (r == 0)
		store_relaxed(&p->rec->tid, (uint32_t)p->opener);
	return r;
}

/* --- Trying ----------------------------------------------------------------
 */

static int fill_port_guarded(struct arena *a, void *arg)
{
	struct port *p = arg;

	(void)a;
	return p->ops->fill(p);
}

/* Fill port.out, unless something of the last message is left. */
static int port_try_read(struct port *p)
{
	int r = 0;

	if (p->sent < p->out.len)
		return 0;
	text_reset(&p->out);
	p->sent = 0;
	if (last_words_next(&p->last, &p->out))
		return p->out.failed;
	if (!p->arena)
		return p->ops->over;
	r = guarded(p->arena, fill_port_guarded, p);
	return r == 0 ? p->out.failed : r;
}

struct port_attempt {
	struct port *p;
	const char *data;
	size_t size;
};

static int write_port_guarded(struct arena *a, void *arg)
{
	const struct port_attempt *w = arg;

	(void)a;
	return w->p->ops->write(w->p, w->data, w->size);
}

int port_try_write(struct port *p, const char *data, size_t size)
{
	struct port_attempt w = {p, data, size};

	return p->arena ? guarded(p->arena, write_port_guarded, &w) : -EIDRM;
}

static void answer_port_read(struct port *p, struct fuse_req *req, size_t size,
			     int r)
{
	size_t n = p->out.len - p->sent;

	if (r < 0) {
		reply_err(req, r);
		return;
	}
	if (n > size)
		n = size;
	/* A reader that was interrupted just now has not got it. */
	if (reply_data(req, n ? p->out.p + p->sent : NULL, n) == 0)
		p->sent += n;
}

static void answer_port_write(struct fuse_req *req, size_t size, int r)
{
	if (r < 0)
		reply_err(req, r);
	else
		reply_written(req, size);
}

/* --- Parking ---------------------------------------------------------------
 */

void port_clock(struct port *p, bool on)
{
	if (!on)
		p->nap_ns = 0;
	else if (!p->nap_ns)
		p->nap_ns = LOOK_FIRST_NS;
	else if (p->nap_ns < LOOK_LAST_NS)
		p->nap_ns *= 2;
	p->look_ns = on ? clock_monotonic_ns() + p->nap_ns : 0;
}

static struct port_wait *port_wait_of(struct parked *p)
{
	return (struct port_wait *)p;
}

/* End a wait by @r. */
static void finish_port_wait(struct port_wait *w, int r)
{
	unpark(&w->parked);
	w->port->n_reads -= !w->is_write;
	w->port->n_writes -= w->is_write;
	if (w->is_write)
		answer_port_write(w->parked.req, w->size, r);
	else
		answer_port_read(w->port, w->parked.req, w->size, r);
	quota_give(&w->bytes);
	quota_give(&w->parked.charge);
	free(w);
}

static void interrupt_port_wait(struct parked *p)
{
	finish_port_wait(port_wait_of(p), -EINTR);
}

/* If there was no thread to listen to the bell, look by the clock. */
static void look_without_bell(struct port *p)
{
	if (!p->look_ns && !bell_is_heard(p->arena))
		p->look_ns = clock_monotonic_ns() + LOOK_LAST_NS;
}

/* Charge the request, and what it would write. */
static int charge_port_wait(struct port_wait *w)
{
	int r = parked_charge(&w->parked);

	if (r == 0 && w->is_write)
		r = quota_take(&w->bytes, request_uid(w->parked.req),
			       QUOTA_BYTES, w->size);
	if (r < 0)
		quota_give(&w->parked.charge);
	return r;
}

/* @data: of a write; NULL: a read. */
static void park_request(struct port *p, struct fuse_req *req, const char *data,
			 size_t size)
{
	struct port_wait *w = malloc(sizeof(*w) + (data ? size : 0));
	int r = -ENOMEM;

	if (w) {
		*w = (struct port_wait){
			.parked = {.req = req,
				   .interrupted = interrupt_port_wait},
			.port = p,
			.is_write = data != NULL,
			.size = size,
			.until_ns =
				data ? clock_monotonic_ns() + THROTTLE_NS : 0,
		};
		r = charge_port_wait(w);
	}
	if (r < 0) {
		free(w);
		reply_err(req, r);
		return;
	}
	if (data)
		memcpy(w->data, data, size);
	p->n_reads += !data;
	p->n_writes += data != NULL;
	look_without_bell(p);
	park(&w->parked, &p->arena->port_waits);
}

void port_read(struct port *p, struct fuse_req *req, size_t size, int flags)
{
	/* Requests that wait already go first. */
	int r = p->n_reads ? -EAGAIN : port_try_read(p);

	if (r == -EAGAIN && !(flags & O_NONBLOCK) && bell_listen(p->arena))
		r = port_try_read(p); /* it may have rung before we listened */
	if (r == -EAGAIN && !(flags & O_NONBLOCK))
		park_request(p, req, NULL, size);
	else
		answer_port_read(p, req, size, r);
}

/* Write now, unless messages wait that go first. */
static int try_write_at_once(struct port *p, const char *data, size_t size,
			     bool nowait)
{
	int r = -EAGAIN;

	p->again = false;
	if (!outbox_waits(p))
		r = port_try_write(p, data, size);
	if (r != -EAGAIN || nowait)
		return r;
	if (bell_listen(p->arena) && !outbox_waits(p)) {
		p->again = true; /* it may have rung before we listened */
		r = port_try_write(p, data, size);
	}
	return r;
}

void port_write(struct port *p, struct fuse_req *req, const char *data,
		size_t size, int flags)
{
	bool nowait = flags & O_NONBLOCK, tried;
	int r = p->late;

	p->late = 0;
	tried = !outbox_waits(p);
	if (r == 0)
		r = try_write_at_once(p, data, size, nowait);
	if (r == -EAGAIN && !nowait) {
		r = outbox_put(p, data, size, tried);
		if (r == 0 && tried)
			look_without_bell(p);
	}
	if (r == -EAGAIN && !nowait && outbox_may_wait(p))
		park_request(p, req, data, size);
	else
		answer_port_write(req, size, r);
}

/* --- Polling ---------------------------------------------------------------
 */

static int port_ready_guarded(struct arena *a, void *arg)
{
	struct port *p = arg;

	(void)a;
	return p->ops->ready(p);
}

/* An error counts as ready: the read says which. */
static bool is_port_ready(struct port *p)
{
	if (!p->arena || p->sent < p->out.len || !p->ops->ready)
		return true;
	return guarded(p->arena, port_ready_guarded, p) != 0;
}

unsigned port_poll(struct port *p, struct fuse_pollhandle *ph)
{
	unsigned events = p->ops->write ? POLLOUT | POLLWRNORM : 0;

	if (ph) {
		drop_port_poll(p);
		p->ph = ph;
		if (p->arena && p->ops->fill)
			bell_listen(p->arena);
	}
	if (p->ops->fill && is_port_ready(p))
		events |= POLLIN | POLLRDNORM;
	return events;
}

/* --- Looking again ---------------------------------------------------------
 */

static bool look_at_polls(struct arena *a)
{
	bool told = false;

	for (struct port *p = a->ports; p; p = p->next) {
		if (!p->ph || !p->ops->fill || !is_port_ready(p))
			continue;
		pollhandle_tell(p->ph);
		p->ph = NULL;
		told = true;
	}
	return told;
}

static int try_wait_again(struct port_wait *w)
{
	if (w->is_write)
		return outbox_put(w->port, w->data, w->size, false);
	w->port->again = true;
	return port_try_read(w->port);
}

bool ports_look(struct arena *a)
{
	struct parked *p, *next;
	bool told = false;

	outbox_send(a);
	for (p = a->port_waits; p; p = next) {
		struct port_wait *w = port_wait_of(p);
		int r = try_wait_again(w);

		next = p->next;
		if (r != -EAGAIN)
			finish_port_wait(w, r);
		else
			look_without_bell(w->port);
		told = told || r != -EAGAIN;
	}
	return look_at_polls(a) || told;
}

/* Refuse the writes that have waited for long enough.  Returns ns until the
 * next one has, -1: none waits. */
static int64_t expire_writes(struct arena *a, int64_t now)
{
	struct parked *p, *next;
	int64_t first = -1;

	for (p = a->port_waits; p; p = next) {
		struct port_wait *w = port_wait_of(p);

		next = p->next;
		if (!w->is_write)
			continue;
		if (w->until_ns <= now) {
			outbox_is_stuck(w->port);
			finish_port_wait(w, -EAGAIN);
		} else {
			first = clock_sooner(first, w->until_ns - now);
		}
	}
	return first;
}

/* Return when the next port is due, -1: none by the clock. */
static int64_t next_look_at_ports(const struct arena *a)
{
	int64_t first = -1;

	for (const struct port *p = a->ports; p; p = p->next)
		if ((p->n_reads || p->n_kept || p->ph) && p->look_ns &&
		    (first < 0 || p->look_ns < first))
			first = p->look_ns;
	return first;
}

/* A read gets the last words, if there are any; all else gets @error. */
static void fail_port_waits(struct arena *a, int error)
{
	while (a->port_waits) {
		struct port_wait *w = port_wait_of(a->port_waits);

		finish_port_wait(w, !w->is_write && w->port->last.text.len
					    ? port_try_read(w->port)
					    : error);
	}
}

/* Let go of this life of the arena, whose memory goes: requests that wait get
 * @error. */
static void ports_forget(struct arena *a, int error)
{
	fail_port_waits(a, error);
	outbox_forget(a, error);
	while (a->ports) {
		struct port *p = a->ports;

		a->ports = p->next;
		guarded(a, close_port_guarded, p);
		p->rec = NULL;
		p->arena = NULL;
		if (p->ph)
			pollhandle_tell(p->ph);
		p->ph = NULL;
	}
	bell_end(a);
}

int64_t ports_retry(void)
{
	int64_t now = clock_monotonic_ns(), first = -1, next;

	for (struct arena *a = world.arenas; a; a = a->next) {
		if (a->corrupt && (a->port_waits || a->ports))
			ports_forget(a, -EIO);
		next = next_look_at_ports(a);
		if (next >= 0 && now >= next) {
			ports_look(a);
			next = next_look_at_ports(a);
			if (next >= 0 && next < now + LOOK_FIRST_NS)
				next = now + LOOK_FIRST_NS;
		}
		if (next >= 0)
			first = clock_sooner(first, clock_left(next, now));
		first = clock_sooner(first, expire_writes(a, now));
	}
	return first;
}

unsigned ports_writes(const struct arena *a, const struct port_ops *ops,
		      uint32_t item)
{
	unsigned n = outbox_count(a, ops, item);

	for (const struct port *p = a->ports; p; p = p->next)
		if (p->ops == ops && p->item == item)
			n += p->n_writes;
	return n;
}

/* The last member may have spoken and left: its readers get that first. */
static void end_life_of_ports(struct arena *a)
{
	for (struct port *p = a->ports; p; p = p->next)
		if (p->ops->keeps && p->ops->keeps(p))
			guarded(a, last_words_keep, p);
	ports_forget(a, -EIDRM);
}

static void stop_ports(struct arena *a)
{
	ports_forget(a, -ENOTCONN);
}

const struct arena_service ports_service = {
	.end_life = end_life_of_ports,
	.stop = stop_ports,
};
