/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <syslog.h>

static bool use_syslog;

void log_to_syslog(void)
{
	openlog("fusionfs", LOG_PID, LOG_DAEMON);
	use_syslog = true;
}

static void say(int level, const char *fmt, va_list ap)
{
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (use_syslog)
		syslog(level, "%s", text);
	else
		fprintf(stderr, "fusionfs: %s\n", text);
}

void complain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_ERR, fmt, ap);
	va_end(ap);
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(LOG_NOTICE, fmt, ap);
	va_end(ap);
}
