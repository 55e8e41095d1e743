/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages: to stderr until the daemon is in the background, then syslog. */
#ifndef FUSIONFS_LOG_H
#define FUSIONFS_LOG_H

#include <stdbool.h>
#include <stddef.h>

void log_to_syslog(void);
/* One line: what failed, on what, why, what to do. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Around another program that writes on our standard error: it writes into a
 * file, the last line of which goes to @line, if there is any. */
struct hush {
	int said, kept;
};
void hush(struct hush *h);
void unhush(struct hush *h, char *line, size_t size);

#endif
