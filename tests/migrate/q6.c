/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A handler that waits in a call with a private mutex held, and another handler
 * that wants it: who waits for whom? */
#include <fusion/fusion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
struct sh {
	struct fusion_call *a, *b, *slow;
	atomic_int ready, done;
};
static struct sh *s;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static int slow(const struct fusion_call_request *q, void *c)
{
	usleep(200000);
	return 0;
}
static int first(const struct fusion_call_request *q, void *c)
{
	pthread_mutex_lock(&m);
	fusion_call_execute(s->slow, 0, NULL);
	pthread_mutex_unlock(&m);
	s->done++;
	return 0;
}
static int second(const struct fusion_call_request *q, void *c)
{
	pthread_mutex_lock(&m);
	pthread_mutex_unlock(&m);
	s->done++;
	return 0;
}
int main()
{
	struct fusion_arena *a;
	pid_t kid = fork();
	if (kid) {
		if (fusion_arena_enter("q6", NULL, &a) < 0)
			return 1;
		s = fusion_calloc(a, 1, sizeof *s);
		fusion_call_create(a, NULL, first, NULL, &s->a);
		fusion_call_create(a, NULL, second, NULL, &s->b);
		fusion_arena_set_root(a, s);
		sleep(3);
		printf("%s: %d of 2 handlers ended\n",
		       s->done == 2 ? "ok" : "DEADLOCK", s->done);
		fflush(stdout);
		kill(kid, 9);
		_exit(0);
	}
	usleep(200000);
	if (fusion_arena_enter("q6", NULL, &a) < 0)
		return 1;
	while (!(s = fusion_arena_root(a)))
		usleep(1000);
	fusion_call_create(a, NULL, slow, NULL, &s->slow);
	struct fusion_call_options o = {.size = sizeof o,
					.flags = FUSION_CALL_ONEWAY};
	fusion_call_execute_bytes(s->a, &o, 0, NULL, 0, NULL, NULL, 0, NULL);
	fusion_call_execute_bytes(s->b, &o, 0, NULL, 0, NULL, NULL, 0, NULL);
	pause();
}
