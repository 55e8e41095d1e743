/* SPDX-License-Identifier: GPL-2.0-or-later */
/* how many objects can be listened to, and what one takes */
#include <fusion/fusion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
static enum fusion_reaction_result re(const struct fusion_reactor_message *m,
				      void *c)
{
	return FUSION_REACTION_KEEP;
}
static void d(struct fusion_object *o, bool z, void *c)
{
}
static void used(const char *w)
{
	printf("%s: ", w);
	fflush(stdout);
	system("cat $FUSION_MOUNT/q3/used");
}
int main()
{
	struct fusion_arena *a;
	struct fusion_object_pool *p;
	struct fusion_object *o;
	struct fusion_reaction *x;
	int i, r;
	if (fusion_arena_enter("q3", NULL, &a) < 0)
		return 1;
	fusion_object_pool_create(a, "p", 512, 64, d, NULL, &p);
	used("begin");
	for (i = 0; i < 1000; i++)
		fusion_object_create(p, &o);
	used("1000 objects of 512");
	for (i = 0; i < 20000; i++) {
		fusion_object_create(p, &o);
		r = fusion_object_attach(o, re, NULL, &x);
		if (r < 0)
			break;
		fusion_object_detach(x);
		if (i == 999)
			used("+1000 listened to");
	}
	printf("object no. %d: attach: %s\n", i, strerror(-r));
	used("end");
	return 0;
}
