/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/call.h"

#include <string.h>

void call_init(struct view *v, void *rec, const void *arg)
{
	(void)v;
	(void)arg;
	memset((struct entry *)rec + 1, 0, OBJECT_SIZE - sizeof(struct entry));
}

void call_fini(struct view *v, void *rec)
{
	(void)v;
	(void)rec;
}
