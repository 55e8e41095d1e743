/* SPDX-License-Identifier: GPL-2.0-or-later */
/* R3: the reference of a thrown object, thrown to one who dies; R4 handlers
 * side by side; R5 reactor loss */
#include <fusion/fusion.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}
struct sh {
	struct fusion_reactor *r;
	struct fusion_call *a, *b, *slow;
	atomic_long got, ready;
	atomic_int inside, max;
};
static struct sh *s;
static enum fusion_reaction_result re(const struct fusion_reactor_message *m,
				      void *c)
{
	if (m)
		s->got++;
	return FUSION_REACTION_KEEP;
}
static int slow(const struct fusion_call_request *q, void *c)
{
	usleep(300000);
	return 0;
}
static int outer(const struct fusion_call_request *q, void *c)
{
	int n = ++s->inside;
	if (n > s->max)
		s->max = n;
	fusion_call_execute(s->slow, 0, NULL);
	s->inside--;
	return 0;
}
int main()
{
	struct fusion_arena *a;
	void *p;
	pid_t kid = fork();
	if (kid) {
		if (fusion_arena_enter("q2", NULL, &a) < 0)
			return 1;
		s = fusion_calloc(a, 1, sizeof *s);
		fusion_reactor_create(a, NULL, NULL, &s->r);
		fusion_call_create(a, NULL, outer, NULL, &s->a);
		fusion_arena_set_root(a, s);
	} else {
		usleep(200000);
		if (fusion_arena_enter("q2", NULL, &a) < 0)
			return 1;
		while (!(s = fusion_arena_root(a)))
			usleep(1000);
		struct fusion_reaction *rr;
		fusion_reactor_attach(s->r, 0, re, NULL, NULL, &rr);
		fusion_call_create(a, NULL, slow, NULL, &s->slow);
		s->ready = 1;
		/* two one-way calls whose handler waits for a call of ours:
		 * does it run beside itself? */
		struct fusion_call_options o = {.size = sizeof o,
						.flags = FUSION_CALL_ONEWAY};
		fusion_call_execute_bytes(s->a, &o, 0, NULL, 0, NULL, NULL, 0,
					  NULL);
		fusion_call_execute_bytes(s->a, &o, 0, NULL, 0, NULL, NULL, 0,
					  NULL);
		pause();
	}
	while (!s->ready)
		usleep(1000);
	sleep(2);
	printf("outer handlers at a time: %d\n", s->max);
	kill(kid, SIGSTOP);
	usleep(50000);
	char msg[64] = {0};
	long n;
	double t = now(), worst = 0;
	for (n = 0; n < 20000; n++) {
		double u = now();
		fusion_reactor_dispatch(s->r, msg, 64, 0);
		if (now() - u > worst)
			worst = now() - u;
	}
	printf("dispatched %ld to a stopped listener in %.3f s, longest %.3f s\n",
	       n, now() - t, worst);
	kill(kid, SIGCONT);
	usleep(500000);
	printf("it got %ld of %ld\n", (long)s->got, n);
	kill(kid, 9);
	return 0;
}
