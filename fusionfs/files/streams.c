/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reactors/NAME/stream and text: a file that is read is a listener
 *
 * The first read or poll of an open file takes a cursor, and the memory of the
 * reactor's queue if nobody has listened before.  Opening takes nothing: find,
 * tar and grep open every file that they meet.  The cursor holds up nobody:
 * the reader loses what it does not read in time, and that is counted.
 */
#include "fusionfs/files/streams.h"

#include <ctype.h>
#include <errno.h>

#include "fusionfs/base/text.h"
#include "fusionfs/files/reactors.h"
#include "fusionfs/service/ports.h"
#include "libfusion/core/base/futex.h"
#include "libfusion/core/talk/cursor.h"

#define TEXT_BYTES 64u /* bytes of a message that a line of text shows */
#define LOOKS 64 /* messages of other channels that are skipped at a time */

/* Room for the largest message.  One is read at a time: not on the stack. */
static uint64_t room[RING_CELLS_MAX / 2 * RING_CELL / sizeof(uint64_t)];

struct stream {
	struct port port;
	struct reactor_ref ref;
	struct listener listener;
	bool listens; /* `listener` is a cursor */
	bool ended;   /* its reactor is destroyed: end of file */
	int lost;     /* why a message is lost that a poll has taken */
};

/* Half of the cursors are kept for members. */
static bool are_too_many_listening(const struct port *p,
				   const struct reactor *re)
{
	uint32_t n = 0;

	for (const struct port *o = p->arena->ports; o; o = o->next)
		n += o->item == p->item &&
		     (o->ops == &stream_port || o->ops == &text_port) &&
		     ((const struct stream *)o)->listens;
	return n >= load_relaxed(&re->listeners) / 2;
}

static int open_stream(struct port *p, const struct node *n)
{
	return reactor_ref_of(n, &((struct stream *)p)->ref);
}

/* Take a cursor, so that messages are kept for the reader from now on.  0;
 * -EAGAIN a lock is held, and the clock tries again; -EIDRM; -ENOSPC; -EMFILE;
 * -ENOMEM; -EIO. */
static int begin_to_listen(struct stream *s)
{
	struct port *p = &s->port;
	const struct cursor_params params = {
		.flags = CURSOR_VISITOR,
		.policy = POLICY_DROP,
		.mask = p->number == NUMBER_NONE ? UINT64_MAX
						 : CHANNEL_BIT(p->number),
	};
	struct view *v = &p->arena->view;
	struct reactor *re = reactor_at(v, &s->ref);
	int r;

	if (!re)
		return -EIDRM;
	if (are_too_many_listening(p, re))
		return -ENOSPC;
	r = port_claim(p);
	if (r == 0)
		r = cursor_take(v, p->rec, re, &params, &s->listener);
	s->listens = r == 0;
	if (r != -ETIMEDOUT)
		return r;
	port_clock(p, true);
	return -EAGAIN;
}

static void stop_listening(struct stream *s)
{
	struct port *p = &s->port;

	if (s->listens)
		cursor_free(&p->arena->view, p->rec, &s->listener);
	s->listens = false;
}

static void close_stream(struct port *p)
{
	stop_listening((struct stream *)p);
}

/* Read the next message that is wanted.  0; -EAGAIN there is none yet; -EIDRM
 * the reactor is destroyed; -EIO none could ever come. */
static int next_stream_message(struct stream *s, struct msg_head *ret)
{
	struct port *p = &s->port;
	struct view *v = &p->arena->view;
	int r = 0;

	for (int i = 0; i < LOOKS && r >= 0; i++) {
		r = cursor_read(v, &s->listener, 0, room, sizeof(room), ret);
		if (r > 0 && (p->number == NUMBER_NONE || ret->a == p->number))
			return ret->size <= sizeof(room) ? 0 : -EIO;
		if (r == 0 && cursor_rest(v, p->rec, &s->listener)) {
			port_clock(p, false);
			r = cursor_check(v, &s->listener);
			return r < 0 ? r : -EAGAIN;
		}
	}
	if (r >= 0)
		r = cursor_check(v, &s->listener);
	/* There are more messages of other channels: the clock goes on. */
	port_clock(p, true);
	return r < 0 ? r : -EAGAIN;
}

/* --- As it is --------------------------------------------------------------
 */

/* An empty message adds nothing. */
static void add_raw_message(struct text *t, const struct msg_head *h)
{
	if (h->size)
		text_append(t, room, h->size);
}

/* --- As a line -------------------------------------------------------------
 */

static void add_text_message(struct text *t, const struct msg_head *h)
{
	const unsigned char *p = (const unsigned char *)room;
	uint32_t n = h->size < TEXT_BYTES ? h->size : TEXT_BYTES;

	text_add_time(t, (uint64_t)clock_realtime_ns());
	text_add(t, " %u %u %u ", h->sender, (uint32_t)h->a, h->size);
	for (uint32_t i = 0; i < n; i++)
		text_add(t, "%02x", p[i]);
	text_add(t, "%s ", !n ? "-" : n < h->size ? "..." : "");
	for (uint32_t i = 0; i < n; i++)
		text_add(t, "%c", p[i] < 0x80 && isprint(p[i]) ? p[i] : '.');
	text_add(t, "%s\n", n < h->size ? "..." : "");
}

/* --- Files -----------------------------------------------------------------
 */

/* 0; -errno there is no memory for the message, which is lost. */
static int keep_message(struct port *p, const struct msg_head *h,
			void (*add)(struct text *t, const struct msg_head *h))
{
	add(&p->out, h);
	if (p->out.failed)
		p->out.len = 0;
	return p->out.failed;
}

static int fill_with(struct port *p,
		     void (*add)(struct text *t, const struct msg_head *h))
{
	struct stream *s = (struct stream *)p;
	struct msg_head h;
	int r = s->lost;

	s->lost = 0;
	if (r < 0)
		return r;
	r = s->listens || s->ended ? 0 : begin_to_listen(s);
	if (r == -EIDRM)
		s->ended = true;
	for (int i = 0; i < LOOKS && r == 0 && !p->out.len && !s->ended; i++) {
		r = next_stream_message(s, &h);
		if (r == -EIDRM)
			s->ended = true;
		else if (r == 0)
			r = keep_message(p, &h, add);
	}
	/* The queue of a reactor that is destroyed goes with its last
	 * listener. */
	if (s->ended)
		stop_listening(s);
	if (s->ended || p->out.len)
		return 0;
	if (r < 0)
		return r;
	/* There were empty messages only, so far. */
	port_clock(p, true);
	return -EAGAIN;
}

static int fill_stream(struct port *p)
{
	return fill_with(p, add_raw_message);
}

static int fill_text(struct port *p)
{
	return fill_with(p, add_text_message);
}

/* Look for a message, and keep it for the next read. */
static bool is_stream_ready(struct port *p)
{
	struct stream *s = (struct stream *)p;
	int r = s->lost;

	if (r < 0)
		return true;
	text_reset(&p->out);
	p->sent = 0;
	r = p->ops->fill(p);
	/* The next read tells it. */
	s->lost = p->out.failed;
	return r != -EAGAIN;
}

static bool does_stream_keep(const struct port *p)
{
	return ((const struct stream *)p)->listens;
}

const struct port_ops stream_port = {
	.size = sizeof(struct stream),
	.open = open_stream,
	.fill = fill_stream,
	.ready = is_stream_ready,
	.close = close_stream,
	.keeps = does_stream_keep,
};

const struct port_ops text_port = {
	.size = sizeof(struct stream),
	.open = open_stream,
	.fill = fill_text,
	.ready = is_stream_ready,
	.close = close_stream,
	.keeps = does_stream_keep,
};
