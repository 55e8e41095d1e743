/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/service/writing.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

int writing_copy(char *to, size_t room, const char *data, size_t size)
{
	if (size >= room || memchr(data, 0, size))
		return -EINVAL;
	memcpy(to, data, size);
	to[size] = 0;
	return 0;
}

/* May a value, or its next piece, begin at @off? */
static bool value_fits(const struct writing *w, uint64_t off, bool at_end)
{
	return off == w->end || (!w->len && at_end);
}

/* Add a piece to the value.  1: the value is whole; 0: more may come;
 * -EINVAL. */
static int add_to_value(struct writing *w, const struct node *n,
			const char *data, size_t size)
{
	const char *newline;

	if (writing_copy(w->text + w->len, VALUE_BYTES - w->len, data, size) <
	    0)
		return -EINVAL;
	w->len += size;
	newline = memchr(w->text, '\n', w->len);
	if (newline)
		return newline == w->text + w->len - 1 ? 1 : -EINVAL;
	/* A value that fills the room is whole: programs see the error of a
	 * write, but not always that of a close. */
	return w->len == VALUE_BYTES - 1 ? 1 : node_may_store(n, w->text);
}

void writing_finish(struct writing *w)
{
	text_finish(&w->before);
	text_finish(&w->after);
}

static bool is_same_text(const struct text *a, const struct text *b)
{
	return a->len == b->len && !memcmp(a->p, b->p, a->len);
}

/* Take the value; remember how to take it back. */
static int take_value(struct writing *w, const struct node *n)
{
	int r = node_show(n, &w->before);

	if (r == 0)
		r = node_store(n, w->text);
	if (r == 0)
		r = node_show(n, &w->after);
	if (r < 0)
		writing_finish(w);
	return r;
}

/* Take the value back, as more follows its newline.  A value that another
 * process has set since then stays. */
static void take_value_back(struct writing *w, const struct node *n)
{
	struct text now = {0};

	if (node_show(n, &now) == 0 && is_same_text(&now, &w->after))
		node_store(n, w->before.p);
	text_finish(&now);
	writing_finish(w);
}

int writing_add(struct writing *w, const struct node *n, const char *data,
		size_t size, uint64_t off, bool at_end)
{
	int r = -EINVAL;

	if (!off || (w->ended && off != w->end)) {
		w->len = 0;
		writing_finish(w);
	}
	w->ended = false;
	if (w->after.len)
		take_value_back(w, n);
	else if (!off || value_fits(w, off, at_end))
		r = add_to_value(w, n, data, size);
	if (r != 0)
		w->len = 0; /* at 0 more may come */
	if (r > 0)
		r = take_value(w, n);
	if (r == 0)
		w->end = off + size;
	return r;
}

int writing_end(struct writing *w, const struct node *n)
{
	int r = w->len && !w->ended ? node_store(n, w->text) : 0;

	w->ended = w->len;
	writing_finish(w);
	return r;
}
