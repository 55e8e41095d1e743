/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fusion/arena.h>

#include "libfusion/core/base/cancel.h"

#define SILENT (-1)

static fusion_log_fn handler;
static void *handler_ctx;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int stderr_level = SILENT;

FUSION_API void fusion_set_log(fusion_log_fn fn, void *ctx)
{
	handler_ctx = ctx;
	handler = fn;
}

/* --- FUSION_LOG=stderr[:LEVEL] -------------------------------------------- */

static const struct {
	const char *name;
	int level;
} levels[] = {
	{"error", LOG_ERR},
	{"warning", LOG_WARNING},
	{"info", LOG_INFO},
	{"debug", LOG_DEBUG},
};

static int level_called(const char *name)
{
	for (unsigned i = 0; i < sizeof(levels) / sizeof(*levels); i++)
		if (!strcmp(levels[i].name, name))
			return levels[i].level;
	return SILENT;
}

static void write_line(const char *text)
{
	char line[1200];
	int n = snprintf(line, sizeof(line), "fusion: %s\n", text);
	int cancel = cancel_off();

	if (n >= (int)sizeof(line)) {
		n = (int)sizeof(line);
		line[n - 1] = '\n';
	}
	/* One write is one line, whoever else writes there. */
	(void)!write(STDERR_FILENO, line, (size_t)n);
	cancel_back(cancel);
}

static void read_environment(void)
{
	/* Whose privileges are not the user's, does not obey him. */
	const char *wish = secure_getenv("FUSION_LOG");
	char text[256];

	if (!wish || !*wish)
		return;
	if (!strcmp(wish, "stderr"))
		stderr_level = LOG_INFO;
	else if (!strncmp(wish, "stderr:", 7))
		stderr_level = level_called(wish + 7);
	if (stderr_level != SILENT)
		return;
	snprintf(text, sizeof(text),
		 "FUSION_LOG is '%.100s', which is not understood: write "
		 "stderr or stderr:LEVEL, LEVEL being error, warning, info or "
		 "debug",
		 wish);
	write_line(text);
}

bool log_wants(int level)
{
	pthread_once(&once, read_environment);
	return handler || level <= stderr_level;
}

void log_message(int level, const char *fmt, ...)
{
	int error = errno;
	char text[1024];
	va_list ap;

	if (!log_wants(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (level <= stderr_level)
		write_line(text);
	if (handler)
		handler(level, text, handler_ctx);
	errno = error;
}
