/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * queue: a bounded queue of lines between processes
 *
 *   queue put ARENA      read lines, put each into the queue
 *   queue get ARENA [N]  take N lines (default: until the queue is closed)
 *   queue close ARENA    end the queue once it is empty
 *
 * The queue is a ring of pointers in the shared heap, guarded by a skirmish.  A
 * process that finds the ring full or empty waits with fusion_skirmish_wait().
 * Any process may be killed at any time.  Each change ends in one store, so the
 * next owner of the lock finds the queue as it was before the change or after.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fusion/fusion.h>

#define PLACES 16

struct queue {
	struct fusion_skirmish *lock;
	uint64_t head, tail; /* lines ever taken, ever put */
	bool closed;
	char *line[PLACES];
};

static struct queue *queue;

static void fail(const char *what, int r)
{
	fprintf(stderr, "queue: %s: %s\n", what, fusion_strerror(r));
	exit(1);
}

/* The first member creates the queue and publishes it as a field. */
static int make(struct fusion_arena *arena, void *ctx)
{
	int r;

	(void)ctx;
	queue = fusion_calloc(arena, 1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	r = fusion_skirmish_create(arena, "queue", NULL, &queue->lock);
	if (!r)
		r = fusion_field_create(
			arena, "queue",
			&(struct fusion_field_options){
				.size = sizeof(struct fusion_field_options),
				.data_size = sizeof(*queue),
				.type = "queue",
				.data = queue},
			NULL);
	return r;
}

static int find(struct fusion_arena *arena, void *ctx)
{
	(void)ctx;
	return fusion_field_lookup(arena, "queue", sizeof(*queue), "queue",
				   (void **)&queue);
}

static void lock(void)
{
	int r = fusion_skirmish_lock(queue->lock);

	if (r == -EOWNERDEAD) {
		/* put() and get() move head or tail by one store, once the
		 * line is in place: there is nothing to repair. */
		fprintf(stderr,
			"queue: a process was killed while it used it\n");
		r = fusion_skirmish_consistent(queue->lock);
	}
	if (r < 0)
		fail("lock", r);
}

static void unlock(void)
{
	fusion_skirmish_notify(queue->lock, true);
	fusion_skirmish_unlock(queue->lock);
}

static void wait_for_others(void)
{
	int r = fusion_skirmish_wait(queue->lock, FUSION_FOREVER, 0);

	if (r == -EOWNERDEAD)
		r = fusion_skirmish_consistent(queue->lock);
	if (r < 0)
		fail("wait", r);
}

static void put(struct fusion_arena *arena)
{
	char text[4096];

	while (fgets(text, sizeof(text), stdin)) {
		char *line = fusion_strdup(arena, text);

		if (!line)
			fail("a line", -errno);
		lock();
		while (queue->tail - queue->head == PLACES)
			wait_for_others();
		queue->line[queue->tail % PLACES] = line;
		__atomic_store_n(&queue->tail, queue->tail + 1,
				 __ATOMIC_RELEASE);
		unlock();
	}
}

/* Returns false if the queue is closed and empty. */
static bool get(void)
{
	char *line = NULL;

	lock();
	while (queue->tail == queue->head && !queue->closed)
		wait_for_others();
	if (queue->tail != queue->head) {
		line = queue->line[queue->head % PLACES];
		__atomic_store_n(&queue->head, queue->head + 1,
				 __ATOMIC_RELEASE);
	}
	unlock();
	if (!line)
		return false;
	fputs(line, stdout);
	fflush(stdout);
	fusion_free(line);
	return true;
}

int main(int argc, char **argv)
{
	struct fusion_arena_options options = {
		.size = sizeof(options),
		.initialize = make,
		.join = find,
	};
	struct fusion_arena *arena;
	unsigned long n;
	int r;

	if (argc < 3 || (strcmp(argv[1], "put") && strcmp(argv[1], "get") &&
			 strcmp(argv[1], "close"))) {
		fprintf(stderr, "Usage: queue put|get|close ARENA [N]\n");
		return 2;
	}
	r = fusion_arena_enter(argv[2], &options, &arena);
	if (r < 0)
		fail(argv[1], r);
	n = argc > 3 ? strtoul(argv[3], NULL, 10) : ~0ul;
	if (!strcmp(argv[1], "put"))
		put(arena);
	else if (!strcmp(argv[1], "close")) {
		lock();
		queue->closed = true;
		unlock();
	} else {
		while (n-- && get())
			;
	}
	r = fusion_arena_exit(arena);
	if (r < 0)
		fail("leave", r);
	return 0;
}
