/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libfusion/core/base/sparse.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static int map_pages(void *at, size_t size, int flags, int fd, void **ret)
{
	void *p;

	if (at)
		flags |= MAP_FIXED_NOREPLACE;
	p = mmap(at, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	/* A kernel older than 4.17 takes the address for a hint. */
	if (at && p != at) {
		munmap(p, size);
		return -EEXIST;
	}
	*ret = p;
	return 0;
}

/* Grow the page at @p to @size bytes.  MAP_FAILED: it is unmapped. */
static void *grow_page(void *p, bool may_move, size_t size)
{
	void *grown = MAP_FAILED;

	/* A page that is not locked grows into pages that are not locked. */
	if (munlock(p, SPARSE_PAGE) == 0)
		grown = mremap(p, SPARSE_PAGE, size,
			       may_move ? MREMAP_MAYMOVE : 0);
	if (grown == MAP_FAILED)
		munmap(p, SPARSE_PAGE);
	return grown;
}

int sparse_map(void *at, size_t size, int flags, int fd, void **ret)
{
	void *p = NULL;
	int r = map_pages(at, SPARSE_PAGE, flags, fd, &p);

	if (r < 0)
		return r;
	p = grow_page(p, !at, size);
	if (p != MAP_FAILED) {
		*ret = p;
		return 0;
	}
	/* If something is in the way, mmap(2) says what.  If the system cannot
	 * grow a mapping in this way, mmap(2) may work. */
	return map_pages(at, size, flags, fd, ret);
}

void sparse_guard(void *page)
{
	if (madvise(page, SPARSE_PAGE, MADV_GUARD_INSTALL) < 0)
		return;
}
