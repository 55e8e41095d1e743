/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sparse mappings: much address space, of which a part has memory
 *
 * When a program locks its memory with mlockall(2), the kernel fills every
 * mapping to its end: an arena would take its whole span, a table its whole
 * size.  Two measures prevent that.
 *
 * First, a mapping made after mlockall(MCL_FUTURE) would be filled at once, and
 * would count against RLIMIT_MEMLOCK.  So sparse_map() maps one page, unlocks
 * it, and lets the mapping grow in place: the new pages stay unlocked.
 *
 * Second, mlockall(MCL_CURRENT) fills existing mappings one by one, each from
 * its first page on until one page fails.  So a page that is never used, and
 * that lies before all holes, gets a guard (sparse_guard()): there the kernel
 * gives up.  Linux has guards in files since 6.15.  On an older kernel the
 * program must pass MCL_ONFAULT, too.
 *
 * Pages that come into use later are locked one by one at that moment.
 */
#ifndef FUSION_CORE_SPARSE_H
#define FUSION_CORE_SPARSE_H

#include <stddef.h>

#define SPARSE_PAGE 4096u

/*
 * Map @size bytes, readable and writable, exactly at @at, or anywhere if @at is
 * NULL.  @flags and @fd as for mmap(2): MAP_ANONYMOUS and -1 for private
 * memory.
 *
 *   0        *ret is the address
 *   -EEXIST  something is mapped there
 *   -ENOMEM  no memory
 *   other    an error of mmap(2)
 */
int sparse_map(void *at, size_t size, int flags, int fd, void **ret);

/* Guard the page at @page: no access is allowed any more, and mlockall(2) stops
 * there.  Does nothing on a kernel that has no guards. */
void sparse_guard(void *page);

#endif
