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
#include <stdint.h>

/* Part of what is known; the handle is its address. */
struct known {
	struct known *next_known;
	void *whose;   /* does not change */
	uint64_t kind; /* does not change */
};

/* Kinds: the plain ones, of which each function that gets one checks whose it
 * is; and slots, of one kind in each process (talk/slots.c). */
#define KNOWN_PLAIN 1ull
#define KNOWN_SLOT 2ull

/* Of a plain kind. */
void known_add(struct known *k, void *whose);
void known_add_kind(struct known *k, void *whose, uint64_t kind);
/* False: it was not known as a plain one, or another thread was faster. */
bool known_remove(struct known *k);
/* Make it unknown if it is of @kind.  False: as for known_remove(). */
bool known_take(struct known *k, uint64_t kind);
/* Is there something plain at @p, and whose?  NULL: no. */
void *known_whose(const void *p);
/* Of which kind is what lies at @p?  0: nothing is known there. */
uint64_t known_kind(const void *p);
/* In the child of a fork. */
void known_after_fork(void);

#endif
