/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Slabs: spans cut into blocks of one size
 *
 * The sizes are 16 to 128 bytes in steps of 16, then four for each doubling: up
 * to 8 KiB in slabs of one span, up to 128 KiB in slabs of eight.  A slab has a
 * map of one byte for each block: 0 free, else allocated.  The map is in the
 * slab's descriptor.  In classes of less than 64 bytes, which have more than
 * 1024 blocks, it is at the start of the slab.
 */
#ifndef FUSION_CORE_SLAB_H
#define FUSION_CORE_SLAB_H

#include "libfusion/core/heap/span.h"

#define SMALL_MAX 8192u
#define MEDIUM_MAX (128u << 10)

/* How the slabs of a class are laid out. */
struct class_info {
	uint64_t map_add; /* map of slab i: base + map_add + i * map_mul */
	uint32_t map_mul;
	uint32_t magic; /* ceil(2^32 / size): division by multiplication */
	uint32_t data_off;
	uint32_t size;
	uint32_t n_blocks;
	uint32_t n_spans;
};

/* Fill in all classes for the geometry of @v, on which the maps depend. */
void slab_classes(const struct view *v,
		  struct class_info classes[HEAP_CLASSES]);

/* Compute the class for @size, which is at most MEDIUM_MAX. */
unsigned slab_class_of(uint64_t size);
/* Compute the bytes of a block of @class. */
uint32_t slab_class_size(unsigned class);
/* Compute the spans of a slab of @class. */
uint32_t slab_class_spans(unsigned class);

/* Find the map of the slab that begins at @span. */
static inline uint8_t *slab_map(const struct view *v,
				const struct class_info *k, uint32_t span)
{
	return (uint8_t *)v->base + k->map_add + (uint64_t)span * k->map_mul;
}

/* Compute the index of the block at @off bytes from the start of its slab. */
static inline uint32_t slab_index(const struct class_info *k, uint32_t off)
{
	return (uint32_t)(((uint64_t)(off - k->data_off) * k->magic) >> 32);
}

/* Find block @i of the slab that begins at @span. */
static inline char *slab_block(const struct view *v, const struct class_info *k,
			       uint32_t span, uint32_t i)
{
	return span_at(v, span) + k->data_off + (uint64_t)i * k->size;
}

/* A block, as its address leads to it. */
struct block {
	uint64_t word;	/* of its first span */
	uint32_t span;	/* first span of its slab or run */
	uint32_t index; /* in the slab */
	uint8_t *map;	/* its byte, NULL for a run */
	uint64_t size;	/* usable bytes */
};

/* Find the block that begins at @off, which may be any number.  The block may
 * be free.  0; -EINVAL no block begins there. */
int block_find(const struct view *v, const struct class_info *classes,
	       uint64_t off, struct block *ret);
/* Say whether a block is allocated. */
bool block_is_allocated(const struct block *b);

/* Say whether an allocated block begins at @p. */
bool heap_is_allocated(const struct view *v, const void *p);

/* Make the word of a slab of @class for @purpose (WORD_PURPOSE()); @token 0 is
 * an orphan. */
uint64_t slab_word(unsigned class, uint64_t purpose, uint32_t token);
/* Find the word with a bit for each class that may have orphans of the purpose
 * that @word has; NULL if @word names a pool or member that cannot be. */
uint64_t *slab_orphans(const struct view *v, uint64_t word, uint32_t member);
/* Make an orphan of the slab at @span, whose word is @word: any thread may
 * adopt it.  Commit: its word.  0, -EIO. */
int slab_orphan(struct view *v, uint32_t span, uint64_t word);

/* Say whether no block of the slab is allocated. */
bool slab_is_empty(const struct view *v, const struct class_info *k,
		   uint32_t span);

#endif
