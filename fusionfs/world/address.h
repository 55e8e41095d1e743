/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Addresses: where in the address window of all members an arena lies
 *
 * The search begins somewhere that the name decides, so that arenas of
 * different mounts seldom want the same address.
 */
#ifndef FUSIONFS_ADDRESS_H
#define FUSIONFS_ADDRESS_H

#include <stdint.h>

struct arena;
struct window_busy;

/* Choose the base of an arena called @name.  Arena @except may lie there now;
 * @busy, or NULL, says what is taken in the process that asks.  0: no room. */
uint64_t address_choose(const char *name, uint64_t span,
			const struct arena *except,
			const struct window_busy *busy);

#endif
