/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <syslog.h>
#include <unistd.h>

static bool use_syslog, complained;

void log_to_syslog(void)
{
	openlog("fusionfs", LOG_PID, LOG_DAEMON);
	use_syslog = true;
}

static void log_line(int level, const char *fmt, va_list ap)
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
	log_line(LOG_ERR, fmt, ap);
	va_end(ap);
	complained = true;
}

bool has_complained(void)
{
	return complained;
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_NOTICE, fmt, ap);
	va_end(ap);
}

void hush(struct hush *h)
{
	h->kept = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	h->said = memfd_create("stderr", MFD_CLOEXEC);
	if (h->kept >= 0 && h->said >= 0)
		dup2(h->said, STDERR_FILENO);
}

static void last_line(int fd, char *line, size_t size)
{
	char text[1024], *at;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n <= 0)
		return;
	text[n] = 0;
	at = strrchr(text, '\n');
	snprintf(line, size, "%s", at ? at + 1 : text);
}

void unhush(struct hush *h, char *line, size_t size)
{
	if (h->kept >= 0 && h->said >= 0) {
		dup2(h->kept, STDERR_FILENO);
		last_line(h->said, line, size);
	}
	if (h->kept >= 0)
		close(h->kept);
	if (h->said >= 0)
		close(h->said);
}
