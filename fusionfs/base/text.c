/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEP 65536u /* bytes of room that text_reset() keeps */

static int grow_text(struct text *t, size_t more)
{
	size_t cap = t->cap ? t->cap : 256;
	char *p;
	int r;

	while (cap < t->len + more + 1)
		cap *= 2;
	if (cap == t->cap)
		return 0;
	r = quota_set(&t->charge, cap);
	if (r < 0)
		return r;
	p = realloc(t->p, cap);
	if (!p) {
		quota_set(&t->charge, t->cap);
		return -ENOMEM;
	}
	t->p = p;
	t->cap = cap;
	return 0;
}

/* Keep whole lines, and add one that says that there were more. */
static void cut_text(struct text *t)
{
	static const char last[] = "... cut: the rest is too long\n";

	while (t->len && t->p[t->len - 1] != '\n')
		t->len--;
	t->cut = 1;
	t->failed = grow_text(t, sizeof(last));
	if (t->failed)
		return;
	memcpy(t->p + t->len, last, sizeof(last));
	t->len += sizeof(last) - 1;
}

/* Make room for @n bytes.  0: the text failed, or is cut. */
static int text_fits(struct text *t, size_t n)
{
	if (t->failed || t->cut)
		return 0;
	if (t->max && t->len + n > t->max) {
		cut_text(t);
		return 0;
	}
	t->failed = grow_text(t, n);
	return !t->failed;
}

void text_add(struct text *t, const char *fmt, ...)
{
	va_list ap, again;
	int n;

	va_start(ap, fmt);
	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	/* The text has room for what vsnprintf() counted before, and a member
	 * may be changing the string that is printed: count again. */
	if (n < 0)
		t->failed = t->failed ? t->failed : -ENOMEM;
	else if (text_fits(t, (size_t)n)) {
		vsnprintf(t->p + t->len, (size_t)n + 1, fmt, again);
		t->len += strlen(t->p + t->len);
	}
	va_end(again);
}

void text_append(struct text *t, const void *data, size_t size)
{
	if (!text_fits(t, size))
		return;
	memcpy(t->p + t->len, data, size);
	t->len += size;
	t->p[t->len] = 0;
}

void text_add_time(struct text *t, uint64_t ns)
{
	text_add(t, "%" PRIu64 ".%09" PRIu64, ns / 1000000000, ns % 1000000000);
}

void text_reset(struct text *t)
{
	if (t->cap > KEEP)
		text_finish(t);
	t->len = 0;
	t->failed = t->cut = 0;
}

void text_finish(struct text *t)
{
	free(t->p);
	quota_force(&t->charge, 0);
	*t = (struct text){.max = t->max, .charge = t->charge};
}

void text_make_printable(char *string)
{
	for (char *p = string; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
}
