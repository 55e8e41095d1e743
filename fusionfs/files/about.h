/* SPDX-License-Identifier: GPL-2.0-or-later */
/* .fusionfs/: the daemon itself. */
#ifndef FUSIONFS_ABOUT_H
#define FUSIONFS_ABOUT_H

#include "fusionfs/world/node.h"

int about_version_show(const struct node *n, struct text *t);
int about_format_show(const struct node *n, struct text *t);
int about_pid_show(const struct node *n, struct text *t);
int about_uptime_show(const struct node *n, struct text *t);
int about_requests_show(const struct node *n, struct text *t);
int about_deaths_show(const struct node *n, struct text *t);
int about_options_show(const struct node *n, struct text *t);
int about_limits_show(const struct node *n, struct text *t);
int about_users_show(const struct node *n, struct text *t);
/* Change options of arenas that are made from now on. */
int about_options_store(const struct node *n, const char *text);
int about_options_check(const char *text);

#endif
