/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A text that grows: what a file of the tree says
 *
 * Invariant: a NUL follows what was added last, and text.len does not count it.
 * A text that could not grow stays as it is, and text.failed says why.
 */
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

/* Add formatted text. */
void text_add(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Add @size bytes. */
void text_append(struct text *t, const void *data, size_t size);
/* Add @ns as seconds with nanosecond digits. */
void text_add_time(struct text *t, uint64_t ns);
/* Replace the control characters of a string. */
void text_make_printable(char *string);
/* Empty the text, and give back the room of a long one. */
void text_reset(struct text *t);
/* Give all room back; the account of text.charge stays open. */
void text_finish(struct text *t);

#endif
