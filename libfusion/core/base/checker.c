/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/base/checker.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define FAULT_MAX 128 /* bytes of a line; the rest is cut off */

void check_fault(struct checker *c, const char *format, ...)
{
	char text[FAULT_MAX];
	va_list args;

	c->faults++;
	if (!c->report)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	c->report(c->ctx, text);
}
