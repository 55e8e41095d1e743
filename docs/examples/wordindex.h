/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A word index that many processes build together
 *
 * All of it lies in the shared heap and is made of plain pointers.  A file is
 * indexed into a batch of postings, each pushed onto the list of its word; the
 * postings count from the moment that the file's `batch` points to their batch.
 * That is one store: an indexer that is killed before it has added nothing, and
 * whoever takes the file up starts afresh.
 */
#ifndef WORDINDEX_H
#define WORDINDEX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define N_BUCKETS 65536

struct batch;

struct posting {
	struct posting *next; /* of the same word */
	struct batch *batch;
	uint32_t count;
};

struct word {
	struct word *next; /* in the same bucket */
	_Atomic(struct posting *) postings;
	uint32_t length;
	char text[];
};

struct index {
	_Atomic(struct word *) bucket[N_BUCKETS];
};

struct file {
	const char *path;
	uint32_t owner; /* member id of who indexes it; see struct work */
	_Atomic(struct batch *) batch; /* set once: the file is done */
};

struct batch {
	struct file *file;
	struct posting postings[];
};

/* The lock guards what follows, and the owners of the files.  It is notified
 * when there may be something new to do, and at the end. */
struct work {
	struct fusion_skirmish *lock;
	size_t n_files;
	size_t n_done;	     /* files with a batch */
	_Atomic size_t next; /* nobody has had this one or one after it */
	struct file files[];
};

static inline uint32_t hash_word(const char *text, size_t length)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < length; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619u;
	return h;
}

static inline int is_word_char(int c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

#endif
