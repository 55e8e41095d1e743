/* SPDX-License-Identifier: GPL-2.0-or-later */
/* .fusionfs/: the daemon itself. */
#include "fusionfs/files/about.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "fusionfs/service/writing.h"
#include "fusionfs/world/world.h"
#include "libfusion/core/base/futex.h"

int about_version_show(const struct node *n, struct text *t)
{
	(void)n;
	text_add(t, "%s\n", FUSION_VERSION);
	return 0;
}

int about_format_show(const struct node *n, struct text *t)
{
	(void)n;
	text_add(t, "%u\n", FUSION_FORMAT);
	return 0;
}

int about_pid_show(const struct node *n, struct text *t)
{
	(void)n;
	text_add(t, "%d\n", (int)getpid());
	return 0;
}

int about_uptime_show(const struct node *n, struct text *t)
{
	(void)n;
	text_add_time(t, (uint64_t)(clock_monotonic_ns() - world.started_ns));
	text_add(t, "\n");
	return 0;
}

int about_requests_show(const struct node *n, struct text *t)
{
	(void)n;
	text_add(t, "%" PRIu64 "\n", world.requests);
	return 0;
}

int about_deaths_show(const struct node *n, struct text *t)
{
	(void)n;
	text_add(t, "%" PRIu64 "\n", world.deaths);
	return 0;
}

int about_options_show(const struct node *n, struct text *t)
{
	const struct options *o = world.options;

	(void)n;
	text_add(t, "backing %s\n", world.backing.path);
	text_add(t, "size %" PRIu64 "\nspan %" PRIu64 "\n", o->size, o->span);
	text_add(t, "max_members %u\nallow_other %d\n", o->max_members,
		 o->allow_other);
	return 0;
}

int about_options_check(const char *text)
{
	return options_check(world.options, text);
}

/* Take options as mount(8) has them, for arenas that are made from now on. */
int about_options_store(const struct node *n, const char *text)
{
	char list[VALUE_BYTES];
	size_t len = strcspn(text, "\n");

	(void)n;
	if (len >= sizeof(list) || (text[len] && text[len + 1]))
		return -EINVAL;
	memcpy(list, text, len);
	list[len] = 0;
	return options_change(world.options, list);
}

/* limits says what one user may have, users what each has. */
int about_limits_show(const struct node *n, struct text *t)
{
	(void)n;
	for (int i = 0; i < N_QUOTAS; i++)
		text_add(t, "%s %" PRIu64 "\n", quota_name(i), quota_limit(i));
	return 0;
}

int about_users_show(const struct node *n, struct text *t)
{
	const struct quota_user *at = NULL;
	uint64_t used[N_QUOTAS];
	uid_t uid;

	(void)n;
	while (quota_next(&at, &uid, used)) {
		text_add(t, "uid %u", uid);
		for (int i = 0; i < N_QUOTAS; i++)
			text_add(t, " %s %" PRIu64, quota_name(i), used[i]);
		text_add(t, "\n");
	}
	return 0;
}
