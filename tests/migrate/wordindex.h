/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A word index that many processes build together
 *
 * The index lies in the shared heap and consists of plain pointers.  A process
 * indexes a file into a batch of postings and pushes each posting onto the list
 * of its word.
 *
 * Invariant: a posting counts if its file's `batch` points to its batch.  So
 * one store commits a file.  A process that is killed before that store has
 * added nothing, and the next process that takes the file starts afresh.
 */
#ifndef WORDINDEX_H
#define WORDINDEX_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define N_BUCKETS 65536

struct batch;

struct posting {
	struct posting *next; /* posting of this word */
	struct batch *batch;
	uint32_t count;
};

struct word {
	struct word *next; /* word of this bucket */
	_Atomic(struct posting *) postings;
	uint32_t length;
	char text[];
};

struct index {
	_Atomic(struct word *) bucket[N_BUCKETS];
};

struct file {
	const char *path;
	uint32_t owner; /* id of the member that indexes it; guarded by
			   work.lock */
	_Atomic(struct batch *) batch; /* set once, which commits the file */
};

struct batch {
	struct file *file;
	struct posting postings[];
};

/* The work list.  `lock` guards the members below it and the owners of the
 * files.  A process notifies it when there may be a file to take, and when all
 * files are done. */
struct work {
	struct fusion_skirmish *lock;
	size_t n_files;
	size_t n_done; /* files with a batch */
	_Atomic size_t
		next; /* no process has taken this file or a later one yet */
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
