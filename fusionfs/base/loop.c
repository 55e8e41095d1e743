/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

#define BATCH 32 /* events taken from epoll at once */

static int epoll = -1;
static struct epoll_event batch[BATCH];
static int batch_len, batch_at;

int loop_init(void)
{
	epoll = epoll_create1(EPOLL_CLOEXEC);
	return epoll < 0 ? -errno : 0;
}

int loop_add(struct source *s, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = s};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

void loop_drop(struct source *s)
{
	for (int i = batch_at; i < batch_len; i++)
		if (batch[i].data.ptr == s)
			batch[i].data.ptr = NULL;
}

void loop_remove(int fd)
{
	epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}

void loop_wait(int64_t timeout_ns)
{
	int timeout_ms =
		timeout_ns < 0 ? -1 : (int)((timeout_ns + 999999) / 1000000);

	batch_len = epoll_wait(epoll, batch, BATCH, timeout_ms);
	for (batch_at = 0; batch_at < batch_len; batch_at++) {
		struct source *s = batch[batch_at].data.ptr;

		if (s)
			s->ready(s);
	}
	batch_len = 0;
}
