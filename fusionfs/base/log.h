/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Messages: to stderr until the daemon is in the background, then syslog. */
#ifndef FUSIONFS_LOG_H
#define FUSIONFS_LOG_H

#include <stdbool.h>
#include <stddef.h>

/* Send all messages to syslog from now on. */
void log_to_syslog(void);
/* Say in one line what failed, on what, why, and what to do. */
void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Has complain() said anything yet? */
bool has_complained(void);
/* Say in one line what is worth knowing and no failure. */
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Standard error, while another program may write on it. */
struct hush {
	int said, kept;
};
/* Point standard error to a file. */
void hush(struct hush *h);
/* Point it back, and copy the last line of the file, if any, to @line. */
void unhush(struct hush *h, char *line, size_t size);

#endif
