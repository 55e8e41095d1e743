/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Marks for AddressSanitizer and Valgrind, which see no blocks in an mmap
 *
 * ASan's functions are weak: a plain libfusion marks its blocks in a program
 * that was built with ASan.  The shadow is private to a process, so a free
 * poisons only what no other process can allocate again: blocks in slabs of
 * the freeing thread.  They are unpoisoned before the slab is given away.
 */
#ifndef FUSION_CORE_TRACK_H
#define FUSION_CORE_TRACK_H

#include <stddef.h>

#if defined(__has_include) && defined(FUSION_VALGRIND)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define TRACK_VALGRIND 1
#endif
#endif

void __asan_poison_memory_region(const volatile void *p, size_t n)
	__attribute__((weak));
void __asan_unpoison_memory_region(const volatile void *p, size_t n)
	__attribute__((weak));

static inline void track_freed(void *p, size_t n)
{
	if (__builtin_expect(__asan_poison_memory_region != NULL, 0))
		__asan_poison_memory_region(p, n);
#ifdef TRACK_VALGRIND
	VALGRIND_MAKE_MEM_NOACCESS(p, n);
#endif
}

/* The block is in use again, or anybody may use it from now on. */
static inline void track_open(void *p, size_t n)
{
	if (__builtin_expect(__asan_unpoison_memory_region != NULL, 0))
		__asan_unpoison_memory_region(p, n);
#ifdef TRACK_VALGRIND
	VALGRIND_MAKE_MEM_DEFINED(p, n);
#endif
}

#endif
