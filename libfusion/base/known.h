/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which handles of private memory there are
 *
 * A program may give us a handle twice, or any other pointer.  What is freed by
 * its handle is known here as long as it is there: nothing is read at a pointer
 * that is not known.
 */
#ifndef FUSION_KNOWN_H
#define FUSION_KNOWN_H

#include <stdbool.h>

/* Part of what is known; the handle is its address. */
struct known {
	struct known *next_known;
	void *whose; /* does not change */
};

void known_add(struct known *k, void *whose);
/* False: it was not known, or another thread was faster. */
bool known_remove(struct known *k);
/* Is there something at @p, and whose?  NULL: no. */
void *known_whose(const void *p);
/* In the child of a fork. */
void known_after_fork(void);

#endif
