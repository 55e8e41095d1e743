/* SPDX-License-Identifier: GPL-2.0-or-later */
/* R1: calls of members that died stay.  R2: the 13th quota. */
#include <fusion/fusion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static int fn(const struct fusion_call_request *q, void *c)
{
	return 0;
}
int main()
{
	struct fusion_arena *a;
	struct fusion_call *c;
	int r;
	if (fusion_arena_enter("q1", NULL, &a) < 0)
		return 1;
	for (int i = 0; i < 200; i++) {
		pid_t p = fork();
		if (!p) {
			struct fusion_arena *b;
			if (fusion_arena_enter("q1", NULL, &b) < 0)
				_exit(1);
			if (fusion_call_create(b, NULL, fn, NULL, &c) < 0)
				_exit(2);
			raise(SIGKILL);
		}
		waitpid(p, NULL, 0);
	}
	fusion_members_wait(a, FUSION_ALL, 1000000000);
	fflush(stdout);
	system("echo calls left by 200 dead members: $(ls -A $FUSION_MOUNT/q1/calls | wc -l); ls $FUSION_MOUNT/q1/calls | head -3; cat $FUSION_MOUNT/q1/calls/\\#* 2>/dev/null | head -8");
	fusion_call_create(a, NULL, fn, NULL, &c);
	for (int i = 2; i < 20; i++) {
		r = fusion_call_set_quota(c, i, 100);
		if (r < 0) {
			printf("quota for member no. %d: %s\n", i - 1,
			       strerror(-r));
			break;
		}
	}
	/* dead members' quotas free? */
	return 0;
}
