/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Last words: what a reader has not read yet when the life of its arena ends
 *
 * The memory that the messages are in goes with the arena, so they are copied
 * out of it before.  Each later read gets one of them, as it would have got it
 * from the arena; then comes the end.
 */
#ifndef FUSIONFS_LAST_WORDS_H
#define FUSIONFS_LAST_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "fusionfs/base/text.h"

struct arena;

struct last_words {
	struct text text; /* of each message its length, then its bytes */
	size_t at;	  /* the first one that is not read yet */
};

/* Move the next message to @out.  false: there is none. */
bool last_words_next(struct last_words *w, struct text *out);

/* Keep what the reader of the port @arg has not read yet.  Under the guard. */
int last_words_keep(struct arena *a, void *arg);

#endif
