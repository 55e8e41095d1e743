/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library's messages: silent unless fusion_set_log() gave a handler, or
 * FUSION_LOG in the environment says where to.  Why a call fails is not said
 * here but by refuse.h. */
#ifndef FUSION_LOG_H
#define FUSION_LOG_H

#include <stdbool.h>
#include <syslog.h>

void log_message(int level, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Is anybody listening at this level? */
bool log_wants(int level);

#define log_error(...) log_message(LOG_ERR, __VA_ARGS__)

#endif
