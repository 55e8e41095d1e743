/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/parking.h"

#include "fusionfs/base/reply.h"

int parked_charge(struct parked *p)
{
	return quota_take(&p->charge, request_uid(p->req), QUOTA_WAITS, 1);
}

static void tell_interrupted(struct fuse_req *req, void *data)
{
	struct parked *p = data;

	(void)req;
	p->interrupted(p);
}

void park(struct parked *p, struct parked **list)
{
	struct parked **at = list;

	while (*at)
		at = &(*at)->next;
	p->next = NULL;
	p->list = list;
	*at = p;
	request_on_interrupt(p->req, tell_interrupted, p);
}

void unpark(struct parked *p)
{
	struct parked **at = p->list;

	while (*at && *at != p)
		at = &(*at)->next;
	if (*at)
		*at = p->next;
}
