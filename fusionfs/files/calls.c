/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calls/
 *
 * What is written to an open file is collected.  The first read posts it as a
 * call, and gives the answer when that is there.  When the answer is read to
 * its end, the next request may begin.
 */
#include "fusionfs/files/calls.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fusionfs/service/ports.h"
#include "fusionfs/world/record.h"
#include "libfusion/core/life/member.h"
#include "libfusion/core/names/table_lens.h"
#include "libfusion/core/talk/call.h"
#include "libfusion/core/talk/call_visit.h"

/* Bytes of a request, or of an answer: both pass through the daemon's
 * memory. */
#define CALL_MAX (16u << 20)

enum call_port_state {
	COLLECTING, /* the request, if any of it is there */
	POSTED,	    /* no answer yet */
	FAILED,	    /* with `error` */
	ANSWERING,  /* port.out has the answer, until it is read */
};

struct call_port {
	struct port port;
	enum call_port_state state;
	uint32_t index, id;
	int error;
};

static int copy_call(struct view *v, uint32_t index, uint32_t id,
		     struct call *ret)
{
	union record o;
	int r = table_copy(v, KIND_CALL, index, &o);

	if (r || o.e.id != id)
		return -ENOENT;
	*ret = o.call;
	return 0;
}

static void add_duration(struct text *t, const char *what, uint64_t ns)
{
	text_add(t, "%s ", what);
	text_add_time(t, ns);
	text_add(t, "\n");
}

static int add_call_status(struct text *t, struct view *v, uint32_t index,
			   uint32_t id)
{
	struct call c;
	int r = copy_call(v, index, id, &c);

	if (r)
		return r;
	if (member_at(v, c.owner_slot, c.owner))
		text_add(t, "owner member %u\n", c.owner);
	else
		text_add(t, "owner none\n");
	text_add(t, "pending %u\nexecuted %" PRIu64 "\nfailed %" PRIu64 "\n",
		 call_pending(v, view_entry(v, KIND_CALL, index), CALL_ANYBODY),
		 c.executed, c.failed);
	add_duration(t, "mean-time", c.executed ? c.total_ns / c.executed : 0);
	add_duration(t, "max-time", c.max_ns);
	return 0;
}

static int open_caller(struct port *p, const struct node *n)
{
	struct call_port *c = (struct call_port *)p;
	union record o;
	int r = record_get(n, &o);

	c->index = record_index(n);
	c->id = r == 0 ? o.e.id : 0;
	return r;
}

/* Read a request that is one number: it is the call's word, too. */
static uint64_t word_of_text(const struct text *in)
{
	uint64_t word;
	char *end;

	if (!in->p || in->len > 24)
		return 0;
	errno = 0;
	/* text_append() has put a NUL behind it. */
	word = in->p[0] == '-' ? (uint64_t)strtoll(in->p, &end, 0)
			       : strtoull(in->p, &end, 0);
	if (errno || end == in->p || strcmp(*end == '\n' ? end + 1 : end, ""))
		return 0;
	return word;
}

static void fail_call(struct call_port *c, int error)
{
	c->state = FAILED;
	c->error = error;
	text_finish(&c->port.in);
}

static void post_call(struct call_port *c)
{
	struct port *p = &c->port;
	int r = port_claim(p);

	if (r == 0)
		r = call_post(&p->arena->view, p->rec, c->index, c->id,
			      word_of_text(&p->in), p->in.p,
			      (uint32_t)p->in.len);
	/* A member keeps a lock, and no bell tells when it is free. */
	port_clock(p, r == -ETIMEDOUT);
	if (r == -ETIMEDOUT)
		r = -EAGAIN;
	if (r == -ENOMEM)
		r = -ENOSPC;
	if (r == 0) {
		c->state = POSTED;
		text_finish(&p->in);
	} else if (r != -EAGAIN) {
		fail_call(c, r);
	}
}

/* Keep the bytes, or if there are none the word, as printf(3) writes it. */
static void keep_call_answer(struct call_port *c, const struct call_answer *a)
{
	struct text *out = &c->port.out;

	text_reset(out);
	c->port.sent = 0;
	if (a->size)
		text_append(out, a->data, a->size);
	else if (a->word)
		text_add(out, "%" PRId64 "\n", (int64_t)a->word);
	c->state = ANSWERING;
	/* Not an empty answer, even if it is a poll that has looked. */
	if (out->failed)
		fail_call(c, out->failed);
}

static void look_for_call_answer(struct call_port *c)
{
	struct port *p = &c->port;
	struct view *v = &p->arena->view;
	struct call_answer answer = {0};
	int r = call_poll(v, p->rec, &answer);

	if (r == -EAGAIN)
		return;
	if (r < 0) {
		fail_call(c, r == -ENODATA ? -EIO : r);
		return;
	}
	/* A reader would take EAGAIN for "not yet". */
	if (answer.status)
		fail_call(c, answer.status == -EAGAIN ? -EBUSY : answer.status);
	else if (answer.size > CALL_MAX)
		fail_call(c, -EMSGSIZE);
	else
		keep_call_answer(c, &answer);
	call_end(v, p->rec);
}

/* Take the call as far as it goes now. */
static void advance_call(struct call_port *c)
{
	if (c->state == COLLECTING && c->port.in.len)
		post_call(c);
	if (c->state == POSTED)
		look_for_call_answer(c);
}

static int fill_caller(struct port *p)
{
	struct call_port *c = (struct call_port *)p;
	int r = 0;

	if (c->state == ANSWERING) {
		c->state = COLLECTING; /* the answer was read to its end: end of
					  file */
		return 0;
	}
	advance_call(c);
	switch (c->state) {
	case FAILED:
		c->state = COLLECTING;
		return c->error;
	case ANSWERING:
		/* An empty answer is at its end already. */
		c->state = p->out.len ? ANSWERING : COLLECTING;
		return 0;
	case COLLECTING:
		if (p->in.len)
			return -EAGAIN;
		r = add_call_status(&p->out, &p->arena->view, c->index, c->id);
		c->state = r == 0 ? ANSWERING : COLLECTING;
		return r == -ENOENT ? -EIDRM : r;
	default:
		return -EAGAIN;
	}
}

static bool is_caller_ready(struct port *p)
{
	struct call_port *c = (struct call_port *)p;

	if (c->state != ANSWERING)
		advance_call(c);
	return c->state != POSTED && !(c->state == COLLECTING && p->in.len);
}

/* Begin or continue a request.  What is left of the last answer is dropped. */
static int write_caller(struct port *p, const char *data, size_t size)
{
	struct call_port *c = (struct call_port *)p;
	int r;

	if (c->state == POSTED)
		return -EBUSY;
	if (p->in.len + size > CALL_MAX)
		return -EFBIG;
	c->state = COLLECTING;
	text_reset(&p->out);
	p->sent = 0;
	text_append(&p->in, data, size);
	/* After an error what was written before stays. */
	r = p->in.failed;
	p->in.failed = 0;
	return r;
}

static void close_caller(struct port *p)
{
	struct call_port *c = (struct call_port *)p;

	if (c->state == POSTED)
		call_end(&p->arena->view, p->rec);
	c->state = COLLECTING;
}

const struct port_ops call_port = {
	.size = sizeof(struct call_port),
	.open = open_caller,
	.fill = fill_caller,
	.write = write_caller,
	.ready = is_caller_ready,
	.close = close_caller,
	.over = -EIDRM,
};
