/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A text that grows: what a file of the tree says. */
#ifndef FUSIONFS_TEXT_H
#define FUSIONFS_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "fusionfs/base/quota.h"

struct text {
	char *p;
	size_t len, cap;
	int failed; /* the text is not whole: -ENOMEM, -EDQUOT */
	size_t max; /* so long it may be, 0: any length */
	int cut;    /* it would have been longer: its last line says so */
	/* Whose it is, if the daemon keeps it: quota_open(). */
	struct charge charge;
};

/* What a file says is no longer than this, whatever an arena's memory says. */
#define TEXT_MAX (512u << 10)

void text_add(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void text_append(struct text *t, const void *data, size_t size);
/* Seconds with nanosecond digits. */
void text_add_time(struct text *t, uint64_t ns);
/* Replace the control characters of a string. */
void text_make_printable(char *string);
/* Begin anew; room for a long text is given back. */
void text_reset(struct text *t);
/* Empty, but for whose it is. */
void text_finish(struct text *t);

#endif
