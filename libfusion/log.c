/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/log.h"

#include <stdarg.h>
#include <stdio.h>

#include <fusion/arena.h>

static fusion_log_fn handler;
static void *handler_ctx;

FUSION_API void fusion_set_log(fusion_log_fn fn, void *ctx)
{
	handler_ctx = ctx;
	handler = fn;
}

void log_message(int level, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	if (!handler)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	handler(level, text, handler_ctx);
}
