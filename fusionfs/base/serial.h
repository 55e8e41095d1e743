/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Serials: numbers that tell apart arenas, and the lives of an arena
 *
 * A serial has 64 bits and is never given twice.  Its low bits are a number
 * that fits into the ids of nodes, its high bits the generation that the kernel
 * is told with them.  A number comes back only when its arena is gone and the
 * kernel has forgotten every node with that number.  Until then a descriptor,
 * or a process in the directory, could still ask for such a node, and would get
 * a node of another arena.  So the lookups of each number are counted.
 */
#ifndef FUSIONFS_SERIAL_H
#define FUSIONFS_SERIAL_H

#include <stdint.h>

#ifndef SERIAL_BITS
#define SERIAL_BITS 24
#endif
#define SERIAL_NUMBER(serial) ((uint32_t)(serial) & ((1u << SERIAL_BITS) - 1))
#define SERIAL_GENERATION(serial) ((uint64_t)(serial) >> SERIAL_BITS)

/* Begin a serial, whose number is not 0.  0: no memory, or no number is free.
 */
uint64_t serial_begin(void);
/* End a serial: its arena, or life of an arena, is gone.  Takes 0, too. */
void serial_end(uint64_t serial);
/* Count one more node with this number that the kernel knows.  Takes any
 * number. */
void serial_looked_up(uint32_t number);
/* Count @lookups nodes less: the kernel has forgotten them.  Takes any number.
 */
void serial_forgotten(uint32_t number, uint64_t lookups);
/* Forget all serials. */
void serials_finish(void);

#endif
