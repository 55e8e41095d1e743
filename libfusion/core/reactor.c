/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/reactor.h"

#include <string.h>

void reactor_init(struct view *v, void *rec, const void *arg)
{
	(void)v;
	(void)arg;
	memset((struct entry *)rec + 1, 0, OBJECT_SIZE - sizeof(struct entry));
}

void reactor_fini(struct view *v, void *rec)
{
	(void)v;
	(void)rec;
}
