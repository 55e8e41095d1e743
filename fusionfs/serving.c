/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/serving.h"

#include <errno.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fusionfs/base/clock.h"
#include "fusionfs/base/fuse.h"
#include "fusionfs/base/log.h"
#include "fusionfs/base/turns.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/futex.h"

/* At most so much is served before pidfds, bells and the clock. */
#define SERVE_MAX 32
#define SERVE_NS 4000000
/* At most so many are read before one is served. */
#define READ_MAX 64
/* Bytes that wait here; more stays with the kernel, in its order. */
#define BYTES_MAX (64u << 20)

/* Until there is memory to read requests with. */
#define PAUSE_US 10000

static struct fuse_buf request;

/* End the daemon: it cannot serve any more. */
static void give_up(const char *what, const char *why)
{
	complain("cannot %s: %s: the mount ends: mount again", what, why);
	world.failed = world.quit = true;
}

/* Put a request in its line.  0; -errno: it is to be served at once. */
static int line_request_up(const struct fuse_buf *b)
{
	const struct fuse_in_header *in = b->mem;
	const struct fuse_interrupt_in *interrupt = (const void *)(in + 1);

	switch (in->opcode) {
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		return -EINPROGRESS;
	case FUSE_INTERRUPT:
		if (b->size < sizeof(*in) + sizeof(*interrupt))
			return -EINVAL;
		return turns_add_behind(interrupt->unique, b->mem, b->size);
	default:
		return turns_add(in->uid, in->unique, b->mem, b->size);
	}
}

/* Count requests for which a process waits, each once. */
static void count_request(uint32_t opcode)
{
	switch (opcode) {
	case FUSE_INIT:
	case FUSE_DESTROY:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
	case FUSE_NOTIFY_REPLY:
		break;
	default:
		world.requests++;
	}
}

static void process_request(struct fuse_session *session,
			    const struct fuse_buf *b)
{
	uint32_t opcode = ((const struct fuse_in_header *)b->mem)->opcode;

	count_request(opcode);
	fuse_session_process_buf(session, b);
	if (fuse_session_exited(session))
		world.quit = true;
	/* The kernel asks once only, and refuses all requests then. */
	else if (opcode == FUSE_INIT && !world.greeted)
		give_up("answer the kernel's first request", strerror(ENOMEM));
}

/* Read what the kernel has, which is all of it as a rule. */
static void read_requests(struct fuse_session *session)
{
	for (int i = 0; i < READ_MAX && turns_bytes() < BYTES_MAX; i++) {
		int n = fuse_session_receive_buf(session, &request);

		if (n == -EINTR)
			continue;
		if (n == -ENOMEM)
			usleep(PAUSE_US);
		else if (n == 0)
			world.quit = true;
		else if (n < 0 && n != -EAGAIN)
			give_up("read requests of the kernel", strerror(-n));
		if (n <= 0)
			return;
		if (line_request_up(&request) < 0)
			process_request(session, &request);
		if (world.quit)
			return;
	}
}

/* Serve one request.  Returns how long it took. */
static uint64_t serve_turn(struct fuse_session *session, struct turn *t)
{
	const struct fuse_buf b = {.size = t->size, .mem = t->data};
	uint64_t start = clock_processor_ns(), ns;

	process_request(session, &b);
	ns = clock_processor_ns() - start;
	turns_done(t, ns, clock_monotonic_ns());
	return ns;
}

/* Take the next turn.  No user rests while there is no room to read the
 * requests of others. */
static struct turn *next_turn(void)
{
	bool full = turns_bytes() >= BYTES_MAX;

	return turns_next(full ? INT64_MAX : clock_monotonic_ns());
}

int64_t serving_go_on(struct fuse_session *session)
{
	uint64_t ns = 0;

	for (int i = 0; i < SERVE_MAX && ns < SERVE_NS; i++) {
		struct turn *t;

		/* Read before each: what came meanwhile may be next. */
		read_requests(session);
		if (world.quit)
			return -1;
		t = next_turn();
		if (!t)
			break;
		ns += serve_turn(session, t);
	}
	return turns_due(clock_monotonic_ns());
}

void serving_end(void)
{
	turns_end();
	free(request.mem);
	request = (struct fuse_buf){.mem = NULL};
}
