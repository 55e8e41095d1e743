/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/last_words.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "fusionfs/service/ports.h"

/* What is kept for one reader is no longer than this and one message. */
#define LAST_WORDS_MAX (1u << 20)
/* How often a port is asked: there may be an empty message in each cell of a
 * ring. */
#define LOOKS_MAX 16384

/* Add what is in @out from @sent on, if anything, and empty @out.  false: no
 * more is kept, as there is much already, or the quota of the reader is used
 * up. */
static bool add_last_words(struct last_words *w, struct text *out, size_t sent)
{
	uint64_t n = out->len - sent;

	if (n) {
		text_append(&w->text, &n, sizeof(n));
		text_append(&w->text, out->p + sent, n);
	}
	text_reset(out);
	return !w->text.failed && w->text.len < LAST_WORDS_MAX;
}

/* -EAGAIN with the clock on: the kind has looked at a part only. */
int last_words_keep(struct arena *a, void *arg)
{
	struct port *p = arg;
	int r;

	(void)a;
	for (int n = 0; n < LOOKS_MAX; n++) {
		if (!add_last_words(&p->last, &p->out, p->sent))
			break;
		p->sent = 0;
		r = p->ops->fill(p);
		if (r == 0 ? !p->out.len : r != -EAGAIN || !p->look_ns)
			break;
	}
	return 0;
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
