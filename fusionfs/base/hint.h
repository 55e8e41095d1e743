/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Hints: where in its table an item was seen last
 *
 * A node has the whole id of its item, which says nothing of the place.  A hint
 * may be about another item, or of old: whoever follows it compares the id of
 * what is there, and looks through the table if it is another one.
 */
#ifndef FUSIONFS_HINT_H
#define FUSIONFS_HINT_H

#include <stdint.h>

enum hint { HINT_RECORD, HINT_MEMBER };

/* That of item @id of the life @life of an arena. */
uint32_t *hint_of(uint64_t life, enum hint kind, uint32_t id);

#endif
