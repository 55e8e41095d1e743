/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slabs: spans cut into blocks of one size
 *
 * 16..128 in steps of 16, then four sizes a doubling up to 8 KiB in slabs of
 * one span, and on to 128 KiB in slabs of eight.  Classes of less than 64
 * bytes have more than 1024 blocks: their map is at the start of the slab.
 */
#ifndef FUSION_CORE_SLAB_H
#define FUSION_CORE_SLAB_H

#include "libfusion/core/heap/span.h"

#define SMALL_MAX 8192u
#define MEDIUM_MAX (128u << 10)

struct class_info {
	uint64_t map_add; /* map of slab i: base + map_add + i * map_mul */
	uint32_t map_mul;
	uint32_t magic; /* ceil(2^32 / size): division by multiplication */
	uint32_t data_off;
	uint32_t size;
	uint32_t n_blocks;
	uint32_t n_spans;
};

/* Filled for the geometry of @v; the map of small classes depends on it. */
void slab_classes(const struct view *v,
		  struct class_info classes[HEAP_CLASSES]);

/* The class for @size, which is at most MEDIUM_MAX. */
unsigned slab_class_of(uint64_t size);
uint32_t slab_class_size(unsigned class);
uint32_t slab_class_spans(unsigned class);
uint32_t slab_class_blocks(unsigned class);

static inline uint8_t *slab_map(const struct view *v,
				const struct class_info *k, uint32_t span)
{
	return (uint8_t *)v->base + k->map_add + (uint64_t)span * k->map_mul;
}

static inline uint32_t slab_index(const struct class_info *k, uint32_t off)
{
	return (uint32_t)(((uint64_t)(off - k->data_off) * k->magic) >> 32);
}

static inline char *slab_block(const struct view *v, const struct class_info *k,
			       uint32_t span, uint32_t i)
{
	return span_at(v, span) + k->data_off + (uint64_t)i * k->size;
}

/* A block as a pointer names it. */
struct block {
	uint64_t word;	/* of its first span */
	uint32_t span;	/* first span of its slab or run */
	uint32_t index; /* in the slab */
	uint8_t *map;	/* its byte, NULL for a run */
	uint64_t size;	/* usable bytes */
};

/* Where does @off lie?  0; -EINVAL not the start of a block (*ret is not
 * written); the block may be free.  Trusts nothing. */
int block_find(const struct view *v, const struct class_info *classes,
	       uint64_t off, struct block *ret);
bool block_is_allocated(const struct block *b);

/* Is there an allocated block that begins at @p? */
bool heap_is_allocated(const struct view *v, const void *p);

/* Word of a slab of @class for @purpose (WORD_PURPOSE()); token 0: orphan. */
uint64_t slab_word(unsigned class, uint64_t purpose, uint32_t token);
/* Where it is noted, a bit for each class, that there may be orphans of this
 * purpose; NULL if @word names a pool or member that cannot be. */
uint64_t *slab_orphans(const struct view *v, uint64_t word, uint32_t member);
/* Leave the slab, now @word, to whoever adopts it.  Commit: its word. */
int slab_orphan(struct view *v, uint32_t span, uint64_t word);

/* No block of the slab is allocated. */
bool slab_is_empty(const struct view *v, const struct class_info *k,
		   uint32_t span);

#endif
