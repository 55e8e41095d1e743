/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers in text. */
#ifndef FUSIONFS_PARSE_H
#define FUSIONFS_PARSE_H

#include <stdint.h>

/* Parse "64M" and the like: bytes.  0, -EINVAL. */
int parse_bytes(const char *text, uint64_t *ret);
/* Parse a number of at most @max that is written in the one way that a file's
 * name has it: no leading zeros, no signs.  0, -EINVAL. */
int parse_number(const char *text, uint32_t max, uint32_t *ret);

#endif
