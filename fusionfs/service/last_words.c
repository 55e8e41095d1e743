/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/last_words.h"

#include <stdint.h>
#include <string.h>

/* What is kept for one reader is no longer than this and one message. */
#define LAST_WORDS_MAX (1u << 20)

bool last_words_add(struct last_words *w, struct text *out, size_t sent)
{
	uint64_t n = out->len - sent;

	if (n) {
		text_append(&w->text, &n, sizeof(n));
		text_append(&w->text, out->p + sent, n);
	}
	text_reset(out);
	return !w->text.failed && w->text.len < LAST_WORDS_MAX;
}

bool last_words_next(struct last_words *w, struct text *out)
{
	uint64_t n, left = w->text.len - w->at;

	if (left > sizeof(n)) {
		memcpy(&n, w->text.p + w->at, sizeof(n));
		w->at += sizeof(n);
		/* The last one may be cut: no memory was left for it. */
		if (n > left - sizeof(n))
			n = left - sizeof(n);
		text_append(out, w->text.p + w->at, n);
		w->at += n;
		return true;
	}
	if (w->text.len)
		text_finish(&w->text);
	w->at = 0;
	return false;
}
