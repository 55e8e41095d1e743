/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fusionfs/files/heap.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fusionfs/world/guard.h"
#include "libfusion/core/heap/span.h"

#define READ_MAX (1u << 20) /* the most that the kernel asks for at once */

static int read_heap_end(struct arena *a, void *arg)
{
	uint64_t *end = arg;

	*end = (uint64_t)((const char *)span_at(&a->view, span_hi(&a->view)) -
			  a->view.base);
	return 0;
}

static uint64_t heap_size(struct arena *a)
{
	struct stat st;
	uint64_t end;

	/* A corrupt arena shows its whole file, for whoever examines it. */
	if (guarded(a, read_heap_end, &end) < 0)
		end = fstat(a->store.heap, &st) < 0 ? 0 : (uint64_t)st.st_size;
	return end > SPAN_MAX ? SPAN_MAX : end;
}

void heap_stat(const struct node *n, struct stat *st)
{
	st->st_size = (off_t)heap_size(n->arena);
	st->st_blocks = (blkcnt_t)(view_used(&n->arena->view) / 512);
}

ssize_t heap_read(struct arena *a, size_t size, off_t off, const char **ret)
{
	static char buffer[READ_MAX]; /* the daemon has one thread */
	uint64_t end = heap_size(a);
	ssize_t n;

	if (off < 0 || (uint64_t)off >= end)
		return 0;
	if (size > READ_MAX)
		size = READ_MAX;
	if (size > end - (uint64_t)off)
		size = (size_t)(end - (uint64_t)off);
	n = pread(a->store.heap, buffer, size, off);
	*ret = buffer;
	return n < 0 ? -errno : n;
}

off_t heap_seek(struct arena *a, off_t off, int whence)
{
	uint64_t end = heap_size(a);
	off_t at;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	if (off < 0 || (uint64_t)off >= end)
		return -ENXIO;
	at = lseek(a->store.heap, off, whence);
	if (at < 0)
		return -errno;
	/* A hole begins at the end. */
	if ((uint64_t)at >= end)
		return whence == SEEK_HOLE ? (off_t)end : -ENXIO;
	return at;
}
