/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's messages: silent unless fusion_set_log() gave a handler. */
#ifndef FUSION_LOG_H
#define FUSION_LOG_H

#include <syslog.h>

void log_message(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_message(LOG_ERR, __VA_ARGS__)

#endif
