/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fields/ */
#include "fusionfs/files/fields.h"

#include <inttypes.h>

#include "fusionfs/world/record.h"

int field_show(const struct node *n, struct text *t)
{
	union record o;
	int r = record_get(n, &o);

	if (r < 0)
		return r;
	field_clean(&o.field);
	text_add(t, "0x%" PRIx64, o.field.addr);
	if (o.field.type[0] || o.field.size)
		text_add(t, " %s %" PRIu64,
			 o.field.type[0] ? o.field.type : "-", o.field.size);
	text_add(t, "\n");
	return 0;
}
