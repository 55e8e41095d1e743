/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two mistakes in the daemon, linked in place of what `.fusionfs/uptime` and
 * `.fusionfs/requests` say: arenas are read outside of their guard
 */
#include <inttypes.h>

#include "fusionfs/files/about.h"
#include "fusionfs/world/guard.h"
#include "fusionfs/world/world.h"

int __wrap_about_uptime_show(const struct node *n, struct text *t);
int __wrap_about_requests_show(const struct node *n, struct text *t);

/* By the view. */
int __wrap_about_uptime_show(const struct node *n, struct text *t)
{
	const volatile uint64_t *epoch = &world.arenas->view.sb->epoch;

	(void)n;
	text_add(t, "%" PRIu64 "\n", *epoch);
	return 0;
}

static int find_epoch(struct arena *a, void *arg)
{
	*(const volatile uint64_t **)arg = &a->view.sb->epoch;
	return 0;
}

/* By what was found under the guard. */
int __wrap_about_requests_show(const struct node *n, struct text *t)
{
	const volatile uint64_t *epoch = NULL;
	int r = guarded(world.arenas, find_epoch, &epoch);

	(void)n;
	if (r == 0)
		text_add(t, "%" PRIu64 "\n", *epoch);
	return r;
}
