/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/ioctl.h"

#include <errno.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/service/events.h"
#include "fusionfs/service/membership.h"
#include "fusionfs/service/signals.h"
#include "fusionfs/service/visitors.h"
#include "libfusion/core/file/protocol.h"

static void poke(const struct ioctl_request *q)
{
	/* Look before the answer: a member that gives back and takes again at
	 * once must not be first for ever. */
	visitors_look(q->arena);
	reply_ioctl(q->req, 0, NULL, 0);
	events_changed(q->arena);
}

static const struct ioctl_command {
	unsigned cmd;
	size_t size;
	void (*serve)(const struct ioctl_request *q);
} commands[] = {
	{FUSION_IOC_JOIN, sizeof(struct ioc_join), request_join},
	{FUSION_IOC_READY, sizeof(struct ioc_member), request_ready},
	{FUSION_IOC_EXIT, sizeof(struct ioc_member), request_exit},
	{FUSION_IOC_LEAVE, sizeof(struct ioc_member), request_leave},
	{FUSION_IOC_RENEW, sizeof(struct ioc_renew), request_renew},
	{FUSION_IOC_HOLD_UP, sizeof(struct ioc_hold_up), request_hold_up},
	{FUSION_IOC_SIGNAL, sizeof(struct ioc_signal), request_signal},
	{FUSION_IOC_POKE, 0, poke},
};

void ioctl_serve(struct arena *a, struct fuse_req *req, unsigned cmd,
		 const void *in, size_t in_size, const void *dir)
{
	const struct ioctl_request q = {a, req, in, dir};

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (commands[i].cmd == cmd && commands[i].size == in_size) {
			commands[i].serve(&q);
			return;
		}
	reply_err(req, -ENOTTY);
}
