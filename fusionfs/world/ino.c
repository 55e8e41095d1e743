/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/world/ino.h"

#include <errno.h>

#include "fusionfs/base/reply.h"
#include "fusionfs/base/serial.h"
#include "fusionfs/world/node.h"
#include "fusionfs/world/numbered.h"

bool ino_get_node(struct fuse_req *req, uint64_t ino, struct node *ret)
{
	int r = numbered_is(ino) ? numbered_get(ino, ret)
				 : node_from_ino(ino, ret);

	if (r == 0)
		return true;
	reply_err(req, r == -EAGAIN ? r : -ENOENT);
	return false;
}

/* Lookups of stored numbers are counted by numbered_add(). */
void ino_looked_up(uint64_t ino)
{
	if (!numbered_is(ino))
		serial_looked_up(node_ino_number(ino));
}

void ino_forgotten(uint64_t ino, uint64_t lookups)
{
	if (numbered_is(ino))
		numbered_forget(ino, lookups);
	else
		serial_forgotten(node_ino_number(ino), lookups);
}
