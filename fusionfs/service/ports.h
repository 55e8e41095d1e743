/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ports: open files by which a shell talks with members
 *
 * What is read or written is a message, a call, its answer.  A read that has to
 * wait is parked here, without a thread and without a sleep.  A message that
 * finds no room is kept (outbox.h).  Both are tried again when the arena's bell
 * rings (bell.h), after each death and at each patrol.  A clock retries a port
 * only while it waits for what no bell announces: a lock that a member keeps,
 * or the limit of a slow listener.
 */
#ifndef FUSIONFS_PORTS_H
#define FUSIONFS_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fusionfs/base/text.h"
#include "fusionfs/service/last_words.h"
#include "fusionfs/world/node.h"

struct fuse_pollhandle;
struct fuse_req;
struct thread_rec;

/* What all ports have; the kind's own fields follow.  Invariant: a port whose
 * file is closed stays while the outbox has messages of it. */
struct port {
	struct port *next;
	struct arena *arena; /* NULL: what it was about is over */
	const struct port_ops *ops;
	struct charge charge;
	uint32_t item;	 /* as in the node */
	uint32_t number; /* NUMBER_NONE, or as in the node */
	pid_t opener;	 /* thread that opened the file */
	uid_t uid;
	bool may_write;		    /* as it was opened */
	struct thread_rec *rec;	    /* NULL: it needed none yet */
	unsigned n_reads, n_writes; /* parked */
	unsigned n_kept;	    /* messages in the outbox */
	bool closed;		    /* only the outbox keeps it */
	int late;		    /* error of one of them, for a write */
	struct fuse_pollhandle *ph;
	bool again;	 /* write(): this one was tried before */
	int64_t look_ns; /* if it waits: look then, CLOCK_MONOTONIC; 0 when the
			    bell rings */
	int64_t nap_ns;	 /* port_clock() */
	struct text in;	 /* written and not used yet */
	struct text out; /* on its way to the reader, from `sent` on */
	size_t sent;
	struct last_words last;
};

/* All run under the guard and none waits: -EAGAIN is "not now". */
struct port_ops {
	size_t size; /* of a struct that begins with a struct port */
	/* May be NULL, as may all of these. */
	int (*open)(struct port *p, const struct node *n);
	/* Fill p->out.  0: there is something now, or the end is reached;
	 * -errno. */
	int (*fill)(struct port *p);
	/* Take all of a write.  0, -errno. */
	int (*write)(struct port *p, const char *data, size_t size);
	/* Is there something to read, or an error? */
	bool (*ready)(struct port *p);
	/* Let go: it is closed, or this life of the arena ends. */
	void (*close)(struct port *p);
	int over; /* what a reader gets after that: 0 end of file, -errno */
	/* Does the reader get first what it has not read yet? */
	bool (*keeps)(const struct port *p);
};

/* Open a port.  0, -EACCES, -ENOENT, -EIO, -ENOMEM, -EDQUOT, -EMFILE. */
int port_open(const struct node *n, struct fuse_req *req, int flags,
	      struct port **ret);
/* Close it. */
void port_close(struct port *p);
/* Answer @req, now or later. */
void port_read(struct port *p, struct fuse_req *req, size_t size, int flags);
void port_write(struct port *p, struct fuse_req *req, const char *data,
		size_t size, int flags);
/* Return POLLIN and so on; if there is nothing to read, @ph is told as soon as
 * there is. */
unsigned port_poll(struct port *p, struct fuse_pollhandle *ph);

/* For outbox.c: try to write now.  0; -EAGAIN there is no room; -errno. */
int port_try_write(struct port *p, const char *data, size_t size);
/* Tell @p that a message of it is out of the outbox: sent, or -errno.  @p may
 * be gone then. */
void port_sent(struct port *p, int r);

/* With @on, look by the clock, as no bell tells what the port waits for: the
 * pause gets longer from one time to the next.  Without @on, look when the bell
 * rings. */
void port_clock(struct port *p, bool on);

/* Claim a thread record for p->rec, if it has none.  Under the guard.  0;
 * -EMFILE there is none; -ENOMEM. */
int port_claim(struct port *p);

/* Answer the requests that can be answered now.  false: there was none. */
bool ports_look(struct arena *a);
/* Look at the ports that are due by the clock.  Returns ns until the next look,
 * -1: no request waits. */
int64_t ports_retry(void);
/* Return how many messages wait for this kind of file of @item. */
unsigned ports_writes(const struct arena *a, const struct port_ops *ops,
		      uint32_t item);

extern const struct arena_service ports_service;

#endif
