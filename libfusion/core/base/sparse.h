/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sparse mappings: much address space, of which a part has memory
 *
 * A program that locks its memory with mlockall(2) has the kernel fill every
 * mapping to its end: an arena would take its whole span, a table its whole
 * size.  Two things keep it from that.
 *
 * - A mapping made after mlockall(MCL_FUTURE) would be filled at once, and
 *   would count against RLIMIT_MEMLOCK.  sparse_map() maps one page, unlocks
 *   it, and lets it grow where it is: what grows stays unlocked.
 * - mlockall(MCL_CURRENT) fills what is mapped already, mapping by mapping,
 *   each from its first page on until one page cannot be had.  So a page that
 *   is never used, and lies before all holes, gets a guard (sparse_guard()):
 *   there the kernel gives up.  Linux has guards in files since 6.15; on an
 *   older one a program says MCL_ONFAULT, too.
 *
 * What is locked later is locked page by page, as it comes into use.
 */
#ifndef FUSION_CORE_SPARSE_H
#define FUSION_CORE_SPARSE_H

#include <stddef.h>

#define SPARSE_PAGE 4096u

/*
 * Map @size bytes, readable and writable.  @at NULL: anywhere; else exactly
 * there.  @flags as for mmap(2), with @fd -1 and MAP_ANONYMOUS for memory of
 * our own.  0; -EEXIST something is there; -ENOMEM, or what mmap(2) says.
 */
int sparse_map(void *at, size_t size, int flags, int fd, void **ret);

/* Nobody may use the page at @page any more, and mlockall(2) ends at it.  Does
 * nothing on a kernel that has no guards. */
void sparse_guard(void *page);

#endif
