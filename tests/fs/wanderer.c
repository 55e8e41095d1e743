/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A process that goes through many arenas, one after another
 *
 *   wanderer COUNT         fresh arenas of all spans, each used and left
 *   wanderer COUNT NAME    COUNT visits of one arena that others keep
 *
 * A second thread uses many of them, too, and lives on.  After a tenth of the
 * way the process has all the memory, descriptors and threads that it will ever
 * need: at the end it has no more.  "COUNT arenas", or what was wrong.
 */
#include <dirent.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fusion/fusion.h>

#define SPANS 7 /* 16 MiB to 1 GiB */
/* One forgotten block of 32 bytes a visit, on a way of 9,000, is more. */
#define SLACK_KB 250

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MEMORY_COUNTS 0 /* freed memory is kept to catch who uses it */
#else
#define MEMORY_COUNTS 1
#endif

static struct fusion_arena *arena;
static pthread_barrier_t come, gone;

__attribute__((noreturn, format(printf, 1, 2))) static void
fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

static void good(const char *what, long i, int r)
{
	if (r < 0)
		fail("arena %ld: %s: %s", i, what, strerror(-r));
}

struct use {
	long fds, threads, memory_kb;
};

static struct use use_now(void)
{
	struct use u = {0};
	char line[128];
	FILE *f = fopen("/proc/self/status", "re");
	DIR *d;

	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "VmData: %ld", &u.memory_kb);
		sscanf(line, "Threads: %ld", &u.threads);
	}
	if (f)
		fclose(f);
	d = opendir("/proc/self/fd");
	while (d && readdir(d))
		u.fds++;
	if (d)
		closedir(d);
	return u;
}

static void *companion(void *unused)
{
	(void)unused;
	for (;;) {
		pthread_barrier_wait(&come);
		if (arena && !fusion_malloc(arena, 64))
			fail("no memory for the other thread");
		pthread_barrier_wait(&gone);
	}
	return NULL;
}

static int handle_call(const struct fusion_call_request *request, void *ctx)
{
	(void)ctx;
	return fusion_call_reply(request, 1, NULL, 0);
}

static void handle_message(const struct fusion_message *message, void *ctx)
{
	(void)message;
	(void)ctx;
}

static void notice(struct fusion_arena *a, enum fusion_notice n, fusion_id_t id,
		   void *ctx)
{
	(void)a;
	(void)n;
	(void)id;
	(void)ctx;
}

/* Something of all that a process keeps for an arena. */
static void use_it(long i)
{
	struct fusion_call *call;
	struct fusion_ref *ref;

	good("notice", i,
	     fusion_arena_on_leave(arena, notice, NULL, NULL, NULL));
	good("handle", i,
	     fusion_message_handle(arena, 1, handle_message, NULL, NULL, NULL));
	good("send", i,
	     fusion_message_send(arena, fusion_arena_id(arena), 1, "x", 1, 0,
				 0));
	good("call", i,
	     fusion_call_create(
		     arena, NULL,
		     &(struct fusion_call_options){
			     .size = sizeof(struct fusion_call_options),
			     .fn = handle_call},
		     &call));
	good("execute", i, fusion_call_execute(call, NULL, 0, NULL, 0, NULL));
	good("ref", i, fusion_ref_create(arena, NULL, NULL, &ref));
	good("up", i, fusion_ref_up(ref));
	good("sync", i, fusion_arena_sync(arena, 10000000000, 0));
	good("down", i, fusion_ref_down(ref));
	good("call destroy", i, fusion_call_destroy(call));
	good("ref destroy", i, fusion_ref_destroy(ref));
}

static void visit(const char *name, long i)
{
	struct fusion_arena_options o = {.size = sizeof(o)};
	char job[32];
	void *p, *volatile at;

	snprintf(job, sizeof(job), "job%ld", i);
	if (!name)
		o.span = (16ull << 20) << i % SPANS;
	good("enter", i, fusion_arena_enter(name ? name : job, &o, &arena));
	p = fusion_malloc(arena, 100);
	if (!p || fusion_arena_of(p) != arena)
		fail("arena %ld: a block is not its own", i);
	if (i % 8 == 0) {
		pthread_barrier_wait(&come);
		pthread_barrier_wait(&gone);
	}
	if (i % 64 == 0)
		use_it(i);
	at = p;
	fusion_free(p);
	good("exit", i, fusion_arena_exit(arena));
	arena = NULL;
	if (fusion_arena_of(at))
		fail("arena %ld: its addresses are still somebody's", i);
}

static void compare(const struct use *before, const struct use *after)
{
	if (after->fds > before->fds || after->threads > before->threads ||
	    (MEMORY_COUNTS && after->memory_kb > before->memory_kb + SLACK_KB))
		fail("descriptors %ld, then %ld; threads %ld, then %ld; "
		     "memory %ld kB, then %ld",
		     before->fds, after->fds, before->threads, after->threads,
		     before->memory_kb, after->memory_kb);
}

int main(int argc, char **argv)
{
	long n = argc > 1 ? atol(argv[1]) : 0;
	const char *name = argc > 2 ? argv[2] : NULL;
	struct use before = {0}, after;
	pthread_t thread;

	if (n < 4 * SPANS)
		return 2;
	pthread_barrier_init(&come, NULL, 2);
	pthread_barrier_init(&gone, NULL, 2);
	if (pthread_create(&thread, NULL, companion, NULL) != 0)
		return 2;
	/* The library keeps something of the last arenas, up to a bound: the
	 * first half of the way is to reach that. */
	for (long i = 0; i < n; i++) {
		if (i == n / 2)
			before = use_now();
		visit(name, i);
	}
	after = use_now();
	compare(&before, &after);
	printf("%ld arenas\n", n);
	return 0;
}
