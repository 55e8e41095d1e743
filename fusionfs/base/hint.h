/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hints: at which index of its table an item was seen last
 *
 * A node has the whole id of its item, which says nothing of the index.  A hint
 * may be old, or about another item that shares its word: the caller that
 * follows a hint compares the id of the record there, and searches the table if
 * the id is another.
 */
#ifndef FUSIONFS_HINT_H
#define FUSIONFS_HINT_H

#include <stdint.h>

enum hint { HINT_RECORD, HINT_MEMBER };

/* Return the hint of item @id in life @life of an arena, to read or to set. */
uint32_t *hint_of(uint64_t life, enum hint kind, uint32_t id);

#endif
