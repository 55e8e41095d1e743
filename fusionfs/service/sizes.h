/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sizes: what the kernel believes of a file, and which open file it asks about
 *
 * read(2) comes here with its offset and is answered by the text of the open
 * file.  sendfile(2), splice(2) and mmap(2) go through the kernel's pages, and
 * these end where the size of the inode says, which is the size that the kernel
 * was told last.  So each open file knows that size, and refuses a page that
 * the size would cut off.
 *
 * fstat(2) does not say which descriptor it is about.  But stat(2) of a path
 * is a LOOKUP and a GETATTR, and fstat(2) a GETATTR alone; and most programs
 * open a file in the thread that asks for its size.
 */
#ifndef FUSIONFS_SIZES_H
#define FUSIONFS_SIZES_H

#include <stdint.h>
#include <sys/types.h>

/* An open file whose size is asked for. */
struct sized {
	struct sized *next; /* of the same hash */
	uint64_t ino;
	uint64_t told; /* the size that the kernel has of this inode */
	pid_t opener;  /* thread */
};

/* Add an open file of @ino, which thread @tid opens. */
void sizes_open(struct sized *s, uint64_t ino, pid_t tid);
/* Remove it. */
void sizes_close(struct sized *s);

/* Note that the kernel is told this size of @ino. */
void sizes_tell(uint64_t ino, uint64_t size);
/* Note that it is told as an answer to a LOOKUP by @tid. */
void sizes_tell_path(uint64_t ino, pid_t tid, uint64_t size);
/* Note that a write went up to @end: the kernel takes the inode to be as large.
 */
void sizes_written(uint64_t ino, uint64_t end);
/* Find the open file that a GETATTR by @tid is about.  NULL: it is about the
 * path, or cannot be told. */
struct sized *sizes_asked(uint64_t ino, pid_t tid);

#endif
